using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary>Reading and writing vector files as the verbs do it.</summary>
internal static class VectorFiles
{
    /// <summary>Reads a vector with llama.cpp's meaning of its numbers; one without a name gets its file's.</summary>
    internal static SteeringVector Read(string path)
    {
        var vector = ControlVectorFile.Read(path);
        var provenance = vector.Provenance;
        return provenance.ContainsKey(Provenance.Label) || provenance.ContainsKey(Provenance.Expression)
            ? vector
            : vector.With(provenance.With(Provenance.Label, Path.GetFileNameWithoutExtension(path)));
    }

    /// <summary>Writes a vector and says what llama.cpp will not see of it.</summary>
    internal static void Write(string path, SteeringVector vector, Output.Terminal terminal)
    {
        if (ControlVectorFile.Write(path, vector) is { } note) terminal.Note(note);
    }
}
