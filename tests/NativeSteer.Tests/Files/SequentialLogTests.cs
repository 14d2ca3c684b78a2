using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Files;

public sealed class SequentialLogTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Cut_at_any_byte_and_gone_on_with_it_is_the_same_file()
    {
        var whole = _folder["whole.jsonl"];
        using (var log = SequentialLog.Create(whole)) Fill(log, 12);
        var bytes = File.ReadAllBytes(whole);
        for (var length = 0; length <= bytes.Length; length++)
        {
            var path = _folder["cut.jsonl"];
            File.WriteAllBytes(path, bytes[..length]);
            using (var log = SequentialLog.Continue(path)) Fill(log, 12);
            Assert.Equal(bytes, File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void Lines_are_passed_over_together_or_not_at_all()
    {
        var path = _folder["log.jsonl"];
        using (var log = SequentialLog.Create(path)) Fill(log, 5);
        using var again = SequentialLog.Continue(path);
        Assert.Equal(5, again.Present);
        Assert.True(again.TryPass(4));
        Assert.False(again.TryPass(2));
        Assert.Equal(4, again.Position);
        again.Write(json => json.WriteNumber("line", 99)); // the file has it already
        again.Write(json => json.WriteNumber("line", 5));
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"{{\"line\":{i}}}"), File.ReadAllLines(path));
    }

    private static void Fill(SequentialLog log, int lines)
    {
        for (var i = 0; i < lines; i++) log.Write(json => json.WriteNumber("line", i));
    }
}
