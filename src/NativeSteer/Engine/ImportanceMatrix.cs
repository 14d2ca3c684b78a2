using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>
/// For every matrix the mean squares of its inputs over a text: which of its columns should be kept most exactly. llama.cpp's
/// <c>llama-imatrix</c> makes such files.
/// </summary>
public sealed class ImportanceMatrix
{
    private const string Sums = ".in_sum2", Counts = ".counts";

    private readonly Dictionary<string, float[]> _means = new(StringComparer.Ordinal);

    private ImportanceMatrix(string path) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>By the matrix's name: the mean square of each column's inputs, expert after expert; 1 where an expert had none.</summary>
    public IReadOnlyDictionary<string, float[]> Means => _means;

    /// <summary>Reads a file of <c>llama-imatrix</c> (GGUF: F32 tensors <c>NAME.in_sum2</c>, columns x experts, and <c>NAME.counts</c>, 1 x experts).</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, or holds something else.</exception>
    public static ImportanceMatrix Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var file = GgufFile.Open(path);
        var matrix = new ImportanceMatrix(path);
        foreach (var sums in file.Tensors.Where(tensor => tensor.Name.EndsWith(Sums, StringComparison.Ordinal)))
        {
            var name = sums.Name[..^Sums.Length];
            if (file.FindTensor(name + Counts) is not { } counts || sums.Type != GgmlType.F32 || counts.Type != GgmlType.F32 || sums.Count % counts.Count != 0)
                throw GgufFile.Fault(path, $"its tensor {FileErrors.Printable(sums.Name)} has no counts that fit");
            matrix._means.Add(name, Mean(file.ReadTensor(sums.Name), file.ReadTensor(counts.Name)));
        }
        if (matrix._means.Count == 0)
            throw new NativeSteerException($"{FileErrors.Shown(path)} holds no importance matrix; llama.cpp's llama-imatrix makes one, and turns an old .dat file into GGUF.");
        if (matrix._means.FirstOrDefault(entry => !Array.TrueForAll(entry.Value, float.IsFinite)) is { Key: { } broken })
            throw GgufFile.Fault(path, $"the importances of {FileErrors.Printable(broken)} are not all numbers");
        return matrix;
    }

    private static float[] Mean(float[] sums, float[] counts)
    {
        var columns = sums.Length / counts.Length;
        var means = new float[sums.Length];
        for (var i = 0; i < sums.Length; i++) means[i] = counts[i / columns] > 0 ? sums[i] / counts[i / columns] : 1;
        return means;
    }
}
