using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>Random directions, which any effect of a steering vector has to be compared with.</summary>
public static class GaussianNoise
{
    /// <summary>A direction for each layer, of independent normally distributed values, at length 1.</summary>
    /// <param name="shape">The model; its number of layers must be known.</param>
    /// <param name="seed">A seed always gives the same vector, and a layer of it the same direction.</param>
    public static SteeringVector Create(ModelShape shape, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var directions = new Dictionary<int, float[]>();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var random = new StableRandom(seed, (ulong)layer);
            var direction = new float[shape.Width];
            for (var i = 0; i < direction.Length; i++) direction[i] = (float)random.NextNormal();
            directions[layer] = direction;
        }
        var provenance = Provenance.Empty.With(Provenance.Method, "gaussian_noise").With(Provenance.Label, "noise").With("seed", $"{seed}");
        return new SteeringVector(shape, directions, provenance).Normalized();
    }
}
