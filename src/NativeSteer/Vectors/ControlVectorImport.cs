using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>What the user knows about a foreign vector file.</summary>
public sealed record ImportOptions
{
    /// <summary>Block = number in the file + this; overrides what the file suggests. -1 for tools that number one late.</summary>
    public int? LayerOffset { get; init; }

    /// <summary>The model the vector is for; it settles the numbering where the file alone cannot, and checks the width.</summary>
    public ModelShape? Model { get; init; }

    /// <summary>The tensor to read from a safetensors file that holds several matrices.</summary>
    public string? Tensor { get; init; }
}

/// <summary>An imported vector in block numbering, and how its numbering was judged.</summary>
/// <param name="Vector">The vector.</param>
/// <param name="Origin">The writer, the offset that was applied, and a note to print.</param>
public sealed record ImportedVector(SteeringVector Vector, VectorOrigin Origin);

/// <summary>
/// Reads vector files of other tools into block numbering: GGUF control vectors of any writer, safetensors with a
/// <c>[layers, width]</c> matrix or <c>layer.N</c> / <c>direction.N</c> rows, and <c>.npy</c> matrices.
/// </summary>
public static class ControlVectorImport
{
    /// <summary>Reads a file; its first bytes tell the format.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, is of no known format, or contradicts the options.</exception>
    public static ImportedVector Read(string path, ImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new ImportOptions();
        if (options.LayerOffset is < -SteeringVector.LargestLayer or > SteeringVector.LargestLayer)
            throw new NativeSteerException(
                $"The layer offset {options.LayerOffset} is out of any model's range; use a small number such as -1.");
        return Magic(path) switch
        {
            [(byte)'G', (byte)'G', (byte)'U', (byte)'F', ..] => FromGguf(path, options),
            [0x93, (byte)'N', (byte)'U', (byte)'M', ..] => FromNpy(path, options),
            [_, _, _, _, _, _, _, _, (byte)'{'] => FromSafetensors(path, options),
            [(byte)'P', (byte)'K', ..] => throw Unknown(
                path, "is a zip archive (.pt or .npz)", "save the vectors as safetensors or .npy first"),
            _ => throw Unknown(path, "is neither GGUF, safetensors nor .npy", "give a vector file in one of these formats"),
        };
    }

    private static ImportedVector FromGguf(string path, ImportOptions options)
    {
        using var file = GgufFile.Open(path);
        ControlVectorFile.RequireControlVector(file);
        var directions = ControlVectorFile.Directions(file);
        if (directions.Count == 0 && file.Find(ControlVectorFile.FormatKey) is null)
            throw ControlVectorFile.Fault(file, "it holds no direction");
        var origin = VectorOrigin.Of(file, directions, options.Model);
        if (options.LayerOffset is { } offset) origin = Overridden(origin, offset);
        var note = origin.Note;
        var hint = ControlVectorFile.Hint(file);
        // repeng writes transformers' model_type, which is not always GGUF's architecture: a note, not an error.
        if (options.Model is { } model && hint.Length > 0 && !string.Equals(hint, model.Architecture, StringComparison.Ordinal))
            note += $"; it was made for {FileErrors.Printable(hint)}, the model is {FileErrors.Printable(model.Architecture)}";
        var vector = ControlVectorFile.Assemble(file, directions, origin.LayerOffset, options.Model);
        if (origin.Writer != VectorWriter.NativeSteer) vector = Signed(vector, path, origin);
        if (file.Find("controlvector.method") is { IsArray: false, Type: GgufValueType.String })
            vector = vector.With(vector.Provenance.With(Provenance.Method, file.GetString("controlvector.method")));
        return new ImportedVector(vector, origin with { Note = note });
    }

    private static ImportedVector FromNpy(string path, ImportOptions options)
    {
        var (shape, values) = NpyFile.Read(path);
        return shape switch
        {
            [var rows, var width] => FromMatrix(path, rows, width, values, options),
            [var width] => FromMatrix(path, 1, width, values, options),
            _ => throw Unknown(path, $"holds an array of {shape.Length} dimensions", "it should be [layers, width]"),
        };
    }

    private static ImportedVector FromSafetensors(string path, ImportOptions options)
    {
        using var file = SafetensorsFile.Open(path);
        if (options.Tensor is null)
        {
            var rows = Rows(file);
            if (rows.Count > 0)
            {
                var origin = new VectorOrigin(
                    VectorWriter.Array, 0, false, "tensors named by number; number N is taken as block N, --layer-offset moves them");
                return FromRows(path, rows, options.LayerOffset is { } given ? Overridden(origin, given) : origin, options);
            }
        }
        var candidates = options.Tensor is { } name
            ? file.Tensors.Where(tensor => string.Equals(tensor.Name, name, StringComparison.Ordinal)).ToList()
            : file.Tensors.Where(tensor => tensor.Shape.Count == 2).ToList();
        if (candidates is not [{ Shape: [var height, var width] } only])
        {
            var tensors = file.Tensors.Take(8).Select(tensor => $"{tensor.Name} {SafetensorsSizes.Show(tensor.Shape)}");
            var names = FileErrors.Printable(string.Join(", ", tensors), 300);
            throw Unknown(
                path,
                $"does not hold one matrix [layers, width]{(options.Tensor is null ? "" : " of that name")} "
                + $"(it has {(names.Length == 0 ? "no tensors" : names)})",
                candidates.Count > 1 ? "choose one with --tensor" : "name rows direction.N or store one matrix");
        }
        var values = file.ReadFloats(only.Name); // fits one array, so both dimensions fit an int unless one is zero
        if (values.Length == 0) throw Unknown(path, "holds an empty array", "it should be [layers, width]");
        return FromMatrix(path, (int)height, (int)width, values, options);
    }

    private static SortedList<int, float[]> Rows(SafetensorsFile file)
    {
        var rows = new SortedList<int, float[]>();
        foreach (var tensor in file.Tensors)
        {
            var number = ControlVectorFile.LayerNumber(tensor.Name) ?? ControlVectorFile.LayerNumber(tensor.Name, "layer.");
            if (number is not { } layer || tensor.Shape.Count != 1) continue;
            if (!rows.TryAdd(layer, file.ReadFloats(tensor.Name)))
                throw Unknown(file.Path, $"holds two directions for {layer}", "keep direction.N or layer.N");
        }
        return rows;
    }

    private static ImportedVector FromMatrix(string path, int rows, int width, float[] values, ImportOptions options)
    {
        if (rows == 0 || width == 0) throw Unknown(path, "holds an empty array", "it should be [layers, width]");
        if (rows > SteeringVector.LargestLayer)
            throw Unknown(path, $"has {rows} rows, more than any model has layers", "it should be [layers, width]");
        var origin = MatrixOrigin(path, rows, options);
        var directions = new SortedList<int, float[]>();
        for (var row = 0; row < rows; row++) directions.Add(row, values.AsSpan(row * width, width).ToArray());
        return FromRows(path, directions, origin, options);
    }

    private static VectorOrigin MatrixOrigin(string path, int rows, ImportOptions options)
    {
        if (options.LayerOffset is { } given)
            return new VectorOrigin(VectorWriter.Array, given, true, $"row R is block R{given:+0;-0;+0}, as asked");
        if (rows == 1 && options.Model is not { Layers: 1 })
            throw Unknown(path, "holds a single row", "say with --layer-offset which block it is for");
        return options.Model?.Layers switch
        {
            { } layers when layers == rows => new VectorOrigin(
                VectorWriter.Array, 0, true, $"{rows} rows for {layers} layers: row R is block R"),
            { } layers when layers > 0 && layers + 1 == rows => new VectorOrigin(VectorWriter.Array, -1, true,
                $"{rows} rows for {layers} layers: row 0 is taken as the embeddings (transformers' hidden_states) and "
                + "dropped, row R is block R-1"),
            _ => new VectorOrigin(VectorWriter.Array, 0, false,
                "the file does not say what its rows are; row R is taken as block R; where row 0 is the embeddings "
                + "(transformers' hidden_states), use --layer-offset -1"),
        };
    }

    private static ImportedVector FromRows(string path, SortedList<int, float[]> rows, VectorOrigin origin, ImportOptions options)
    {
        var directions = new SortedList<int, float[]>();
        foreach (var (row, values) in rows)
        {
            if (row + origin.LayerOffset >= 0) directions.Add(row + origin.LayerOffset, values); // a row before block 0 is the embeddings'
        }
        if (directions.Count == 0)
            throw Unknown(path, $"has no row left after the layer offset {origin.LayerOffset}", "give another --layer-offset");
        var shape = options.Model ?? new ModelShape("", 0, directions.Values[0].Length);
        try
        {
            return new ImportedVector(Signed(new SteeringVector(shape, directions), path, origin), origin);
        }
        catch (NativeSteerException error)
        {
            throw new NativeSteerException($"{FileErrors.Shown(path)}: {error.Message}", error);
        }
    }

    private static VectorOrigin Overridden(VectorOrigin origin, int offset) => origin with
    {
        LayerOffset = offset,
        Certain = true,
        Note = $"number N is block N{offset:+0;-0;+0}, as asked"
            + (origin.LayerOffset == offset ? "" : $"; the file itself suggests {origin.LayerOffset:+0;-0;+0} ({origin.Note})"),
    };

    // Leaves the trail that a later reader of the converted file needs.
    private static SteeringVector Signed(SteeringVector vector, string path, VectorOrigin origin) => vector.With(vector.Provenance
        .With("imported_from", Path.GetFileName(path))
        .With("imported_writer", origin.Writer.ToString())
        .With("imported_layer_offset", $"{origin.LayerOffset}"));

    private static byte[] Magic(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            var bytes = new byte[9];
            return bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }

    private static NativeSteerException Unknown(string path, string what, string next) =>
        new($"{FileErrors.Shown(path)} {what}; {next}.");
}
