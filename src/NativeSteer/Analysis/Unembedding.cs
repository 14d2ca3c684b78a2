using System.Numerics.Tensors;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Analysis;

/// <summary>
/// A model's unembedding W_U (vocabulary, width): <c>output.weight</c>, or <c>token_embd.weight</c> where the two are tied. It is
/// read from the file part by part, whatever its type, and never held whole.
/// </summary>
internal sealed class Unembedding : IDisposable
{
    private const int PartFloats = 4 << 20;

    private readonly ModelSource _source;
    private readonly GgufFile _file;
    private readonly GgufTensor _stored;

    private Unembedding(ModelSource source, GgufFile file, GgufTensor stored)
    {
        _source = source;
        _file = file;
        _stored = stored;
    }

    /// <summary>Length of a row, the width of the residual stream.</summary>
    internal int Width => (int)_stored.Shape[0];

    /// <summary>Number of rows, a row for each token.</summary>
    internal int Vocabulary => (int)_stored.Shape[1];

    /// <summary>Opens a model.</summary>
    /// <exception cref="NativeSteerException">The file is no model, or has no such matrix.</exception>
    internal static Unembedding Open(string model)
    {
        var source = ModelSource.Open(model);
        try
        {
            if ((source.Find("output.weight") ?? source.Find("token_embd.weight")) is not var (file, stored) || stored.Shape.Count < 2)
                throw new NativeSteerException($"{FileErrors.Shown(model)} has no unembedding (neither output.weight nor token_embd.weight); a whole model is needed.");
            var width = ModelShape.Of(source.First).Width;
            if (stored.Shape[0] != width)
                throw new NativeSteerException($"{FileErrors.Shown(model)}: its unembedding {stored.Name} reads rows of {stored.Shape[0]}, the residual stream has {width}; a lens cannot be put between.");
            return new Unembedding(source, file, stored);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The model's final norm.</summary>
    /// <exception cref="NativeSteerException">It has none.</exception>
    internal FinalNorm Norm() => FinalNorm.Read(_source);

    /// <summary>Multiplies W_U with directions, a part of the vocabulary at a time.</summary>
    /// <param name="directions">Each of <see cref="Width"/> values.</param>
    /// <param name="threads">CPU threads.</param>
    /// <param name="part">Takes the first token of a part; (directions, tokens of the part) the products; (tokens of the part) the rows' lengths.</param>
    /// <param name="cancellation">Stops between parts.</param>
    internal void Multiply(IReadOnlyList<float[]> directions, int threads, TakePart part, CancellationToken cancellation = default)
    {
        var most = Math.Max(1, PartFloats / Width);
        var rows = new float[Math.Min(most, Vocabulary) * Width];
        var products = new float[directions.Count * Math.Min(most, Vocabulary)];
        var lengths = new float[Math.Min(most, Vocabulary)];
        var rowBytes = GgmlRows.Bytes(_stored.Type, Width);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, threads), CancellationToken = cancellation };
        for (var first = 0; first < Vocabulary; first += most)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(most, Vocabulary - first);
            GgmlRows.Decode(_stored.Type, _file.ReadTensorBytes(_stored, first * rowBytes, (int)(count * rowBytes)), rows.AsSpan(0, count * Width));
            Parallel.For(0, count, parallel, token =>
            {
                var row = rows.AsSpan(token * Width, Width);
                lengths[token] = TensorPrimitives.Norm<float>(row);
                for (var d = 0; d < directions.Count; d++) products[d * count + token] = TensorPrimitives.Dot(row, directions[d]);
            });
            part(first, products.AsSpan(0, directions.Count * count), lengths.AsSpan(0, count));
        }
    }

    public void Dispose() => _source.Dispose();

    internal delegate void TakePart(int firstToken, ReadOnlySpan<float> products, ReadOnlySpan<float> lengths);
}

/// <summary>The norm between the last block and the unembedding: RMS, or layer norm where the model's key-values name one.</summary>
/// <param name="Weight">(width)</param>
/// <param name="Bias">(width), or null.</param>
/// <param name="Epsilon">Added to the mean square.</param>
/// <param name="Centred">Layer norm: the mean is taken away first.</param>
internal sealed record FinalNorm(float[] Weight, float[]? Bias, float Epsilon, bool Centred)
{
    internal static FinalNorm Read(ModelSource source)
    {
        var (file, architecture) = (source.First, source.First.Architecture);
        string rms = $"{architecture}.attention.layer_norm_rms_epsilon", centred = $"{architecture}.attention.layer_norm_epsilon";
        var key = file.Find(rms) is not null ? rms : centred;
        if (file.Find(key) is null || Tensor("output_norm.weight") is not { } weight)
            throw new NativeSteerException($"{FileErrors.Shown(file.Path)} has no final norm that is known here (output_norm.weight with {rms} or {centred}).");
        return new FinalNorm(weight, Tensor("output_norm.bias"), (float)file.GetNumber(key), key == centred);

        float[]? Tensor(string name) => source.Find(name) is var (part, stored) ? part.ReadTensor(stored.Name) : null;
    }

    /// <summary>Normalises a row of the residual stream in place.</summary>
    internal void Apply(Span<float> row)
    {
        if (Centred) TensorPrimitives.Subtract(row, TensorPrimitives.Sum<float>(row) / row.Length, row);
        var scale = 1 / MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(row) / row.Length + Epsilon);
        TensorPrimitives.Multiply(row, scale, row);
        TensorPrimitives.Multiply(row, Weight, row);
        if (Bias is not null) TensorPrimitives.Add(row, Bias, row);
    }
}
