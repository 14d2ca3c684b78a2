namespace NativeSteer.Reports;

/// <summary>What Yang et al. (2025, arXiv 2502.04404) published: Llama-3.2 with 1 billion weights, accuracy in % on seen and on new targets.</summary>
internal static class SelfBacktrackingNumbers
{
    internal static IReadOnlyList<(string Name, double Seen, double New)> OneBillion { get; } =
    [
        ("SFT, greedy", 28.60, 28.92), ("SFT, beam 16", 31.68, 31.90), ("DPO", 29.06, 27.64), ("KTO", 28.34, 27.74),
        ("greedy", 28.92, 27.06), ("beam 16", 36.10, 34.30),
        ("SFT, best of 8", 41.26, 40.68), ("SFT, best of 16", 32.40, 33.94), ("SFT, best of 32", 25.60, 27.04),
        ("search b=0 N=8", 66.66, 67.40), ("search b=0 N=32", 70.66, 72.14), ("search b=1 N=8", 67.60, 68.02), ("search b=1 N=32", 73.54, 73.78),
        ("depth-first, 32 nodes", 49.12, 48.90), ("depth-first, 64 nodes", 60.00, 61.06), ("stream of search", 57.5, 53.4), ("guided stream of search", 69.0, 67.2),
    ];

    /// <summary>The rate at which rounds of expert iteration rise, read off a figure by a third party.</summary>
    internal const string Iteration = "greedy 28.9, 55, 66, 70 %; search 72, 74, 76, 77 % (read off a figure; collected from and evaluated on the same problems)";

    internal static double? Seen(string name) => OneBillion.Where(row => row.Name == name).Select(row => (double?)row.Seen).FirstOrDefault();

    internal static double? New(string name) => OneBillion.Where(row => row.Name == name).Select(row => (double?)row.New).FirstOrDefault();
}
