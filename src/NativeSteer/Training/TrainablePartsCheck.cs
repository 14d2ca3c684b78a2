using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>Checks that what is to be trained exists in the model.</summary>
internal static class TrainablePartsCheck
{
    /// <summary>Checks the parts against a model.</summary>
    /// <exception cref="NativeSteerException">Nothing is to be trained, or a layer or token is not the model's.</exception>
    public static void Run(TrainableParts parts, TransformerShape shape, string path)
    {
        if (parts is { AllWeights: false, Norms: false, VectorLayers.Count: 0, AdapterRank: 0, TokenRows.Count: 0 })
            throw new NativeSteerException("Nothing is to be trained; name all weights, norms, vectors or token rows.");
        foreach (var layer in parts.VectorLayers.Concat(parts.AdapterLayers).Where(layer => layer < 0 || layer >= shape.Layers))
        {
            throw new NativeSteerException(
                $"Layer {layer} was asked for, {FileErrors.Shown(path)} has {shape.Layers} layers (0-{shape.Layers - 1}).");
        }
        if (parts.VectorLayers.Distinct().Count() != parts.VectorLayers.Count) throw new NativeSteerException("A layer's vector was asked for twice.");
        if (parts.AdapterRank < 0 || parts.AdapterRank > 0 == (parts.AdapterLayers.Count == 0) || parts.AdapterLayers.Distinct().Count() != parts.AdapterLayers.Count)
            throw new NativeSteerException($"Adapters of rank {parts.AdapterRank} on {parts.AdapterLayers.Count} layers cannot be trained; give a rank of at least 1, and each layer once.");
        if (parts is { AllWeights: true, AdapterRank: > 0 })
            throw new NativeSteerException("All weights are trained, adapters among them would be the same twice; leave one of them away.");
        if (parts.TokenRows.Distinct().Count() != parts.TokenRows.Count) throw new NativeSteerException("A token's row was asked for twice.");
        var added = parts.TokenRows.Where(token => token >= shape.Vocabulary).Order().ToList();
        if (parts.TokenRows.Any(token => token < 0) || added.Where((token, i) => token != shape.Vocabulary + i).Any())
        {
            throw new NativeSteerException(
                $"The token rows {string.Join(", ", parts.TokenRows)} do not fit a vocabulary of {shape.Vocabulary}; new tokens count on from {shape.Vocabulary}.");
        }
    }
}
