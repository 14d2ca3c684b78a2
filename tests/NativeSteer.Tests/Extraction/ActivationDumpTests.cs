using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Extraction;

public sealed class ActivationDumpTests : IDisposable
{
    private static readonly LanguageModel s_model = Models.Tiny;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_holds_the_rows_that_one_decode_of_the_prompt_gives(bool half)
    {
        const string prompt = "so wait hmm 日 the a longer prompt than one batch";
        using var context = s_model.CreateContext(ExtractionData.Exact with { ContextLength = 256, BatchLength = 8 });
        var files = ActivationDump.Write(context, [prompt], _folder["a.safetensors"], new DumpOptions { Half = half });
        Assert.Equal([_folder["a.safetensors"]], files);

        using var file = SafetensorsFile.Open(files[0]);
        var tokens = s_model.Vocabulary.Tokenize(prompt);
        Assert.Equal(tokens.Select(token => (long)token), file.ReadIntegers("token_ids"));
        Assert.Equal([tokens.Length, TinyModel.Layers, TinyModel.Width], file.Find("hidden_states")!.Shape);
        Assert.Equal(half ? SafetensorsType.F16 : SafetensorsType.F32, file.Find("hidden_states")!.Type);
        var tolerance = half ? 0.01 : 1e-4;
        Assert.Equal(ExtractionData.Alone(tokens).Values.ToArray(), file.ReadFloats("hidden_states"), (x, y) => Math.Abs(x - y) < tolerance);
        Assert.Equal(("tiny.gguf", "0,1,2,3", "l_out", prompt), (file.Metadata["model"], file.Metadata["layers"], file.Metadata["site"], file.Metadata["prompt"]));
    }

    [Fact]
    public void Several_prompts_go_to_numbered_files_and_sites_and_layers_can_be_chosen()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 256 });
        var files = ActivationDump.Write(context, ["so", "wait the"], _folder["b.safetensors"], new DumpOptions { Site = HookSite.FeedForward, Layers = [2, 0] });
        Assert.Equal(["b-0001.safetensors", "b-0002.safetensors"], _folder.Names);
        using var file = SafetensorsFile.Open(files[1]);
        Assert.Equal(("0,2", "ffn_out"), (file.Metadata["layers"], file.Metadata["site"]));
        Assert.Equal(2, file.Find("hidden_states")!.Shape[1]);
    }

    [Fact]
    public void Prompts_packed_into_batches_give_the_files_they_give_alone()
    {
        string[] prompts = ["so the wait", "a", "hmm the the the wait so a", new string('t', 90), "wait wait", "the"];
        using var packed = Models.Tiny.CreateContext(ExtractionData.Exact with { ContextLength = 256, BatchLength = 40, Sequences = 4 });
        using var alone = Models.Tiny.CreateContext(ExtractionData.Exact with { ContextLength = 256, BatchLength = 256, Sequences = 1 });
        var files = ActivationDump.Write(packed, prompts, _folder["p.safetensors"]);
        for (var i = 0; i < prompts.Length; i++)
        {
            var one = ActivationDump.Write(alone, [prompts[i]], _folder[$"one{i}.safetensors"])[0];
            using var expected = SafetensorsFile.Open(one);
            using var actual = SafetensorsFile.Open(files[i]);
            Assert.Equal(expected.ReadIntegers("token_ids"), actual.ReadIntegers("token_ids"));
            Assert.Equal(expected.ReadFloats("hidden_states"), actual.ReadFloats("hidden_states"), (x, y) => Math.Abs(x - y) < 1e-4f);
        }
    }

    [Fact]
    public void What_goes_wrong_leaves_no_file()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 256, BatchLength = 16 });
        Fails.With(() => ActivationDump.Write(context, ["so", ""], _folder["c.safetensors"]), "prompt 2", "empty");
        Fails.With(() => ActivationDump.Write(context, [new string('q', 300)], _folder["c.safetensors"]), "prompt 1", "the context holds 256");
        Fails.With(() => ActivationDump.Write(context, ["so"], _folder["c.safetensors"], new DumpOptions { Layers = [4] }), "Layer 4");
        Fails.With(() => ActivationDump.Write(context, ["so"], _folder["none/c.safetensors"]), "folder does not exist");
        using var source = new CancellationTokenSource();
        var cancel = new Cancelling(source);
        Assert.Throws<OperationCanceledException>(() => ActivationDump.Write(context, [new string('q', 100)], _folder["c.safetensors"], null, cancel, source.Token));
        Assert.Empty(_folder.Names);
        Assert.Single(ActivationDump.Write(context, ["so"], _folder["c.safetensors"])); // the context is usable after all that
    }

    private sealed class Cancelling(CancellationTokenSource source) : IProgress<CaptureProgress>
    {
        public void Report(CaptureProgress value) => source.Cancel();
    }
}
