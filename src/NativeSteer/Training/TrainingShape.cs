using System.Globalization;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>A model and a batch to measure training on, written <c>V,d,layers,heads,kv,ff,T,B</c>.</summary>
/// <param name="Vocabulary">Number of tokens.</param>
/// <param name="Width">Length of a residual row.</param>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="KeyValueHeads">Key and value heads.</param>
/// <param name="FeedForward">Length of the feed-forward network's middle row.</param>
/// <param name="Length">Tokens of a row of the batch.</param>
/// <param name="Rows">Rows of the batch.</param>
public sealed record TrainingShape(int Vocabulary, int Width, int Layers, int Heads, int KeyValueHeads, int FeedForward, int Length, int Rows)
{
    /// <summary>What the parts of a written shape are called.</summary>
    public const string Form = "V,d,layers,heads,kv,ff,T,B";

    private const long MostElements = 1L << 31; // of one tensor of activations

    /// <summary>Whether ggml's autodiff can derive it: not with shared keys, and not with many layers.</summary>
    public bool HasBaseline => Heads == KeyValueHeads && Layers <= AutodiffTrainer.MostLayers;

    /// <summary>Tokens of a batch.</summary>
    public long Tokens => (long)Length * Rows;

    /// <summary>Weights of the matrices of all blocks.</summary>
    public long BlockWeights => Layers * ((2L * Width * Width) + (2L * Width * (Width / Heads) * KeyValueHeads) + (3L * Width * FeedForward));

    /// <summary>Reads a shape.</summary>
    public static bool TryParse(string text, out TrainingShape shape)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(',');
        var n = new int[8];
        shape = null!;
        if (parts.Length != n.Length) return false;
        for (var i = 0; i < n.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out n[i])) return false;
        }
        shape = new(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]);
        return true;
    }

    /// <summary>
    /// Floating-point operations of a step's products with matrices: 2 forward, 2 back to the input, 2 to the weights. With a vector
    /// per layer alone nothing goes back to the weights, and nothing through the lowest layer: its vector is added to its output.
    /// </summary>
    /// <param name="full">Whether the weights are trained.</param>
    /// <param name="outputs">Tokens that reach the head.</param>
    public double Operations(bool full, int outputs)
    {
        var (blocks, head) = ((double)BlockWeights * Tokens, (double)Vocabulary * Width * outputs);
        return full ? 6 * (blocks + head) : (2 * (blocks + head)) + (2 * ((blocks * (Layers - 1) / Layers) + head));
    }

    /// <summary>Throws where there is no such model, or where memory would not do.</summary>
    /// <param name="types">The types that its matrices are to have.</param>
    /// <exception cref="NativeSteerException">Says what is wrong.</exception>
    internal void Check(IEnumerable<GgmlType> types)
    {
        foreach (var (name, value, most) in new[]
        {
            ("V", Vocabulary, 1 << 20), ("d", Width, 1 << 16), ("layers", Layers, 512), ("heads", Heads, Width), ("kv", KeyValueHeads, Heads),
            ("ff", FeedForward, 1 << 20), ("T", Length, 1 << 16), ("B", Rows, 1 << 16),
        })
        {
            Require(value >= 1 && value <= most, $"{name} is {value}; give 1 to {most}");
        }
        Require(Vocabulary > 1, "V is 1; give at least 2");
        Require(Width % Heads == 0 && Width / Heads % 2 == 0, $"d {Width} cannot be split into {Heads} heads of an even size; give another number of heads");
        Require(Heads % KeyValueHeads == 0, $"{Heads} heads cannot share kv {KeyValueHeads}; give a divisor");
        foreach (var type in types)
        {
            var block = GgmlTypes.BlockElements(type);
            Require(Width % block == 0 && FeedForward % block == 0, $"d and ff must be multiples of {block} for {type}; leave the mode out with --modes");
        }
        var table = HasBaseline ? (long)Heads * Length : 0;
        Require(Tokens * Math.Max(Math.Max(FeedForward, Vocabulary), table) < MostElements, "the batch is too large for one tensor; give fewer rows");
        var (needed, free) = (Memory(), AvailableMemory.Bytes());
        Require(needed <= free, string.Create(
            CultureInfo.InvariantCulture, $"about {needed / 1e9:0.#} GB of memory would be taken, {free / 1e9:0.#} GB are free; give a smaller one"));
    }

    // Of three trainings of all weights side by side, the widest group of modes: value, gradient, two moments and a copy, F32.
    private long Memory()
    {
        const int trainings = 3, copies = 5;
        var weights = BlockWeights + (2L * Vocabulary * Width);
        var activations = Layers * Tokens * ((12L * Width) + (5L * FeedForward) + (4L * Heads * Length)) + (4L * Tokens * Vocabulary);
        return trainings * sizeof(float) * ((copies * weights) + activations);
    }

    private void Require(bool holds, string problem)
    {
        if (!holds) throw new NativeSteerException($"Shape {this}: {problem}.");
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(',', new[] { Vocabulary, Width, Layers, Heads, KeyValueHeads, FeedForward, Length, Rows }.Select(n => n.ToString(CultureInfo.InvariantCulture)));
}
