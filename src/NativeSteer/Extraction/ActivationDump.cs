using System.Globalization;
using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;

namespace NativeSteer.Extraction;

/// <summary>What to write of a dump.</summary>
public sealed record DumpOptions
{
    /// <summary>The blocks, or null for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Where in the blocks.</summary>
    public HookSite Site { get; init; } = HookSite.Residual;

    /// <summary>Halve the size: 16-bit floats, rounded to nearest.</summary>
    public bool Half { get; init; }
}

/// <summary>
/// Raw activations of prompts as safetensors files: <c>hidden_states</c> (tokens, layers, width) in F32 or F16 and
/// <c>token_ids</c> (tokens) in I64, as vLLM's hidden-state connector writes them. Metadata: <c>model</c>, <c>layers</c>
/// (comma-separated blocks, in order of the second dimension), <c>site</c>, <c>prompt</c>.
/// </summary>
/// <remarks>Rows go to the file as batches are decoded; a file appears under its name when it is whole.</remarks>
public static class ActivationDump
{
    private const int BufferBytes = 64 << 20; // of rows between the engine and the file
    private const float LargestHalf = 65504;

    /// <summary>
    /// The files that several prompts go to: <c>out.safetensors</c> becomes <c>out-0001.safetensors</c> and so on; one
    /// prompt keeps the name.
    /// </summary>
    public static string PathOf(string path, int index, int count)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (count == 1) return path;
        var digits = Math.Max(4, count.ToString(CultureInfo.InvariantCulture).Length);
        var number = (index + 1).ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0');
        var name = $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}";
        return Path.Combine(Path.GetDirectoryName(path) ?? "", name);
    }

    /// <summary>Runs prompts, as many in a batch as fit, and writes a file for each.</summary>
    /// <param name="context">Must have a hook and hold nothing else; it is empty afterwards.</param>
    /// <param name="prompts">The prompts; special tokens spelled in them are read as such.</param>
    /// <param name="path">The file, numbered where there are several prompts (see <see cref="PathOf"/>).</param>
    /// <param name="options">Layers, site, format.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">
    /// Stops within the running batch; the files of earlier prompts stay, the running one leaves nothing.
    /// </param>
    /// <returns>The files written.</returns>
    /// <exception cref="NativeSteerException">A prompt is empty or too long, a layer is missing, or a file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static IReadOnlyList<string> Write(
        InferenceContext context, IReadOnlyList<string> prompts, string path, DumpOptions? options = null,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DumpOptions();
        var model = context.Model;
        var tokenizer = new TextTokens(model.Vocabulary, context.Options.ContextLength);
        int[][] texts = [.. prompts.Select((prompt, i) => tokenizer.Prompt(prompt, $"prompt {i + 1}").Tokens)];
        var layers = options.Layers ?? [.. Enumerable.Range(0, model.Shape.Layers)];
        var rows = new ActivationRows(layers.Select(layer => new HookSlot(options.Site, layer)), model.Shape.Width);

        using var hook = new ResidualHook(context);
        using var capture = hook.Copy(rows, logits: false);
        using var cancel = new DecodeCancellation(context, cancellation);
        var done = new CaptureProgress(0, texts.Length, 0, texts.Sum(text => (long)text.Length));
        var mostRows = Math.Clamp(BufferBytes / (sizeof(float) * rows.Slots.Count * rows.Width), 1, context.Options.BatchLength);
        var files = new List<string>();
        var batch = new TokenBatch();
        for (var first = 0; first < texts.Length;)
        {
            var count = Together(first);
            try
            {
                if (count == 0) WriteInPieces(first);
                else WriteTogether(first, count);
            }
            finally
            {
                context.Clear();
            }
            first += Math.Max(1, count);
        }
        return files;

        // How many prompts from this one on go into one batch; 0 for a prompt that is longer than a batch.
        int Together(int first)
        {
            var (count, room) = (0, mostRows);
            var most = model.CanRewind ? context.Options.Sequences : 1; // llama.cpp regroups rows of several recurrent sequences
            while (count < most && first + count < texts.Length && texts[first + count].Length <= room) room -= texts[first + count++].Length;
            return count;
        }

        void WriteTogether(int first, int count)
        {
            batch.Clear();
            for (var i = 0; i < count; i++) Append(first + i, 0, texts[first + i].Length, sequence: i);
            Decode(PathOf(path, first, texts.Length));
            var start = 0;
            for (var i = first; i < first + count; i++)
            {
                using var writer = Create(i);
                writer.Write("hidden_states", rows.Values.Slice(start * rows.Slots.Count * rows.Width, texts[i].Length * rows.Slots.Count * rows.Width));
                start += texts[i].Length;
                Complete(writer, i);
            }
        }

        void WriteInPieces(int i)
        {
            using var writer = Create(i);
            for (var position = 0; position < texts[i].Length;)
            {
                batch.Clear();
                position = Append(i, position, Math.Min(texts[i].Length, position + mostRows), sequence: 0);
                Decode(PathOf(path, i, texts.Length));
                writer.Write("hidden_states", rows.Values);
            }
            Complete(writer, i);
        }

        int Append(int i, int from, int to, int sequence)
        {
            for (var position = from; position < to; position++) batch.Copy(batch.Add(texts[i][position], position, sequence));
            return to;
        }

        void Decode(string file)
        {
            cancel.Decode(batch);
            if (options.Half) RequireHalf(rows.Values, file);
            done = done with { Rows = done.Rows + batch.Count };
            progress?.Report(done);
        }

        SafetensorsWriter Create(int i) => SafetensorsWriter.Create(
            PathOf(path, i, texts.Length),
            [
                new SafetensorsTensor("hidden_states", options.Half ? SafetensorsType.F16 : SafetensorsType.F32, [texts[i].Length, rows.Slots.Count, rows.Width]),
                new SafetensorsTensor("token_ids", SafetensorsType.I64, [texts[i].Length]),
            ],
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["model"] = Path.GetFileName(model.Path),
                ["layers"] = string.Join(',', rows.Slots.Select(slot => slot.Layer)),
                ["site"] = options.Site switch { HookSite.Residual => "l_out", HookSite.Attention => "attn_out", _ => "ffn_out" },
                ["prompt"] = prompts[i],
            });

        void Complete(SafetensorsWriter writer, int i)
        {
            writer.Write<long>("token_ids", Array.ConvertAll(texts[i], token => (long)token));
            writer.Complete();
            files.Add(PathOf(path, i, texts.Length));
            done = done with { Texts = done.Texts + 1 };
        }
    }

    private static void RequireHalf(ReadOnlySpan<float> values, string file)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        if (largest > LargestHalf)
            throw new NativeSteerException(
                $"{FileErrors.Shown(file)}: an activation of {largest:g4} is beyond 16-bit floats (65504); write 32-bit ones.");
    }
}
