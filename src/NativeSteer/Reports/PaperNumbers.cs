namespace NativeSteer.Reports;

/// <summary>
/// What Ward, Lin, Venhoff and Nanda (2025, arXiv 2507.12638) and an independent replication published, to stand beside ours.
/// Models, prompts and units differ: DeepSeek-R1-Distill-Llama-8B and Llama-3.1-8B, layer 10, magnitudes in residual units.
/// </summary>
internal static class PaperNumbers
{
    /// <summary>Cosine of base- and reasoning-derived vector, the paper's and the replication's.</summary>
    internal const string Cosine = "0.74", ReplicatedCosine = "0.79";

    private static readonly double[] s_magnitudes = [0, 4, 8, 10, 12, 14, 16, 20, 25];

    // The authors' intervention_results.csv: Hmm and Wait, in % of words, mean over 10 prompts.
    private static readonly (string Series, double[] Percent)[] s_baselines =
    [
        ("reasoning-derived", [0.484, 1.75, 7.54, 9.62, 20.32, 13.39, 11.75, 0.12, 0]),
        ("noise", [0.484, 0.56, 0.84, 1.45, 2.71, 3.08, 3.06, 1.91, 0.88]),
        ("overall mean", [0.484, 0.92, 1.05, 0.16, 0, 0, 0, 0, 0]),
        ("self-amplification", [0.484, 0.44, 0.83, 0.89, 0.92, 1.13, 1.16, 0.80, 0.86]),
        ("deduction", [0.484, 0.57, 0, 0, 0, 0, 0, 0, 0]),
        ("initializing", [0.484, 0.84, 0.14, 0, 0, 0, 0, 0, 0]),
    ];

    /// <summary>The baselines against magnitude.</summary>
    internal static FigureTable Baselines()
    {
        var table = new FigureTable(
            "baselines-paper", new FigureColumn("series"), new FigureColumn("magnitude", "residual units"), new FigureColumn("rate", "share of words, published"));
        foreach (var (series, percents) in s_baselines)
        {
            for (var i = 0; i < percents.Length; i++) table.Add(series, s_magnitudes[i], percents[i] / 100);
        }
        return table;
    }
}
