using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The vectors among what was trained, as a steering vector.</summary>
internal static class TrainedVectors
{
    /// <summary>Gathers them.</summary>
    /// <exception cref="NativeSteerException">None were trained, or they are no numbers any more.</exception>
    internal static SteeringVector Of(ModelShape shape, IEnumerable<ITrainableTensor> tensors, Provenance? provenance = null)
    {
        var directions = new Dictionary<int, float[]>();
        foreach (var tensor in tensors)
        {
            if (ModelExport.LayerOfVector(tensor.Name) is { } layer) directions.Add(layer, tensor.Values);
        }
        if (directions.Count == 0) throw new NativeSteerException("No vectors were trained; add them to --train.");
        return new SteeringVector(shape, directions, provenance);
    }
}
