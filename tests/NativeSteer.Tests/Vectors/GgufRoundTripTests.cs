using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class GgufRoundTripTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed record Item(string Key, object Value);

    private static Gen<object> Values()
    {
        static Gen<object> Of<T>() where T : notnull => ArbMap.Default.GeneratorFor<T>().Select(value => (object)value);
        return Gen.OneOf(
            Of<byte>(), Of<sbyte>(), Of<ushort>(), Of<short>(), Of<uint>(), Of<int>(), Of<ulong>(), Of<long>(), Of<float>(), Of<double>(),
            Of<bool>(), Of<NonNull<string>>(), Of<byte[]>(), Of<sbyte[]>(), Of<ushort[]>(), Of<short[]>(), Of<uint[]>(), Of<int[]>(), Of<ulong[]>(),
            Of<long[]>(), Of<float[]>(), Of<double[]>(), Of<bool[]>(), Of<NonNull<string>[]>());
    }

    [Fact]
    public void Key_values_of_every_type_are_read_as_written()
    {
        var items =
            from name in Gen.Elements("a", "b.c", "general.name", "tokenizer.ggml.tokens", "ä", "x y", "z")
            from value in Values()
            select new Item(name, value);
        var arbitrary = Gen.ListOf(items).Select(list => list.DistinctBy(item => item.Key).ToList()).ToArbitrary();
        Prop.ForAll(arbitrary, list =>
        {
            var writer = new GgufWriter();
            foreach (var item in list) Add(writer, item.Key, item.Value);
            writer.Write(_folder["a.gguf"]);
            using var file = GgufFile.Open(_folder["a.gguf"]);
            Assert.Equal(list.Select(item => item.Key), file.Entries.Select(entry => entry.Key));
            foreach (var item in list) Check(file, item.Key, item.Value);
        }).QuickCheckThrowOnFailure();
    }

    private static void Add(GgufWriter writer, string key, object value)
    {
        _ = value switch
        {
            byte number => writer.Add(key, number),
            sbyte number => writer.Add(key, number),
            ushort number => writer.Add(key, number),
            short number => writer.Add(key, number),
            uint number => writer.Add(key, number),
            int number => writer.Add(key, number),
            ulong number => writer.Add(key, number),
            long number => writer.Add(key, number),
            float number => writer.Add(key, number),
            double number => writer.Add(key, number),
            bool truth => writer.Add(key, truth),
            NonNull<string> text => writer.Add(key, Clean(text.Item)),
            byte[] list => writer.AddArray<byte>(key, list),
            ushort[] list when list.GetType() == typeof(ushort[]) => writer.AddArray<ushort>(key, list),
            short[] list => writer.AddArray<short>(key, list),
            uint[] list when list.GetType() == typeof(uint[]) => writer.AddArray<uint>(key, list),
            int[] list => writer.AddArray<int>(key, list),
            ulong[] list when list.GetType() == typeof(ulong[]) => writer.AddArray<ulong>(key, list),
            long[] list => writer.AddArray<long>(key, list),
            float[] list => writer.AddArray<float>(key, list),
            double[] list => writer.AddArray<double>(key, list),
            bool[] list => writer.AddArray<bool>(key, list),
            NonNull<string>[] list => writer.AddArray(key, list.Select(text => Clean(text.Item))),
            _ => throw new ArgumentException($"{value.GetType()}"),
        };
    }

    private static void Check(GgufFile file, string key, object value)
    {
        switch (value)
        {
            case bool truth: Assert.Equal(truth, file.GetBool(key)); break;
            case float number: Assert.Equal(number, file.GetNumber(key)); break;
            case double number: Assert.Equal(number, file.GetNumber(key)); break;
            case ulong number when number > long.MaxValue: Assert.Equal(number, file.GetNumber(key)); break;
            case NonNull<string> text: Assert.Equal(Clean(text.Item), file.GetString(key)); break;
            case NonNull<string>[] list: Assert.Equal(list.Select(text => Clean(text.Item)), file.GetStrings(key)); break;
            case bool[] list: Assert.Equal(list.Select(truth => truth ? (byte)1 : (byte)0), file.GetArray<byte>(key)); break;
            case Array list when list.GetType() == typeof(byte[]): Assert.Equal((byte[])list, file.GetArray<byte>(key)); break;
            case Array list when list.GetType() == typeof(sbyte[]): Assert.Equal((byte[])list, file.GetArray<byte>(key)); break;
            case Array list when list.GetType() == typeof(ushort[]): Assert.Equal((ushort[])list, file.GetArray<ushort>(key)); break;
            case Array list when list.GetType() == typeof(short[]): Assert.Equal((short[])list, file.GetArray<short>(key)); break;
            case Array list when list.GetType() == typeof(uint[]): Assert.Equal((uint[])list, file.GetArray<uint>(key)); break;
            case Array list when list.GetType() == typeof(int[]): Assert.Equal((int[])list, file.GetArray<int>(key)); break;
            case Array list when list.GetType() == typeof(ulong[]): Assert.Equal((ulong[])list, file.GetArray<ulong>(key)); break;
            case Array list when list.GetType() == typeof(long[]): Assert.Equal((long[])list, file.GetArray<long>(key)); break;
            case float[] list: Assert.Equal(list, file.GetArray<float>(key)); break;
            case double[] list: Assert.Equal(list, file.GetArray<double>(key)); break;
            default: Assert.Equal(Convert.ToInt64(value), file.GetInteger(key)); break;
        }
    }

    // FsCheck makes unpaired surrogates; UTF-8 has no bytes for them.
    private static string Clean(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    [Fact]
    public void Tensors_are_read_as_written()
    {
        var shapes = Gen.Choose(1, 4).SelectMany(count => Gen.ListOf(Gen.Choose(1, 6).Select(size => (long)size), count));
        var files = Gen.ListOf(shapes).ToArbitrary();
        Prop.ForAll(files, list =>
        {
            var writer = new GgufWriter().Add("k", "v");
            for (var i = 0; i < list.Count; i++)
            {
                var values = TinyGguf.Numbers((int)list[i].Aggregate(1L, (product, size) => product * size));
                if (i % 2 == 0) writer.AddTensor($"t{i}", values, [.. list[i]]);
                else writer.AddTensor($"t{i}", Array.ConvertAll(values, value => (Half)value), [.. list[i]]);
            }
            writer.Write(_folder["a.gguf"]);
            using var file = GgufFile.Open(_folder["a.gguf"]);
            Assert.Equal(list.Count, file.Tensors.Count);
            for (var i = 0; i < list.Count; i++)
            {
                var tensor = file.FindTensor($"t{i}")!;
                Assert.Equal(list[i], tensor.Shape);
                Assert.Equal(0, (tensor.Offset - file.DataOffset) % 32);
                Assert.Equal(TinyGguf.Numbers((int)tensor.Count), file.ReadTensor($"t{i}"));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Bf16_and_raw_blocks()
    {
        byte[] block = [.. Enumerable.Range(0, 34).Select(i => (byte)i)];
        new GgufWriter()
            .AddTensor("b", GgmlType.BF16, new byte[] { 0x80, 0x3F, 0x20, 0xC0 }, 2)
            .AddTensor("q", GgmlType.Q8_0, block, 32, 1)
            .Write(_folder["a.gguf"]);
        using var file = GgufFile.Open(_folder["a.gguf"]);
        Assert.Equal([1f, -2.5f], file.ReadTensor("b"));
        Assert.Equal(block, file.ReadTensorBytes("q"));
        Fails.With(() => file.ReadTensor("q"), "q is Q8_0; only F32, F16 and BF16");
    }

    [Fact]
    public void A_model_is_understood()
    {
        TinyGguf.Model().Write(_folder["m.gguf"]);
        using var file = GgufFile.Open(_folder["m.gguf"]);
        Assert.Equal(new ModelShape("llama", TinyGguf.Layers, TinyGguf.Width), ModelShape.Of(file));
        Assert.Equal("▁t7", file.GetStrings("tokenizer.ggml.tokens")[7]);
        Assert.Equal("arr[str]", file.Find("tokenizer.ggml.tokens")!.TypeName);
        Assert.Equal((3, 32), (file.Version, file.Alignment));
        Assert.Equal([_folder["m.gguf"]], GgufParts.CheckModel(_folder["m.gguf"]));
    }

    [Fact]
    public void Version_2_and_another_alignment_are_read()
    {
        var bytes = TinyGguf.Bytes(TinyGguf.Model());
        bytes[4] = 2;
        using (var file = GgufFile.Open(_folder.Write("v2.gguf", bytes))) Assert.Equal(2, file.Version);

        byte[] head = [.. TinyGguf.Head(1, 1), .. TinyGguf.Raw("general.alignment", 4, 64, "t", 1, 1L, 0, 0L)];
        byte[] aligned = [.. head, .. new byte[128 - head.Length], 0, 0, 0x80, 0x3F];
        using var other = GgufFile.Open(_folder.Write("a64.gguf", aligned));
        Assert.Equal(64, other.Alignment);
        Assert.Equal([1f], other.ReadTensor("t"));
    }

    [Fact]
    public void Misuse_of_the_writer_is_refused()
    {
        var writer = new GgufWriter().Add("a", 1).AddTensor("t", new float[1]);
        Assert.Throws<ArgumentException>(() => writer.Add("a", 2));
        Assert.Throws<ArgumentException>(() => writer.Add("", 2));
        Assert.Throws<ArgumentException>(() => writer.Add("general.alignment", 64U));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", new float[3], 2));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", Array.Empty<float>()));
        Assert.Throws<ArgumentException>(() => writer.AddTensor(new string('x', 64), new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("q", GgmlType.Q4_0, new byte[18], 31));
        Assert.Throws<ArgumentException>(() => writer.AddArray<char>("c", ['x']));
    }
}
