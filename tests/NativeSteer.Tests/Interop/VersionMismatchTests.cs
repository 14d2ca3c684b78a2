using System.Diagnostics;
using System.Runtime.InteropServices;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Interop;

/// <summary>
/// A libnativesteer that was built with the headers of another llama.cpp refuses to work, in one clear sentence: its part
/// that checks this (native/runtime.cpp) is built here a second time, with another version told to it.
/// </summary>
public sealed unsafe class VersionMismatchTests
{
    [Theory]
    [InlineData("0.4.0")]
    [InlineData("0.5.00")] // no prefix of the other, either
    [InlineData("0.5")]
    public void The_versions_of_library_and_headers_are_compared(string headers)
    {
        var llama = Path.GetFullPath(Path.Combine(VocabularyFiles.Folder, ".."));
        var libraries = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        var source = Path.GetFullPath(Path.Combine(SharedFolder.Root, "native", "runtime.cpp"));
        using var folder = new TestFolder();
        var built = Build(folder, headers, llama, libraries, source);
        if (built is null) return; // no g++ here: a library built elsewhere is tested

        var library = NativeLibrary.Load(built);
        var initialize = (delegate* unmanaged[Cdecl]<byte*, nint, int>)NativeLibrary.GetExport(library, "ns_initialize");
        var lastError = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(library, "ns_last_error");
        var directory = Marshal.StringToCoTaskMemUTF8(libraries);
        var status = initialize((byte*)directory, 0);
        var error = Marshal.PtrToStringUTF8((nint)lastError())!;
        Marshal.FreeCoTaskMem(directory);

        Assert.NotEqual(0, status);
        Assert.Contains($"headers of {headers}", error, StringComparison.Ordinal);
        Assert.Contains("rebuild libnativesteer with -DLLAMA_DIR", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    private static string? Build(TestFolder folder, string headers, string llama, string libraries, string source)
    {
        var start = new ProcessStartInfo("g++") { RedirectStandardError = true, UseShellExecute = false };
        string[] arguments =
        [
            "-std=c++17", "-shared", "-fPIC", $"-DNS_LLAMA_VERSION=\"{headers}\"", "-I", Path.Combine(llama, "include"),
            "-I", Path.Combine(llama, "ggml", "include"), "-o", folder["other.so"], source,
            .. Directory.GetFiles(libraries, "libllama.*so*"), .. Directory.GetFiles(libraries, "libggml.*so*"),
            .. Directory.GetFiles(libraries, "libggml-base.*so*"), $"-Wl,-rpath,{libraries}",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, errors);
            return folder["other.so"];
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
