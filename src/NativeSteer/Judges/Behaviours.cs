namespace NativeSteer.Judges;

/// <summary>
/// The behaviours that sentences of a reasoning trace are labelled with (Venhoff et al. 2025, 2506.18167, and after them Ward et
/// al. 2025, 2507.12638).
/// </summary>
public static class Behaviours
{
    /// <summary>Says what the task is, before work on it begins.</summary>
    public const string Initializing = "initializing";

    /// <summary>Draws a conclusion from what is known.</summary>
    public const string Deduction = "deduction";

    /// <summary>Brings in facts that the task does not state.</summary>
    public const string AddingKnowledge = "adding-knowledge";

    /// <summary>Tries a case, an example or a scenario.</summary>
    public const string ExampleTesting = "example-testing";

    /// <summary>Says that it is not sure, or how sure it is.</summary>
    public const string UncertaintyEstimation = "uncertainty-estimation";

    /// <summary>Gives up the way taken so far and takes another.</summary>
    public const string Backtracking = "backtracking";

    /// <summary>None of them; a judge that knows one behaviour alone calls the rest so.</summary>
    public const string Other = "other";

    /// <summary>The six behaviours, without <see cref="Other"/>, in the papers' order.</summary>
    public static IReadOnlyList<string> All { get; } =
        [Initializing, Deduction, AddingKnowledge, ExampleTesting, UncertaintyEstimation, Backtracking];
}
