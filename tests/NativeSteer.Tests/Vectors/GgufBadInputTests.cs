using System.Diagnostics;
using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class GgufBadInputTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Refused(byte[] bytes, params string[] parts)
    {
        var path = _folder.Write("m.gguf", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Fails.With(() => GgufFile.Open(path).Dispose(), ["m.gguf", .. parts]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20); // the claim alone allocates nothing
    }

    [Fact]
    public void Other_files_are_named_for_what_they_start_with()
    {
        Refused("PK\x03\x04 rest of a zip"u8.ToArray(), "is not a GGUF file (it starts with \"PK\")", "give the path of a .gguf file");
        Refused("<!DOCTYPE html>"u8.ToArray(), "\"<!DO\"");
        Refused([0, 1, 2, 3, 4], "the bytes 00010203");
        Refused([], "is empty");
        Fails.With(() => GgufFile.Open(_folder["none.gguf"]), "none.gguf does not exist");
        Fails.With(() => GgufFile.Open(_folder.Path), "is a directory");
        Fails.With(() => GgufFile.Open(""), "An empty path");
    }

    [Fact]
    public void Versions()
    {
        Refused(TinyGguf.Raw("GGUF"u8.ToArray(), 1, 0L, 0L), "version 1");
        Refused(TinyGguf.Raw("GGUF"u8.ToArray(), 4, 0L, 0L), "version 4");
        Refused(TinyGguf.Raw("GGUF"u8.ToArray(), 0, 0L, 0L), "version 0");
        Refused(TinyGguf.Raw("GGUF"u8.ToArray(), 3 << 24, 0L, 0L), "big-endian");
    }

    [Fact]
    public void Absurd_counts_and_lengths()
    {
        foreach (var count in new[] { long.MinValue, long.MaxValue, -1, 1L << 40, 60_000 })
        {
            Refused(TinyGguf.Head(count, 0), "tensors");
            Refused(TinyGguf.Head(0, count), "key-values");
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 9, 4, count, new byte[100])], "elements where the file has");
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 9, 8, count, new byte[100])], "elements where the file has");
        }
        foreach (var length in new[] { 1L << 40, -1, long.MaxValue, 60_000 })
        {
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw(length, new byte[100])], "key 0");
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 8, length, new byte[100])], "the value of a");
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 9, 8, 1L, length, new byte[100])], "the value of a");
            Refused([.. TinyGguf.Head(1, 0), .. TinyGguf.Raw(length, new byte[100])], "tensor 0");
        }
    }

    [Fact]
    public void Key_values()
    {
        Refused([.. TinyGguf.Head(0, 2), .. TinyGguf.Raw("a", 4, 1, "a", 4, 1, new byte[20])], "the key a occurs twice");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 9, 9, 1L, new byte[20])], "array of arrays");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 13, new byte[20])], "unknown type 13");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a", 9, 13, 1L, new byte[20])], "unknown type 13");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("", 4, 1, new byte[20])], "key 0 is empty");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a\0b", 4, 1, new byte[20])], "zero byte");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw(2L, new byte[] { 0xC3, 0x28 }, 4, 1, new byte[20])], "not valid UTF-8");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("a\nb", 13, new byte[20])], "a\\u000ab");
        foreach (var alignment in new[] { 0, 3, 48, -1, 1 << 30 })
            Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("general.alignment", 4, alignment)], "alignment");
        Refused([.. TinyGguf.Head(0, 1), .. TinyGguf.Raw("general.alignment", 5, 32)], "general.alignment is i32, not u32");
    }

    [Fact]
    public void Tensors()
    {
        using (GgufFile.Open(_folder.Write("good.gguf", TinyGguf.OneTensor("t", [4], 0, 0, 16))))
        {
        }
        Refused(TinyGguf.OneTensor("t", [], 0, 0, 64), "0 dimensions");
        Refused(TinyGguf.OneTensor("t", [1, 1, 1, 1, 1], 0, 0, 64), "5 dimensions");
        Refused(TinyGguf.OneTensor("t", [0], 0, 0, 64), "impossible dimension 0");
        Refused(TinyGguf.OneTensor("t", [-1], 0, 0, 64), "impossible dimension");
        Refused(TinyGguf.OneTensor("t", [1L << 40, 1L << 40], 0, 0, 64), "more elements than 63 bits");
        Refused(TinyGguf.OneTensor("t", [1L << 62], 28, 0, 64), "larger than any disk");
        Refused(TinyGguf.OneTensor("t", [4], 4, 0, 64), "type 4");
        Refused(TinyGguf.OneTensor("t", [4], 43, 0, 64), "type 43");
        Refused(TinyGguf.OneTensor("t", [4], -1, 0, 64), "type 4294967295");
        Refused(TinyGguf.OneTensor("t", [33], 2, 0, 64), "not a multiple of Q4_0's block of 32");
        Refused(TinyGguf.OneTensor("t", [4], 0, 8, 64), "not a multiple of 32");
        Refused(TinyGguf.OneTensor("t", [4], 0, 32, 64), "starts at data byte 32, not at 0");
        Refused(TinyGguf.OneTensor("t", [4], 0, -32, 64), "impossible offset");
        Refused(TinyGguf.OneTensor(new string('x', 64), [4], 0, 0, 64), "more than 63");
        Refused(TinyGguf.OneTensor("", [4], 0, 0, 64), "is empty");
        Refused(
            [.. TinyGguf.Head(2, 0), .. TinyGguf.Raw("t", 1, 4L, 0, 0L, "t", 1, 4L, 0, 32L), .. new byte[200]],
            "the name t is given to two tensors");
    }

    [Fact]
    public void A_cut_model_says_which_tensor_and_how_much_is_missing()
    {
        var bytes = TinyGguf.Bytes(TinyGguf.Model());
        Refused(
            bytes[..^500], "is truncated: tensor blk.", "the file has " + (bytes.Length - 500),
            "(500 bytes are missing)", "download it again");
    }

    [Fact]
    public void Every_truncation_is_an_error()
    {
        var bytes = TinyGguf.Bytes(TinyGguf.Model(layers: 1));
        for (var length = 0; length < bytes.Length; length++)
        {
            var path = _folder.Write("m.gguf", bytes[..length]);
            Fails.With(() => GgufFile.Open(path).Dispose(), "m.gguf");
        }
    }

    [Fact]
    public void Mutated_files_parse_or_fail_as_ours()
    {
        var whole = TinyGguf.Bytes(TinyGguf.Model());
        var header = whole.AsSpan().IndexOf("output_norm.weight"u8) + 50;
        var random = new Random(20260921);
        var watch = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var refused = 0;
        for (var i = 0; i < 500; i++)
        {
            var bytes = whole.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                // Extreme bytes hurt most: they make counts and lengths huge.
                bytes[random.Next(header)] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
            }
            try
            {
                using var file = GgufFile.Open(_folder.Write("m.gguf", bytes));
                foreach (var tensor in file.Tensors) file.ReadTensorBytes(tensor.Name);
                foreach (var entry in file.Entries) Touch(file, entry);
                GgufParts.CheckModel(file.Path);
                ModelShape.Of(file);
            }
            catch (NativeSteerException error)
            {
                Fails.IsOneLine(error);
                refused++;
            }
        }
        Assert.InRange(refused, 50, 499);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500L << 20);
    }

    private static void Touch(GgufFile file, GgufEntry entry)
    {
        if (entry.Type == GgufValueType.String && entry.IsArray) file.GetStrings(entry.Key);
        else if (entry.Type == GgufValueType.String) file.GetString(entry.Key);
        else if (!entry.IsArray && entry.Type != GgufValueType.Bool) file.GetNumber(entry.Key);
    }

    [Fact]
    public void A_wrong_kind_of_value_is_named()
    {
        using var file = GgufFile.Open(_folder.Write("m.gguf", TinyGguf.Bytes(TinyGguf.Model())));
        Fails.With(() => file.GetInteger("general.name"), "its key general.name should be a whole number, but is str");
        Fails.With(() => file.GetString("llama.block_count"), "should be text, but is u32");
        Fails.With(() => file.GetString("tokenizer.ggml.tokens"), "should be text, but is arr[str]");
        Fails.With(() => file.GetArray<float>("tokenizer.ggml.token_type"), "should be an array of Single, but is arr[i32]");
        Fails.With(() => file.GetBool("general.name"), "true or false");
        Fails.With(() => file.GetNumber("none"), "has no key none");
        Fails.With(() => file.ReadTensor("none"), "has no tensor none");
    }

    [Fact]
    public void A_large_vocabulary_is_walked_over_not_loaded()
    {
        new GgufWriter().AddArray("tokens", Enumerable.Range(0, 200_000).Select(i => $"token {i}")).Write(_folder["m.gguf"]);
        GgufFile.Open(_folder["m.gguf"]).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        GgufFile.Open(_folder["m.gguf"]).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000);
    }
}
