using System.Reflection;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Running;

/// <summary>Who this is.</summary>
internal static class Product
{
    /// <summary>NativeSteer's version, e.g. <c>0.1.0</c>.</summary>
    internal static string Version
    {
        get
        {
            var version = typeof(Product).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
            var build = version.IndexOf('+', StringComparison.Ordinal);
            return build < 0 ? version : version[..build];
        }
    }

    /// <summary>Both versions in a line; still useful where the native libraries do not load.</summary>
    internal static string Versions()
    {
        try
        {
            return $"nativesteer {Version} (llama.cpp {LlamaLibrary.Version})";
        }
        catch (NativeSteerException error)
        {
            return $"nativesteer {Version} (llama.cpp: {error.Message})";
        }
    }
}
