using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Lets native code pass an object along to a callback, as long as this lives.</summary>
/// <typeparam name="T">Its class.</typeparam>
/// <param name="target">The object.</param>
internal readonly ref struct Handle<T>(T target) where T : class
{
    private readonly GCHandle _handle = GCHandle.Alloc(target);

    /// <summary>What native code is given.</summary>
    internal nint Pointer => GCHandle.ToIntPtr(_handle);

    /// <summary>Native code no longer calls.</summary>
    public void Dispose() => _handle.Free();
}
