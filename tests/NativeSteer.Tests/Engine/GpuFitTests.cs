using NativeSteer.Engine;
using NativeSteer.Interop;
using NativeSteer.Tests.Cli;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>What is said where a GPU cannot be used, or has too little room.</summary>
public sealed class GpuFitTests
{
    private const long Mebibyte = 1 << 20;

    // 4 blocks of 100, 110, 120, 130 MiB, an output of 50 and embeddings of 50, in MiB of bytes.
    private static readonly GgufTensor[] s_tensors =
    [
        .. Enumerable.Range(0, 4).Select(block => Tensor($"blk.{block}.ffn_up.weight", 100 + 10 * block)), Tensor("output.weight", 50), Tensor("token_embd.weight", 50),
    ];

    [Theory]
    [InlineData(512 + 49, 0)]
    [InlineData(512 + 50, 1)] // the output
    [InlineData(512 + 50 + 129, 1)]
    [InlineData(512 + 50 + 130, 2)] // and the last block
    [InlineData(512 + 50 + 130 + 120, 3)]
    [InlineData(512 + 50 + 130 + 120 + 110, 4)]
    [InlineData(4096, 5)]
    public void Layers_are_counted_from_the_output_down(int mebibytes, int expected) => Assert.Equal(expected, GpuFit.Layers(s_tensors, 4, mebibytes * Mebibyte));

    [Fact]
    public void Tied_embeddings_count_as_the_output() =>
        Assert.Equal(0, GpuFit.Layers([Tensor("token_embd.weight", 50), Tensor("blk.0.ffn_up.weight", 10)], 1, (512 + 49) * Mebibyte));

    [Fact]
    public void The_line_says_how_much_there_is_and_what_to_give()
    {
        GpuFit.Device[] devices = [new("CUDA0", 700 * Mebibyte, 8L << 30)];
        Assert.Equal(
            "model.gguf does not fit into the memory of the GPU (CUDA0 0.7 free of 8.0 GiB): about 2 of its 5 layers would, the output being one; give -ngl 2, fewer for a long context, or -ngl 0 for the CPU.",
            GpuFit.TooSmall("model.gguf", s_tensors, 4, devices).Message);
        Assert.EndsWith("run it on the CPU with -ngl 0.", GpuFit.TooSmall("model.gguf", s_tensors, 4, [devices[0] with { Free = 0 }]).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4096.00 MiB on device 0: cudaMalloc failed: out of memory", true)]
    [InlineData("unable to allocate CUDA0 buffer", true)]
    [InlineData("tensor 'x' has wrong shape", false)]
    public void A_full_device_is_told_from_other_errors(string message, bool expected) => Assert.Equal(expected, GpuFit.IsFull(message));

    [Fact]
    public void The_processors_memory_is_no_GPUs()
    {
        NativeRuntime.EnsureLoaded();
        Assert.DoesNotContain(GpuFit.Devices(), device => device.Name.StartsWith("CPU", StringComparison.Ordinal));
        ShimApi.ns_device_memory(-1, out var free, out var total);
        Assert.Equal((0, 0), (free, total));
    }

    [Fact]
    public async Task Code_for_a_GPU_that_cannot_be_loaded_is_one_line_and_the_processor_goes_on()
    {
        using var folder = new TestFolder();
        foreach (var library in Directory.EnumerateFiles(LlamaLibrary.Directory)) File.CreateSymbolicLink(folder[Path.GetFileName(library)], library);
        File.WriteAllText(folder["libggml-cuda.so"], "no library");
        string[] arguments = ["generate", "-m", TinyModel.Path, "-p", "the", "-n", "2"];
        var (code, output, error) = await Run(arguments);
        Assert.Equal(0, code);
        Assert.NotEmpty(output);
        Assert.Single(error.Split('\n'), line => line.StartsWith("nativesteer: libggml-cuda.so cannot be loaded: ", StringComparison.Ordinal) && line.Contains("runs on the CPU", StringComparison.Ordinal));
        Assert.DoesNotContain("libggml-cuda", (await Run([.. arguments, "-ngl", "0"])).Error, StringComparison.Ordinal);

        async Task<(int Code, string Output, string Error)> Run(string[] args)
        {
            using var process = CliRun.Start((NativeRuntime.DirectoryVariable, folder.Path), args);
            var results = process.StandardOutput.ReadToEndAsync();
            var notes = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, await results, notes);
        }
    }

    private static GgufTensor Tensor(string name, int mebibytes) => new(name, GgmlType.F32, [mebibytes * Mebibyte / sizeof(float)], 0, mebibytes * Mebibyte);
}
