using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class ModelFingerprintTests
{
    [Fact]
    public void Copies_agree_and_other_weights_of_the_same_header_differ()
    {
        using var folder = new TestFolder();
        var one = Of(TinyModel.Write(folder["one.gguf"], seed: 1));
        Assert.Matches("^sampled-sha256:[0-9a-f]{64}$", one);
        Assert.Equal(one, Of(TinyModel.Write(folder["copy.gguf"], seed: 1)));
        Assert.NotEqual(one, Of(TinyModel.Write(folder["other.gguf"], seed: 2)));
    }

    private static string Of(string path)
    {
        using var file = GgufFile.Open(path);
        return ModelFingerprint.Of(file);
    }
}
