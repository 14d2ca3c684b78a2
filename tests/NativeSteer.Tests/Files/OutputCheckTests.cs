using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Files;

public sealed class OutputCheckTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_read_is_not_written_over_under_any_name()
    {
        var data = _folder.Write("data.jsonl", "{}");
        File.CreateSymbolicLink(_folder["link"], data);
        OutputCheck.Distinct([_folder["out"], null, _folder["log"]], data, null);
        foreach (var output in new[] { data, _folder["link"], Path.Combine(_folder.Path, ".", "data.jsonl") })
            Fails.With(() => OutputCheck.Distinct([output], data), "is read and would be replaced");
        Fails.With(() => OutputCheck.Distinct([data], _folder["link"]), "is read and would be replaced");
    }

    [Fact]
    public void Two_outputs_are_two_files() =>
        Fails.With(() => OutputCheck.Distinct([_folder["a"], _folder["b"], _folder["a"]]), "would be written twice");
}
