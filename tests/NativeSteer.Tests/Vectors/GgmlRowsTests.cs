using System.Buffers.Binary;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class GgmlRowsTests
{
    public static TheoryData<GgmlType> Encodable => [.. Enum.GetValues<GgmlType>().Where(GgmlRows.CanEncode)];

    [Theory, MemberData(nameof(Encodable))]
    public void What_was_encoded_is_read_again_as_well_as_its_bits_allow(GgmlType type)
    {
        var random = new Random(2);
        var values = Enumerable.Range(0, 4 * 256).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var read = new float[values.Length];
        GgmlRows.Decode(type, GgmlRows.Encode(type, values, 256), read);
        var error = Math.Sqrt(values.Zip(read, (a, b) => (a - b) * (a - b)).Sum() / values.Sum(a => a * a));
        var bits = 8.0 * GgmlTypes.BlockBytes(type) / GgmlTypes.BlockElements(type);
        Assert.InRange(error, 0, bits < 3 ? 0.7 : bits < 8 ? 0.25 : 0.02);
        if (type == GgmlType.F32) Assert.Equal(values, read);
    }

    [Fact]
    public void Q8_0_by_hand()
    {
        var block = new byte[34];
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)0.25);
        for (var i = 0; i < 32; i++) block[2 + i] = (byte)(sbyte)(i - 16);
        var read = new float[32];
        GgmlRows.Decode(GgmlType.Q8_0, block, read);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => 0.25f * (i - 16)), read);
    }

    [Theory]
    [InlineData(GgmlType.I32, 32)]
    [InlineData(GgmlType.Q8_0, 31)]
    public void What_cannot_be_read_is_said(GgmlType type, int count) =>
        Assert.Throws<NativeSteerException>(() => GgmlRows.Decode(type, new byte[1024], new float[count]));
}
