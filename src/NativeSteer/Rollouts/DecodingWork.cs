using NativeSteer.Engine;
using NativeSteer.Vectors;

namespace NativeSteer.Rollouts;

/// <summary>The least that decoding with a model takes: what a machine's limits are compared with.</summary>
/// <param name="PromptOperations">Floating-point operations of a prompt's token in the blocks: 2 for each weight of their matrices.</param>
/// <param name="StepBytes">Bytes of weights that a step of generation reads, however many sequences it is for.</param>
/// <remarks>Attention over the cache is left out, which grows with the context; so is the head for prompts, which need it once.</remarks>
public sealed record DecodingWork(double PromptOperations, double StepBytes)
{
    /// <summary>Of a model without experts; null for a mixture, whose tokens take different ways.</summary>
    public static DecodingWork? Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var source = ModelSource.Open(model.Path);
        var tensors = source.Tensors.Select(item => item.Tensor).ToList();
        if (tensors.Any(tensor => tensor.Shape.Count > 2)) return null;
        var blocks = tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal)).ToList();
        var head = tensors.FirstOrDefault(tensor => tensor.Name == "output.weight") ?? tensors.FirstOrDefault(tensor => tensor.Name == "token_embd.weight");
        return new DecodingWork(
            2.0 * blocks.Where(tensor => tensor.Shape.Count == 2).Sum(tensor => tensor.Count),
            blocks.Sum(tensor => (double)tensor.Bytes) + (head?.Bytes ?? 0));
    }
}
