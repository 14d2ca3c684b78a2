using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Extraction;

public sealed class LabelledSumsFileTests : IDisposable
{
    private static readonly ModelShape s_shape = new("llama", 3, 5);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_read_is_what_was_written_to_the_last_bit() => Prop.ForAll(
        ArbMap.Default.GeneratorFor<int>().ToArbitrary(),
        seed =>
        {
            var sums = Random(seed);
            LabelledSumsFile.Write(_folder["sums.safetensors"], sums);
            Same(sums, LabelledSumsFile.Read(_folder["sums.safetensors"]));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Parts_merged_from_files_are_the_parts_merged_in_memory()
    {
        var (left, right) = (Random(1), Random(2));
        LabelledSumsFile.Write(_folder["left"], left);
        LabelledSumsFile.Write(_folder["right"], right);
        var read = LabelledSumsFile.Read(_folder["left"]);
        read.Merge(LabelledSumsFile.Read(_folder["right"]));
        left.Merge(right);
        Same(left, read);
    }

    [Fact]
    public void Another_file_and_a_cut_one_are_refused_in_a_line()
    {
        File.WriteAllText(_folder["other"], "{\"no\": 1}");
        Assert.Throws<NativeSteerException>(() => LabelledSumsFile.Read(_folder["other"]));
        using (var writer = SafetensorsWriter.Create(_folder["foreign"], [new("x", SafetensorsType.F32, [1])]))
        {
            writer.Write<float>("x", [1]);
            writer.Complete();
        }
        Assert.Contains("labelled sums", Assert.Throws<NativeSteerException>(() => LabelledSumsFile.Read(_folder["foreign"])).Message, StringComparison.Ordinal);
        LabelledSumsFile.Write(_folder["whole"], Random(3));
        var bytes = File.ReadAllBytes(_folder["whole"]);
        File.WriteAllBytes(_folder["cut"], bytes[..^8]);
        Assert.Throws<NativeSteerException>(() => LabelledSumsFile.Read(_folder["cut"]));
    }

    [Fact]
    public void A_window_of_the_sums_is_the_union_of_its_offsets_and_a_wider_one_is_refused()
    {
        var groups = new CaptureGroups(["a", "b"], OffsetRange.Window(-4, -1), allTokens: false);
        Assert.Equal([.. groups.Of(["b"], -3), .. groups.Of(["b"], -2)], groups.Of(["b"], OffsetRange.Window(-3, -2)));
        Assert.Equal(groups.Of(["a", "b"]), groups.Of(["a", "b"], OffsetRange.Window(-4, -1)));
        Assert.Throws<NativeSteerException>(() => groups.Of(["a"], OffsetRange.Window(-5, -1)));
    }

    private static LabelledSums Random(int seed)
    {
        var groups = new CaptureGroups(["backtracking", "other \"label\""], OffsetRange.Window(-2, 0), allTokens: true);
        var sums = new ActivationSums([new(HookSite.Residual, 0), new(HookSite.Residual, 2), new(HookSite.FeedForward, 1)], groups.Count, s_shape.Width);
        var random = new StableRandom((ulong)seed);
        for (var i = 0; i < sums.Sums.Length; i++) sums.Sums[i] = random.NextNormal() * Math.Pow(10, random.Below(20) - 10);
        for (var i = 0; i < sums.Counts.Length; i++)
        {
            sums.NormSums[i] = random.NextShare();
            sums.Counts[i] = random.Below(1L << 40);
        }
        var provenance = Provenance.Empty.With(Provenance.Model, "m.gguf").With("data", "ä\n日");
        return new LabelledSums(sums, groups, s_shape, provenance);
    }

    private static void Same(LabelledSums expected, LabelledSums actual)
    {
        Assert.Equal(expected.Sums.Slots, actual.Sums.Slots);
        Assert.Equal(expected.Groups.Labels, actual.Groups.Labels);
        Assert.Equal(expected.Groups.Offsets, actual.Groups.Offsets);
        Assert.Equal(expected.Groups.AllTokens, actual.Groups.AllTokens);
        Assert.Equal(expected.Model, actual.Model);
        Assert.Equal(expected.Source, actual.Source);
        Assert.Equal(expected.Sums.Sums, actual.Sums.Sums);
        Assert.Equal(expected.Sums.NormSums, actual.Sums.NormSums);
        Assert.Equal(expected.Sums.Counts, actual.Sums.Counts);
    }
}
