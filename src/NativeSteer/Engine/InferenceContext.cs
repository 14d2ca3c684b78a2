using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>Stands between <see cref="InferenceContext.Decode(TokenBatch)"/> and llama.cpp: capture and steering are one.</summary>
internal interface IDecodeInterceptor
{
    /// <summary>Decodes the batch, with a plan of its own.</summary>
    void Decode(TokenBatch batch);
}

/// <summary>
/// A KV cache and the buffers to run batches on one model. Up to 256 sequences live in it side by side; they can be forked
/// and rewound. Not thread-safe, except for <see cref="Cancel"/>.
/// </summary>
public sealed unsafe class InferenceContext : IDisposable
{
    private readonly SessionHandle _session;
    private readonly nint _context;
    private readonly nint _memory;

    internal InferenceContext(LanguageModel model, ContextOptions options)
    {
        if (model.IsVocabularyOnly)
            throw new NativeSteerException($"{model.Path} was loaded for its vocabulary alone; load it with its weights to run it.");
        using var held = new HandleLease(model.Handle);
        Model = model;
        Options = Resolve(model, options);
        var native = new ShimSessionOptions
        {
            Size = sizeof(ShimSessionOptions),
            ContextLength = (uint)Options.ContextLength,
            BatchLength = (uint)Options.BatchLength,
            Sequences = (uint)Options.Sequences,
            Threads = Options.Threads,
            BatchThreads = Options.Threads,
            FlashAttention = Options.FlashAttention == true ? 1 : 0,
            KeyType = (int)Options.CacheType,
            ValueType = (int)Options.CacheType,
            UnifiedCache = 1,
            Hook = Options.Hook ? (byte)1 : (byte)0,
            AttentionByWeight = model.HasAttentionOutputBias ? (byte)0 : (byte)1,
        };
        var status = ShimApi.ns_session_create(held.Pointer, &native, out var session);
        if (status == ShimStatus.Error && model.IsOnGpu && GpuFit.IsFull(NativeError.LastMessage())) throw GpuFit.NoRoomForContext(model.Path, Options, GpuFit.Devices());
        NativeError.Check(
            status,
            $"{model.Path} cannot be run: ",
            "ask for a smaller context or batch, or check the model with 'nativesteer doctor'");
        _session = new SessionHandle(session, model.Handle);
        _context = ShimApi.ns_session_context(session);
        _memory = LlamaApi.llama_get_memory(_context);
        Options = Options with { ContextLength = (int)LlamaApi.llama_n_ctx(_context) }; // llama.cpp rounds up to 256
    }

    /// <summary>The model it runs.</summary>
    public LanguageModel Model { get; }

    /// <summary>What it was created with, defaults filled in.</summary>
    public ContextOptions Options { get; }

    internal IDecodeInterceptor? Interceptor { get; set; }

    /// <summary>Runs the batch: all rows go through the model together, each seeing its own sequence's earlier positions.</summary>
    /// <exception cref="NativeSteerException">The batch is malformed, or the cache is full (then nothing was decoded).</exception>
    /// <exception cref="OperationCanceledException"><see cref="Cancel"/> was called.</exception>
    public void Decode(TokenBatch batch)
    {
        if (Interceptor is { } interceptor) interceptor.Decode(batch);
        else Decode(batch, null);
    }

    /// <summary>Decodes with a plan for the native hook, or none.</summary>
    internal void Decode(TokenBatch batch, ShimPlan* plan)
    {
        using var session = Hold();
        fixed (int* tokens = batch.Tokens, positions = batch.Positions, sequences = batch.Sequences)
        fixed (byte* outputs = batch.Outputs)
        {
            var native = new ShimBatch { Rows = batch.Count, Token = tokens, Position = positions, Sequence = sequences, Output = outputs };
            NativeError.Check(ShimApi.ns_decode(session.Pointer, &native, plan));
        }
    }

    /// <summary>Logits (vocabulary) after a row of the last batch that asked for them. Valid until the next decode.</summary>
    public ReadOnlySpan<float> Logits(int row)
    {
        using var session = Hold();
        var logits = row >= 0 ? LlamaApi.llama_get_logits_ith(_context, row) : null; // llama.cpp counts negative rows from the end
        return logits != null
            ? new ReadOnlySpan<float>(logits, Model.Vocabulary.Size)
            : throw new NativeSteerException($"Row {row} of the last batch has no logits; add it with output: true.");
    }

    /// <summary>Picks the next token after each row.</summary>
    /// <param name="rows">Rows of the last batch that asked for logits.</param>
    /// <param name="samplers">One per row.</param>
    /// <param name="tokens">Receives the picked ids.</param>
    /// <param name="logProbabilities">Empty, or receives the natural log of each pick's probability under the unmodified logits.</param>
    public void Sample(ReadOnlySpan<int> rows, ReadOnlySpan<Sampler> samplers, Span<int> tokens, Span<float> logProbabilities = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(samplers.Length, rows.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens.Length, rows.Length);
        if (!logProbabilities.IsEmpty) ArgumentOutOfRangeException.ThrowIfLessThan(logProbabilities.Length, rows.Length);
        if (rows.IsEmpty) return;

        using var session = Hold();
        const int mostOnStack = 256;
        var handles = rows.Length <= mostOnStack ? stackalloc nint[rows.Length] : new nint[rows.Length];
        for (var i = 0; i < handles.Length; i++) handles[i] = samplers[i].Pointer;
        fixed (int* r = rows, t = tokens)
        fixed (nint* h = handles)
        fixed (float* p = logProbabilities)
        {
            NativeError.Check(ShimApi.ns_sample(session.Pointer, rows.Length, r, h, t, p));
        }
    }

    /// <summary>Makes target a copy of source up to a position, without computing or copying anything: the cells are shared.</summary>
    /// <param name="source">Sequence to fork.</param>
    /// <param name="target">Sequence that becomes the fork; what it held is dropped.</param>
    /// <param name="length">Positions 0 to length - 1 are shared; negative means all.</param>
    public void CopySequence(int source, int target, int length = -1)
    {
        CheckSequence(source);
        CheckSequence(target);
        if (source == target) return;
        using var session = Hold();
        RewindSequence(target, 0);
        LlamaApi.llama_memory_seq_cp(_memory, source, target, -1, length);
    }

    /// <summary>Drops positions from length on.</summary>
    /// <exception cref="NativeSteerException">This model's memory cannot be rewound part way (recurrent models).</exception>
    public void RewindSequence(int sequence, int length)
    {
        if (!TryRewindSequence(sequence, length))
        {
            throw new NativeSteerException($"{Model.Path}: a sequence of this architecture ({Model.Shape.Architecture}) cannot be rewound part way.");
        }
    }

    /// <summary>Drops positions from length on, or returns false where this model's memory cannot be rewound part way.</summary>
    public bool TryRewindSequence(int sequence, int length)
    {
        CheckSequence(sequence);
        using var session = Hold();
        return LlamaApi.llama_memory_seq_rm(_memory, sequence, length, -1) != 0;
    }

    /// <summary>Positions held of a sequence.</summary>
    public int SequenceLength(int sequence)
    {
        CheckSequence(sequence);
        using var session = Hold();
        return LlamaApi.llama_memory_seq_pos_max(_memory, sequence) + 1;
    }

    /// <summary>Drops all sequences.</summary>
    public void Clear()
    {
        using var session = Hold();
        LlamaApi.llama_memory_clear(_memory, 0);
    }

    /// <summary>
    /// Sets llama.cpp's own control vector, one for the whole context, or removes it with an empty span. It is here to be
    /// compared with; steering goes through Hooks.
    /// </summary>
    /// <param name="directions">(layers - 1, width): blocks 1 to layers - 1; block 0 cannot be reached.</param>
    public void SetControlVector(ReadOnlySpan<float> directions)
    {
        var (layers, width) = (Model.Shape.Layers, Model.Shape.Width);
        if (!directions.IsEmpty) ArgumentOutOfRangeException.ThrowIfNotEqual(directions.Length, (layers - 1) * width);
        using var session = Hold();
        fixed (float* data = directions)
        {
            if (LlamaApi.llama_set_adapter_cvec(_context, data, (nuint)directions.Length, width, 1, layers - 1) != 0)
            {
                throw new NativeSteerException($"{Model.Path}: llama.cpp refused the control vector.");
            }
        }
    }

    /// <summary>Makes the running or the next decode throw <see cref="OperationCanceledException"/>. From any thread.</summary>
    public void Cancel()
    {
        using var session = Hold();
        ShimApi.ns_session_cancel(session.Pointer);
    }

    /// <summary>Takes <see cref="Cancel"/> back.</summary>
    public void Resume()
    {
        using var session = Hold();
        ShimApi.ns_session_resume(session.Pointer);
    }

    /// <summary>Frees the cache.</summary>
    public void Dispose() => _session.Dispose();

    private HandleLease Hold() => new(_session);

    private void CheckSequence(int sequence)
    {
        if ((uint)sequence >= (uint)Options.Sequences)
        {
            throw new ArgumentOutOfRangeException(nameof(sequence), sequence, $"The context has {Options.Sequences} sequences.");
        }
    }

    private static ContextOptions Resolve(LanguageModel model, ContextOptions options)
    {
        const int defaultLength = 4096;
        if (options.ContextLength < 0) throw new NativeSteerException($"The context length is {options.ContextLength}; give a positive number, or 0 for the model's own.");
        if (options.BatchLength < 1) throw new NativeSteerException($"The batch length is {options.BatchLength}; it must be 1 or more.");
        if (options.Sequences is < 1 or > 256) throw new NativeSteerException($"{options.Sequences} sequences were asked for; a context holds 1 to 256.");
        if (options.Threads is < 0 or > 512) throw new NativeSteerException($"{options.Threads} threads were asked for; give 1 to 512, or 0 for one per core.");
        if (!Enum.IsDefined(options.CacheType))
        {
            var names = string.Join(", ", Enum.GetNames<CacheType>());
            throw new NativeSteerException($"The cache type is {(int)options.CacheType}; give one of {names}.");
        }
        var length = options.ContextLength > 0 ? options.ContextLength : Math.Min(model.TrainedContextLength, defaultLength);
        var resolved = options with
        {
            ContextLength = length,
            BatchLength = Math.Max(Math.Min(options.BatchLength, length), options.Sequences),
            Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount,
            FlashAttention = UsesFlashAttention(model, options),
        };
        ContextMemory.Check(model, resolved);
        return resolved;
    }

    /// <summary>What <see cref="ContextOptions.FlashAttention"/> comes to.</summary>
    internal static bool UsesFlashAttention(LanguageModel model, ContextOptions options) =>
        options.FlashAttention ?? IsFlashAttentionFaster(model, options.CacheType);

    // ggml's CPU code for F16 steps through a head by 64 numbers and takes the rest one by one: 2 to 4 times slower than without
    // for heads of 32.
    private static bool IsFlashAttentionFaster(LanguageModel model, CacheType cache)
    {
        const int step = 64;
        if (cache is not (CacheType.F32 or CacheType.F16 or CacheType.BF16)) return true;
        var heads = LlamaApi.llama_model_n_head(model.Pointer);
        return heads <= 0 || model.Shape.Width / heads >= step || LlamaLibrary.Devices.Count > 1;
    }
}
