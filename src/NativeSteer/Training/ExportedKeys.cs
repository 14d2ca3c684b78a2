using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The key-values of an exported model: the source's, under a name of its own, with the vocabulary grown and the file's type renewed.</summary>
internal static class ExportedKeys
{
    private const int UserDefined = 4; // llama.cpp's token type: found in texts before anything else, and spelled out
    private const string Tokens = "tokenizer.ggml.tokens", Types = "tokenizer.ggml.token_type", Scores = "tokenizer.ggml.scores";
    private const string Name = "general.name", FileTypeKey = "general.file_type", QuantizationVersion = "general.quantization_version";

    /// <summary>Adds them to a file.</summary>
    /// <param name="writer">The file.</param>
    /// <param name="source">The model that was trained.</param>
    /// <param name="name">What the new one is called.</param>
    /// <param name="newTokens">Spellings of the tokens that were added.</param>
    /// <param name="fileType">llama.cpp's number for the type of its matrices; null keeps what the source says.</param>
    /// <param name="provenance">Where it comes from.</param>
    internal static void Write(
        GgufWriter writer, GgufFile source, string name, IReadOnlyList<string> newTokens, uint? fileType, Provenance provenance)
    {
        var sizeKey = $"{source.Architecture}.vocab_size";
        foreach (var entry in source.Entries)
        {
            if (entry.Key.StartsWith("split.", StringComparison.Ordinal)) continue; // one file now
            if (entry.Key is "general.alignment") continue; // the writer's own is the default
            if (provenance.Count > 0 && entry.Key.StartsWith(ControlVectorFile.ProvenancePrefix, StringComparison.Ordinal)) continue;
            if (entry.Key is FileTypeKey or QuantizationVersion && fileType is not null) continue;
            if (entry.Key is Name) writer.Add(Name, name);
            else if (newTokens.Count == 0) writer.CopyEntry(source, entry);
            else if (entry.Key is Tokens) AddTokens(writer, source, entry, newTokens);
            else if (entry.Key is Types) writer.AddArray<int>(Types, [.. source.GetArray<int>(Types), .. newTokens.Select(_ => UserDefined)]);
            else if (entry.Key is Scores && entry.Type == GgufValueType.Float32)
                writer.AddArray<float>(Scores, [.. source.GetArray<float>(Scores), .. newTokens.Select(_ => 0f)]);
            else if (string.Equals(entry.Key, sizeKey, StringComparison.Ordinal))
                writer.Add(sizeKey, (uint)(source.GetInteger(sizeKey) + newTokens.Count));
            else writer.CopyEntry(source, entry);
        }
        if (source.Find(Name) is null) writer.Add(Name, name);
        if (newTokens.Count > 0 && source.Find(Types) is null)
        {
            var types = new int[source.Find(Tokens)!.Count + newTokens.Count];
            Array.Fill(types, 1);
            Array.Fill(types, UserDefined, types.Length - newTokens.Count, newTokens.Count);
            writer.AddArray<int>(Types, types);
        }
        foreach (var (key, value) in provenance) writer.Add(ControlVectorFile.ProvenancePrefix + key, value);
        if (fileType is not { } written) return;
        writer.Add(FileTypeKey, written);
        writer.Add(QuantizationVersion, 2u); // of ggml's quantised formats
    }

    // The old tokens as bytes: some vocabularies hold texts that are no valid UTF-8, which strings would lose.
    private static void AddTokens(GgufWriter writer, GgufFile source, GgufEntry entry, IReadOnlyList<string> newTokens) => writer.AddArray(
        Tokens, entry.Type, entry.Count + newTokens.Count, [.. source.ReadEntryBytes(entry), .. newTokens.SelectMany(GgufWriter.Text)]);
}
