namespace NativeSteer.Engine;

/// <summary>A number format of a whole model file, as llama.cpp names them: most matrices in one, some in finer ones.</summary>
/// <param name="Name">E.g. <c>Q4_K_M</c>.</param>
/// <param name="FileType">enum llama_ftype (llama.h): <c>general.file_type</c> of the file.</param>
/// <param name="Bits">About how many bits a weight takes in a large model.</param>
public sealed record QuantizationType(string Name, int FileType, double Bits)
{
    // tools/quantize/quantize.cpp of llama.cpp v0.5.0.
    private static readonly Dictionary<string, string> s_aliases = new(StringComparer.Ordinal)
    {
        ["Q3_K"] = "Q3_K_M",
        ["Q4_K"] = "Q4_K_M",
        ["Q5_K"] = "Q5_K_M",
    };

    /// <summary>All of them, the largest first.</summary>
    public static IReadOnlyList<QuantizationType> All { get; } =
    [
        new("F32", 0, 32), new("F16", 1, 16), new("BF16", 32, 16), new("Q8_0", 7, 8.5), new("Q6_K", 18, 6.56),
        new("Q5_1", 9, 6), new("Q5_K_M", 17, 5.7), new("Q5_0", 8, 5.5), new("Q5_K_S", 16, 5.5), new("Q4_1", 3, 5),
        new("Q4_K_M", 15, 4.85), new("Q4_K_S", 14, 4.6), new("Q4_0", 2, 4.5), new("IQ4_NL", 25, 4.5), new("MXFP4_MOE", 38, 4.25), new("IQ4_XS", 30, 4.25),
        new("Q3_K_L", 13, 4.3), new("Q3_K_M", 12, 3.9), new("IQ3_M", 27, 3.66), new("Q3_K_S", 11, 3.5), new("IQ3_S", 26, 3.44), new("IQ3_XS", 22, 3.3),
        new("IQ3_XXS", 23, 3.06), new("Q2_K", 10, 3.2), new("Q2_K_S", 21, 2.9), new("IQ2_M", 29, 2.7), new("IQ2_S", 28, 2.5), new("IQ2_XS", 20, 2.31),
        new("Q2_0", 41, 2.25), new("TQ2_0", 37, 2.06), new("IQ2_XXS", 19, 2.06), new("IQ1_M", 31, 1.75), new("TQ1_0", 36, 1.69), new("IQ1_S", 24, 1.56),
        new("Q1_0", 40, 1.125),
    ];

    /// <summary>Whether llama.cpp makes such a file only with an importance matrix.</summary>
    public bool NeedsImportance => Name is "IQ3_XXS" or "Q2_K_S" or "IQ2_M" or "IQ2_S" or "IQ2_XS" or "IQ2_XXS" or "IQ1_M" or "IQ1_S";

    /// <summary>The type of a name in any case; <c>Q3_K</c>, <c>Q4_K</c> and <c>Q5_K</c> stand for their medium mixtures.</summary>
    /// <exception cref="NativeSteerException">There is none of that name.</exception>
    public static QuantizationType Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var upper = name.Trim().ToUpperInvariant();
        upper = s_aliases.GetValueOrDefault(upper, upper);
        return All.FirstOrDefault(type => type.Name == upper)
            ?? throw new NativeSteerException($"There is no quantisation type '{Files.FileErrors.Printable(name)}'; there are {string.Join(", ", All.Select(type => type.Name))}.");
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
