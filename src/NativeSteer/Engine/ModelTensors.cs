using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>
/// Checks that the tensors of a Llama or Qwen 2 model are there, in the shapes its numbers ask for and in types that ggml
/// computes with: a wrong type is found by llama.cpp only in the middle of a computation, where it ends the process.
/// </summary>
internal sealed class ModelTensors
{
    private readonly GgufFile _file;
    private readonly IReadOnlyDictionary<string, GgufTensor> _tensors;

    private ModelTensors(GgufFile file, IReadOnlyDictionary<string, GgufTensor> tensors)
    {
        _file = file;
        _tensors = tensors;
    }

    /// <summary>Checks the tensors of an architecture that is known here.</summary>
    /// <param name="file">The model, or its first part.</param>
    /// <param name="tensors">The tensors of all parts by name.</param>
    /// <param name="numbers">The model's numbers.</param>
    /// <param name="vocabulary">The number of tokens.</param>
    /// <exception cref="NativeSteerException">A tensor is missing, or of another shape or type; it is named.</exception>
    internal static void CheckDense(GgufFile file, IReadOnlyDictionary<string, GgufTensor> tensors, ModelNumbers numbers, long vocabulary)
    {
        var check = new ModelTensors(file, tensors);
        check.Matrix("token_embd.weight", numbers.Width, vocabulary);
        check.Vector("output_norm.weight", numbers.Width, required: true);
        check.Matrix("output.weight", numbers.Width, vocabulary, required: false); // else tied to the embeddings
        check.Vector("output.bias", vocabulary);
        check.Vector("rope_freqs.weight", numbers.HeadSize / 2);
        check.Vector("rope_factors_long.weight", numbers.HeadSize / 2);
        check.Vector("rope_factors_short.weight", numbers.HeadSize / 2);
        for (var layer = 0; layer < numbers.Layers; layer++) check.Block($"blk.{layer}.", numbers);
    }

    /// <summary>Checks the types of any model's tensors: what converters never write, and ggml finds out too late.</summary>
    internal static void CheckTypes(GgufFile file, IEnumerable<GgufTensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            var shown = FileErrors.Printable(tensor.Name);
            if (tensor.Shape.Count > 1 && tensor.Type != GgmlType.I32 && !CanMultiply(tensor.Type))
                throw GgufFile.Fault(file.Path, $"its tensor {shown} is {tensor.Type}, which no model's weights can be");
            if (tensor.Shape.Count == 1 && tensor.Type != GgmlType.F32 && IsNormOrBias(tensor.Name))
                throw GgufFile.Fault(file.Path, $"its tensor {shown} is {tensor.Type}, ggml needs it as F32");
        }
    }

    private static bool IsNormOrBias(string name) =>
        name.EndsWith("norm.weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal);

    private void Block(string block, ModelNumbers numbers)
    {
        var (width, hidden) = (numbers.Width, numbers.FeedForward);
        var (queries, keys) = ((long)numbers.HeadSize * numbers.Heads, (long)numbers.HeadSize * numbers.KeyValueHeads);
        Vector(block + "attn_norm.weight", width, required: true);
        if (_tensors.ContainsKey(block + "attn_qkv.weight"))
        {
            Matrix(block + "attn_qkv.weight", width, queries + 2 * keys);
            Vector(block + "attn_qkv.bias", queries + 2 * keys);
        }
        else
        {
            Matrix(block + "attn_q.weight", width, queries);
            Matrix(block + "attn_k.weight", width, keys);
            Matrix(block + "attn_v.weight", width, keys);
        }
        Vector(block + "attn_q.bias", queries);
        Vector(block + "attn_k.bias", keys);
        Vector(block + "attn_v.bias", keys);
        Matrix(block + "attn_output.weight", queries, width);
        Vector(block + "attn_output.bias", width);
        Vector(block + "ffn_norm.weight", width, required: true);
        if (numbers.Experts > 0) return; // a mixture's tensors come in several layouts: llama.cpp checks their shapes itself
        Matrix(block + "ffn_gate.weight", width, hidden);
        Matrix(block + "ffn_up.weight", width, hidden);
        Matrix(block + "ffn_down.weight", hidden, width);
        Vector(block + "ffn_gate.bias", hidden);
        Vector(block + "ffn_up.bias", hidden);
        Vector(block + "ffn_down.bias", width);
    }

    private void Matrix(string name, long columns, long rows, bool required = true)
    {
        if (Find(name, required, columns, rows) is { } tensor && !CanMultiply(tensor.Type))
            throw GgufFile.Fault(_file.Path, $"its tensor {name} is {tensor.Type}, which ggml cannot multiply with");
    }

    // Added to or multiplied with F32 rows, for which ggml's CPU code knows F32 only.
    private void Vector(string name, long length, bool required = false)
    {
        if (Find(name, required, length) is { } tensor && tensor.Type != GgmlType.F32)
            throw GgufFile.Fault(_file.Path, $"its tensor {name} is {tensor.Type}, ggml needs it as F32");
    }

    private GgufTensor? Find(string name, bool required, params ReadOnlySpan<long> shape)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            if (!required) return null;
            throw GgufFile.Fault(_file.Path, $"it has no tensor {name}, which {_file.Architecture} models have ({_tensors.Count} others are there)");
        }
        for (var i = 0; i < Math.Max(shape.Length, tensor.Shape.Count); i++)
        {
            if ((i < shape.Length ? shape[i] : 1) != (i < tensor.Shape.Count ? tensor.Shape[i] : 1))
            {
                throw GgufFile.Fault(
                    _file.Path,
                    $"its tensor {name} is [{string.Join(", ", tensor.Shape)}], its key-values ask for [{string.Join(", ", shape.ToArray())}]");
            }
        }
        return tensor;
    }

    // The types with a dot product in ggml-cpu; the rest are for activations, indices and other programs.
    private static bool CanMultiply(GgmlType type) =>
        type is not (GgmlType.I8 or GgmlType.I16 or GgmlType.I32 or GgmlType.I64 or GgmlType.F64 or GgmlType.Q8_1 or GgmlType.Q8_K);
}
