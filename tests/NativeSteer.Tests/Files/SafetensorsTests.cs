using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Files;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read()
    {
        var tensors =
            from name in Gen.Elements("a", "b.c", "hidden_states", "ä", "quote\"")
            from type in Gen.Elements(SafetensorsType.F32, SafetensorsType.F16, SafetensorsType.F64, SafetensorsType.I32, SafetensorsType.I64)
            from shape in Gen.ListOf(Gen.Choose(0, 5).Select(size => (long)size), 3)
            select new SafetensorsTensor(name, type, [.. shape]);
        var files =
            from list in Gen.ListOf(tensors)
            from seed in Gen.Choose(0, int.MaxValue)
            select (Tensors: list.DistinctBy(tensor => tensor.Name).ToList(), Seed: seed);
        Prop.ForAll(files.ToArbitrary(), file => RoundTrip(file.Tensors, file.Seed)).QuickCheckThrowOnFailure();
    }

    private void RoundTrip(List<SafetensorsTensor> tensors, int seed)
    {
        var random = new System.Random(seed);
        var path = _folder["a.safetensors"];
        var expected = new Dictionary<string, double[]>();
        var metadata = new Dictionary<string, string> { ["seed"] = $"{seed}", ["note"] = "ä\"\n" };
        using (var writer = SafetensorsWriter.Create(path, tensors, metadata))
        {
            foreach (var tensor in tensors)
            {
                var values = Enumerable.Range(0, (int)tensor.Count).Select(_ => (double)random.Next(-1000, 1000)).ToArray();
                expected[tensor.Name] = values;
                var split = random.Next(values.Length + 1);
                // The second part first, where it belongs; then the rest in sequence would start after it, so by offset as well.
                Put(writer, tensor, split, values[split..]);
                Put(writer, tensor, 0, values[..split]);
            }
            writer.Complete();
        }
        using var read = SafetensorsFile.Open(path);
        Assert.Equal(metadata, read.Metadata);
        Assert.Equal(tensors.Count, read.Tensors.Count);
        foreach (var tensor in tensors)
        {
            Assert.Equal(tensor.Shape, read.Find(tensor.Name)!.Shape);
            Assert.Equal(expected[tensor.Name], tensor.Type is SafetensorsType.I32 or SafetensorsType.I64
                ? read.ReadIntegers(tensor.Name).Select(value => (double)value)
                : read.ReadFloats(tensor.Name).Select(value => (double)value));
        }
        Assert.Equal(0, (8 + BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(path))) % 8);
    }

    private static void Put(SafetensorsWriter writer, SafetensorsTensor tensor, long start, double[] values)
    {
        switch (tensor.Type)
        {
            case SafetensorsType.F32:
            case SafetensorsType.F16:
                writer.WriteAt<float>(tensor.Name, start, Array.ConvertAll(values, value => (float)value));
                break;
            case SafetensorsType.F64: writer.WriteAt<double>(tensor.Name, start, values); break;
            case SafetensorsType.I32: writer.WriteAt<int>(tensor.Name, start, Array.ConvertAll(values, value => (int)value)); break;
            default: writer.WriteAt<long>(tensor.Name, start, Array.ConvertAll(values, value => (long)value)); break;
        }
    }

    [Fact]
    public void Sequential_writes_append()
    {
        using (var writer = SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [2, 3]), new("t", SafetensorsType.I32, [2])]))
        {
            writer.Write<float>("x", [1, 2, 3]);
            writer.Write<int>("t", [7]);
            writer.Write<float>("x", [4, 5, 6]);
            writer.Write<int>("t", [8]);
            writer.Complete();
        }
        using var file = SafetensorsFile.Open(_folder["a"]);
        Assert.Equal([1f, 2, 3, 4, 5, 6], file.ReadFloats("x"));
        Assert.Equal([7L, 8], file.ReadIntegers("t"));
    }

    [Fact]
    public void An_unfinished_file_leaves_nothing()
    {
        using (var writer = SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [2])]))
        {
            writer.Write<float>("x", [1]);
            Fails.With(() => writer.Write<float>("x", [1, 2]), "do not fit the tensor x");
            Fails.With(writer.Complete, "x has 1 of its 2 elements");
        }
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public void Impossible_declarations_are_refused()
    {
        Fails.With(() => SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [long.MaxValue, 4])]), "impossible shape");
        Fails.With(() => SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [-1])]), "impossible shape");
        Fails.With(
            () => SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [1]), new("x", SafetensorsType.F32, [1])]),
            "declared twice");
        Fails.With(() => SafetensorsWriter.Create(_folder["no/a"], []), "its folder does not exist");
        Assert.Empty(_folder.Names);
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "truncated")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "belong to no tensor")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 8, "claims bytes 0 to 4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "gap of 4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlaps")]
    [InlineData("""{"x":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown type Q4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}""", 8, "impossible shape")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "impossible shape")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "lacks a proper dtype")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "lacks a proper dtype")]
    [InlineData("""{"x":1}""", 0, "lacks a proper dtype")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "metadata a is not text")]
    [InlineData("""{"x":""", 0, "not valid JSON")]
    [InlineData("""{"\ud800":1}""", 0, "not valid JSON")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "not valid JSON")]
    [InlineData("[]", 0, "does not start like a safetensors file")]
    public void Contradictions_are_named(string header, int dataSize, string message)
    {
        var bytes = new byte[8 + header.Length + dataSize];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        Encoding.UTF8.GetBytes(header, bytes.AsSpan(8));
        Fails.With(() => SafetensorsFile.Open(_folder.Write("a.safetensors", bytes)), "a.safetensors", message);
    }

    [Fact]
    public void Absurd_headers_are_refused()
    {
        foreach (var length in new[] { long.MaxValue, -1, 1L << 40, 99_999_999 })
        {
            var bytes = new byte[64];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
            bytes[8] = (byte)'{';
            Fails.With(() => SafetensorsFile.Open(_folder.Write("a", bytes)), "header");
        }
        Fails.With(() => SafetensorsFile.Open(_folder.Write("a", [])), "0 bytes");
        Fails.With(() => SafetensorsFile.Open(_folder["none"]), "does not exist");
    }

    [Fact]
    public void Every_truncation_is_an_error()
    {
        using (var writer = SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [3])]))
        {
            writer.Write<float>("x", [1, 2, 3]);
            writer.Complete();
        }
        var bytes = File.ReadAllBytes(_folder["a"]);
        for (var length = 0; length < bytes.Length; length++)
            Fails.With(() => SafetensorsFile.Open(_folder.Write("b", bytes[..length])));
    }

    [Fact]
    public void Mutations_parse_or_fail_as_ours()
    {
        using (var writer = SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.F32, [3]), new("y", SafetensorsType.I64, [1, 2])]))
        {
            writer.Write<float>("x", [1, 2, 3]);
            writer.Write<long>("y", [1, 2]);
            writer.Complete();
        }
        var whole = File.ReadAllBytes(_folder["a"]);
        var random = new System.Random(3);
        for (var i = 0; i < 300; i++)
        {
            var bytes = whole.ToArray();
            bytes[random.Next(bytes.Length - 28)] = (byte)random.Next(256);
            try
            {
                using var file = SafetensorsFile.Open(_folder.Write("b", bytes));
                foreach (var tensor in file.Tensors) file.ReadBytes(tensor.Name);
            }
            catch (NativeSteerException error)
            {
                Fails.IsOneLine(error);
            }
        }
    }

    [Fact]
    public void A_missing_tensor_and_a_wrong_kind_are_named()
    {
        using (var writer = SafetensorsWriter.Create(_folder["a"], [new("x", SafetensorsType.I32, [1])]))
        {
            Assert.Throws<ArgumentException>(() => writer.Write<float>("x", [1]));
            writer.Write<int>("x", [1]);
            writer.Complete();
        }
        using var file = SafetensorsFile.Open(_folder["a"]);
        Fails.With(() => file.ReadFloats("y"), "no tensor y; it has x");
        Fails.With(() => file.ReadFloats("x"), "does not hold floats");
    }
}
