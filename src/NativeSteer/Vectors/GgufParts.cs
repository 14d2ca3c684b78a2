using System.Globalization;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// Models split over several files, named <c>name-00001-of-00003.gguf</c> by llama.cpp's gguf-split, and the check that a
/// path holds a whole model before the native loader sees it.
/// </summary>
public static class GgufParts
{
    /// <summary>
    /// Checks the header of a model and of every part it is split into, that no part is missing, and that the parts belong
    /// together.
    /// </summary>
    /// <param name="path">The model, or the first part of a split one.</param>
    /// <returns>The paths of all parts in order; one path for a model in one file.</returns>
    /// <exception cref="NativeSteerException">
    /// A part is missing or broken, the file is not a model, or it is not the first part.
    /// </exception>
    public static IReadOnlyList<string> CheckModel(string path)
    {
        using var first = GgufFile.Open(path);
        return CheckModel(first);
    }

    /// <inheritdoc cref="CheckModel(string)"/>
    internal static IReadOnlyList<string> CheckModel(GgufFile first)
    {
        CheckKind(first);
        var parts = Find(first);
        if (parts.Count > 1) CheckTogether(first, parts);
        return parts;
    }

    /// <summary>The paths of all parts of the model whose first part <paramref name="first"/> is.</summary>
    /// <exception cref="NativeSteerException">This is not the first part, it was renamed, or parts are missing (named).</exception>
    public static IReadOnlyList<string> Find(GgufFile first)
    {
        ArgumentNullException.ThrowIfNull(first);
        var shown = FileErrors.Shown(first.Path);
        var count = first.Find("split.count") is null ? 1 : Number(first, "split.count");
        if (count <= 1) return [first.Path];
        var number = Number(first, "split.no");
        var ending = Ending(number, count);
        if (!first.Path.EndsWith(ending, StringComparison.Ordinal))
        {
            throw new NativeSteerException(
                $"{shown} is part {number + 1} of a model in {count} parts, but was renamed; its name must end with {ending}.");
        }
        var prefix = first.Path[..^ending.Length];
        var parts = Enumerable.Range(0, count).Select(part => prefix + Ending(part, count)).ToList();
        if (number != 0)
            throw new NativeSteerException($"{shown} is part {number + 1} of {count}; give the first part, {FileErrors.Shown(parts[0])}.");
        var missing = parts.Where(part => !File.Exists(part)).Select(part => FileErrors.Shown(Path.GetFileName(part))).ToList();
        if (missing.Count > 0)
        {
            var more = missing.Count > 3 ? $" and {missing.Count - 3} more" : "";
            throw new NativeSteerException(
                $"{shown} is the first of {count} parts and {string.Join(", ", missing.Take(3))}{more} "
                + $"{(missing.Count == 1 ? "is" : "are")} missing beside it; download all parts into one folder.");
        }
        return parts;
    }

    private static string Ending(int part, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"-{part + 1:00000}-of-{count:00000}.gguf");

    // llama.cpp reads these as u16 and aborts the process on another type.
    private static int Number(GgufFile file, string key)
    {
        if (file.Find(key) is { IsArray: false, Type: GgufValueType.UInt16 }) return (int)file.GetInteger(key);
        throw GgufFile.Fault(
            file.Path, $"it is a part of a split model, but its key {key} is {file.Find(key)?.TypeName ?? "missing"} instead of u16");
    }

    private static void CheckKind(GgufFile file)
    {
        var shown = FileErrors.Shown(file.Path);
        var architecture = file.Architecture;
        if (IsVector(file, architecture))
            throw new NativeSteerException(
                $"{shown} is a control vector, not a model; pass it with --control-vector and give the model with -m.");
        if (architecture.Length == 0)
            throw new NativeSteerException(
                $"{shown} names no architecture (general.architecture); it is not a model that llama.cpp can load.");
        if (architecture is "clip")
            throw new NativeSteerException($"{shown} is a multimodal projector (mmproj), not a model; give the model it belongs to.");
        var type = file.Find("general.type") is { IsArray: false, Type: GgufValueType.String } ? file.GetString("general.type") : "model";
        if (type is "adapter")
            throw new NativeSteerException($"{shown} is a LoRA adapter, not a model; give the model, with the adapter merged into it.");
        if (type is not ("model" or "vocab"))
            throw new NativeSteerException(
                $"{shown} is of type {FileErrors.Printable(type)}, not a model; give the path of a .gguf model.");
    }

    private static bool IsVector(GgufFile file, string architecture) =>
        architecture is "controlvector" or "steeringvector"
        || (file.Tensors.Count > 0 && file.Tensors.All(tensor => tensor.Name.StartsWith("direction.", StringComparison.Ordinal)));

    private static void CheckTogether(GgufFile first, IReadOnlyList<string> parts)
    {
        var names = new HashSet<string>(first.Tensors.Select(tensor => tensor.Name), StringComparer.Ordinal);
        for (var i = 1; i < parts.Count; i++)
        {
            using var part = GgufFile.Open(parts[i]);
            if (Number(part, "split.no") != i)
                throw GgufFile.Fault(part.Path, $"it says it is part {Number(part, "split.no") + 1}, its name says {i + 1}");
            foreach (var tensor in part.Tensors)
            {
                if (!names.Add(tensor.Name))
                    throw GgufFile.Fault(part.Path, $"its tensor {FileErrors.Printable(tensor.Name)} is also in an earlier part");
            }
        }
        if (first.Find("split.tensors.count") is null) return;
        var expected = first.GetInteger("split.tensors.count");
        if (expected != names.Count)
            throw GgufFile.Fault(first.Path, $"its {parts.Count} parts hold {names.Count} tensors where it announces {expected}");
    }
}
