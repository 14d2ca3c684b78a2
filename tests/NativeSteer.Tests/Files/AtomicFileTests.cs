using System.Text;
using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Writes_and_replaces_and_leaves_nothing_else()
    {
        AtomicFile.WriteAllText(_folder["a.txt"], "one");
        AtomicFile.WriteAllText(_folder["a.txt"], "zwei ä");
        Assert.Equal("zwei ä"u8.ToArray(), File.ReadAllBytes(_folder["a.txt"]));
        Assert.Equal(["a.txt"], _folder.Names);
    }

    [Fact]
    public void A_failure_halfway_keeps_the_old_file_and_passes_the_callers_error_on()
    {
        AtomicFile.WriteAllText(_folder["a.txt"], "old");
        Assert.Throws<FormatException>(() => AtomicFile.Write(_folder["a.txt"], stream =>
        {
            stream.Write(new byte[200_000]);
            throw new FormatException();
        }));
        Assert.Equal("old", File.ReadAllText(_folder["a.txt"]));
        Assert.Equal(["a.txt"], _folder.Names);
    }

    [Fact]
    public void An_io_error_of_the_writer_names_the_path()
    {
        Fails.With(
            () => AtomicFile.Write(_folder["a.txt"], _ => throw new IOException("No space left on device", 28)),
            "a.txt", "the disk is full");
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Fails.With(() => AtomicFile.WriteAllText(_folder["no/such/a.txt"], ""), "no/such/a.txt", "its folder does not exist");

    [Fact]
    public void A_directory_is_refused() => Fails.With(() => AtomicFile.WriteAllText(_folder.Path, ""), _folder.Path, "is a directory");

    [Fact]
    public void An_empty_path_is_refused() => Fails.With(() => AtomicFile.WriteAllText("", ""), "An empty path");

    [Fact]
    public void A_line_break_in_the_path_does_not_break_the_error() =>
        Fails.With(() => AtomicFile.WriteAllText(_folder["no\nsuch/a.txt"], ""), "no\\u000asuch");

    [Fact]
    public void An_unwritable_folder_is_named()
    {
        // Root may write anywhere but here.
        if (!Directory.Exists("/proc/self")) return;
        Fails.With(() => AtomicFile.WriteAllText("/proc/self/a.txt", ""), "/proc/self/a.txt", "cannot be written");
    }

    [Fact]
    public void Devices_are_written_directly()
    {
        if (!File.Exists("/dev/full")) return;
        AtomicFile.WriteAllText("/dev/null", "gone");
        Assert.True(File.Exists("/dev/null"));
        Fails.With(() => AtomicFile.WriteAllText("/dev/full", "x"), "/dev/full", "the disk is full");
        Fails.With(() => AtomicFile.Write("/dev/full", stream => stream.Write(new byte[1 << 20])), "/dev/full", "the disk is full");
    }

    [Fact]
    public void A_symbolic_link_stays_and_its_target_changes()
    {
        if (OperatingSystem.IsWindows()) return;
        _folder.Write("target", "old");
        File.CreateSymbolicLink(_folder["link"], _folder["target"]);
        AtomicFile.WriteAllText(_folder["link"], "new");
        Assert.Equal("new", File.ReadAllText(_folder["target"], Encoding.UTF8));
        Assert.NotNull(new FileInfo(_folder["link"]).LinkTarget);
    }

    [Fact]
    public void The_mode_of_a_replaced_file_stays()
    {
        if (OperatingSystem.IsWindows()) return;
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(_folder.Write("a", "old"), mode);
        AtomicFile.WriteAllText(_folder["a"], "new");
        Assert.Equal(mode, File.GetUnixFileMode(_folder["a"]));
    }
}
