using System.Reflection;
using System.Runtime.InteropServices;
using Xunit;

namespace NativeSteer.Tests.Interop;

public class NativeFilesTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");

    [Theory]
    [InlineData("libnativesteer.so")]
    [InlineData("LICENSE-llama.cpp")]
    public void The_native_files_lie_beside_the_tests(string name) => Assert.True(File.Exists(Path.Combine(Folder, name)), name);

    [Fact]
    public void The_library_loads_from_there_with_its_own_llama()
    {
        var library = NativeLibrary.Load(Path.Combine(Folder, "libnativesteer.so"));
        Assert.NotEqual(0, library);
        NativeLibrary.Free(library);
    }

    [Fact]
    public void The_tokenizer_test_files_are_where_the_build_says()
    {
        var folder = typeof(NativeFilesTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "LlamaVocabDirectory").Value;
        Assert.True(File.Exists(Path.Combine(folder!, "ggml-vocab-qwen2.gguf.inp")), folder);
    }
}
