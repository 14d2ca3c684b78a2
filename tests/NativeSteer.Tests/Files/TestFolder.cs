using Xunit;

namespace NativeSteer.Tests.Files;

/// <summary>A folder of its own for a test, gone afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nativesteer-test-");

    public string Path => _folder.FullName;

    public string this[string name] => System.IO.Path.Combine(_folder.FullName, name);

    public string[] Names => _folder.GetFileSystemInfos().Select(info => info.Name).Order(StringComparer.Ordinal).ToArray();

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public void Dispose() => _folder.Delete(recursive: true);
}

/// <summary>What every error must be: our exception, one line, with the parts that the user needs.</summary>
internal static class Fails
{
    public static NativeSteerException With(Action action, params string[] parts)
    {
        var error = Assert.Throws<NativeSteerException>(action);
        IsOneLine(error);
        foreach (var part in parts) Assert.Contains(part, error.Message, StringComparison.Ordinal);
        return error;
    }

    public static void IsOneLine(NativeSteerException error)
    {
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain('\r', error.Message);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
    }
}
