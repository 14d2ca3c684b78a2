using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.Sdk;

namespace NativeSteer.Tests.Support;

/// <summary>Files that may lie in a folder "shared" beside the checkout. Tests that use them are skipped without it.</summary>
internal static class SharedFolder
{
    /// <summary>The 260K-weight TinyStories model, or null.</summary>
    internal static string? Stories260K => Find("models/stories260K.gguf");

    internal static string? Find(string file)
    {
        var path = Path.GetFullPath(Path.Combine(Root, "..", "shared", file));
        return File.Exists(path) ? path : null;
    }

    /// <summary>The checkout.</summary>
    internal static string Root { get; } = FindRoot();

    private static string FindRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}

/// <summary>A test that needs a real model from the shared folder, skipped with the reason when it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class StoriesFactAttribute : FactAttribute
{
    public StoriesFactAttribute()
    {
        if (SharedFolder.Stories260K is null) Skip = "needs ../shared/models/stories260K.gguf";
    }
}

/// <summary>A test that needs a file of the shared folder, skipped with the reason when it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(string file)
    {
        if (SharedFolder.Find(file) is null) Skip = $"needs ../shared/{file}";
    }
}

/// <summary>A theory's case on a model by name: "tiny", which the tests write, or "stories260K", skipped where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class ModelDataAttribute : DataAttribute
{
    private readonly string _name;

    public ModelDataAttribute(string name)
    {
        _name = name;
        if (!string.Equals(name, "tiny", StringComparison.Ordinal) && SharedFolder.Stories260K is null) Skip = "needs ../shared/models/stories260K.gguf";
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_name]];
}
