using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class GgufPartsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Part(int number, int count, string tensor, int? announced = null)
    {
        var path = _folder[$"m-{number + 1:00000}-of-{count:00000}.gguf"];
        var writer = new GgufWriter();
        if (number == 0) writer.Add("general.architecture", "llama");
        writer.Add("split.no", (ushort)number).Add("split.count", (ushort)count).AddTensor(tensor, new float[4]);
        if (announced is { } total) writer.Add("split.tensors.count", total);
        writer.Write(path);
        return path;
    }

    [Fact]
    public void All_parts_are_found_and_checked()
    {
        var first = Part(0, 3, "a", 3);
        string[] parts = [first, Part(1, 3, "b"), Part(2, 3, "c")];
        Assert.Equal(parts, GgufParts.CheckModel(first));
        File.WriteAllBytes(parts[2], File.ReadAllBytes(parts[2])[..^100]);
        Fails.With(() => GgufParts.CheckModel(first), "m-00003-of-00003.gguf");
    }

    [Fact]
    public void Missing_parts_are_named()
    {
        var first = Part(0, 6, "a");
        Part(2, 6, "b");
        Fails.With(
            () => GgufParts.CheckModel(first),
            "m-00002-of-00006.gguf, m-00004-of-00006.gguf, m-00005-of-00006.gguf and 1 more are missing");
    }

    [Fact]
    public void Contradictions_are_named()
    {
        var first = Part(0, 2, "a");
        var second = Part(1, 2, "a");
        Fails.With(() => GgufParts.CheckModel(first), "its tensor a is also in an earlier part");
        using (var file = GgufFile.Open(second)) Fails.With(() => GgufParts.Find(file), "is part 2 of 2; give the first part", "m-00001-of-00002.gguf");
        File.Copy(first, second, overwrite: true);
        Fails.With(() => GgufParts.CheckModel(first), "it says it is part 1, its name says 2");
        Part(1, 2, "b");
        Part(0, 2, "a", 5);
        Fails.With(() => GgufParts.CheckModel(first), "hold 2 tensors where it announces 5");
        File.Copy(first, _folder["renamed.gguf"]);
        Fails.With(() => GgufParts.CheckModel(_folder["renamed.gguf"]), "was renamed", "-00001-of-00002.gguf");
        new GgufWriter().Add("general.architecture", "llama").Add("split.count", 2U).Write(_folder["u32.gguf"]);
        Fails.With(() => GgufParts.CheckModel(_folder["u32.gguf"]), "split.count is u32 instead of u16");
    }

    [Fact]
    public void What_is_no_model_is_named()
    {
        var path = _folder["x.gguf"];
        new GgufWriter().Add("general.architecture", "controlvector").Write(path);
        Fails.With(() => GgufParts.CheckModel(path), "is a control vector, not a model");
        new GgufWriter().Add("a", 1).Write(path);
        Fails.With(() => GgufParts.CheckModel(path), "names no architecture");
        new GgufWriter().Add("general.architecture", "llama").Add("general.type", "adapter").Write(path);
        Fails.With(() => GgufParts.CheckModel(path), "is a LoRA adapter");
    }
}
