using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>How a model is loaded.</summary>
public sealed record ModelOptions
{
    /// <summary>Layers kept on the GPU; negative means all that it can take. Without a GPU backend it has no effect.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>Map the file instead of reading it; pages are shared between processes.</summary>
    public bool UseMemoryMap { get; init; } = true;

    /// <summary>Load the vocabulary alone, for tokenizing.</summary>
    public bool VocabularyOnly { get; init; }

    /// <summary>Called with 0 to 1 while the weights load. An exception from it stops the load and is thrown by <see cref="LanguageModel.Load"/>.</summary>
    public Action<float>? Progress { get; init; }
}

/// <summary>A GGUF model in memory. Thread-safe once loaded; contexts made from it are not.</summary>
public sealed unsafe class LanguageModel : IDisposable
{
    private LanguageModel(string path, GgufFile file, ModelHandle handle, bool isVocabularyOnly)
    {
        IsVocabularyOnly = isVocabularyOnly;
        Path = path;
        File = file;
        Handle = handle;
        Pointer = handle.DangerousGetHandle();
        Vocabulary = new Vocabulary(this);
        Shape = new ModelShape(file.Architecture, LlamaApi.llama_model_n_layer(Pointer), LlamaApi.llama_model_n_embd(Pointer));
        TrainedContextLength = LlamaApi.llama_model_n_ctx_train(Pointer);
        ParameterCount = (long)LlamaApi.llama_model_n_params(Pointer);
        SizeInBytes = (long)LlamaApi.llama_model_size(Pointer);
        CanRewind = LlamaApi.llama_model_is_recurrent(Pointer) == 0 && LlamaApi.llama_model_is_hybrid(Pointer) == 0;
        Description = Describe(Pointer);
        ChatTemplate = Marshal.PtrToStringUTF8((nint)LlamaApi.llama_model_chat_template(Pointer, null));
    }

    /// <summary>The file it was loaded from.</summary>
    public string Path { get; }

    /// <summary>The file's key-values and tensor list.</summary>
    public GgufFile File { get; }

    /// <summary>Whether it was loaded without its weights: it can tokenize, but no context can be made from it.</summary>
    public bool IsVocabularyOnly { get; }

    /// <summary>Architecture, number of layers and width of the residual stream.</summary>
    public ModelShape Shape { get; }

    /// <summary>The tokenizer.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>Tokens of context the model was trained with.</summary>
    public int TrainedContextLength { get; }

    /// <summary>Number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>Bytes of all tensors.</summary>
    public long SizeInBytes { get; }

    /// <summary>
    /// Whether a sequence can go back to an earlier position. Recurrent models and hybrids with recurrent layers keep one
    /// state, not one per position: they cannot, and a fork of theirs is of the whole sequence.
    /// </summary>
    public bool CanRewind { get; }

    /// <summary>llama.cpp's one-line description: architecture, size, quantisation.</summary>
    public string Description { get; }

    /// <summary>The chat template in the file (Jinja source), or null.</summary>
    public string? ChatTemplate { get; }

    internal ModelHandle Handle { get; }

    /// <summary>The native model; only while a <see cref="HandleLease"/> on <see cref="Handle"/> is held.</summary>
    internal nint Pointer { get; }

    /// <summary>Whether any part of the model has a bias on attention's output.</summary>
    internal bool HasAttentionOutputBias
    {
        get
        {
            if (HasOne(File)) return true;
            foreach (var path in GgufParts.Find(File).Skip(1))
            {
                using var part = GgufFile.Open(path);
                if (HasOne(part)) return true;
            }
            return false;

            static bool HasOne(GgufFile file) => file.Tensors.Any(t => t.Name.EndsWith(".attn_output.bias", StringComparison.Ordinal));
        }
    }

    /// <summary>Whether a GPU computes all of it or some layers.</summary>
    public bool IsOnGpu { get; private init; }

    /// <summary>Loads a GGUF file, or a built-in model by its name. The file is checked first, so that llama.cpp never meets what it would abort on.</summary>
    /// <exception cref="NativeSteerException">The file is missing, damaged, or not a model llama.cpp can run.</exception>
    /// <exception cref="OperationCanceledException">The progress callback threw that.</exception>
    public static LanguageModel Load(string path, ModelOptions? options = null) =>
        Open(BuiltInModel.Resolve(path), options ?? new ModelOptions(), check: true);

    /// <summary>Loads without the check: only the native guard stands between the file and the process. For tests of that guard.</summary>
    internal static LanguageModel LoadUnchecked(string path, ModelOptions? options = null) =>
        Open(path, options ?? new ModelOptions(), check: false);

    private static LanguageModel Open(string path, ModelOptions options, bool check)
    {
        var file = GgufFile.Open(path);
        try
        {
            if (check) ModelFileCheck.Run(file, options.VocabularyOnly);
            NativeRuntime.EnsureLoaded();
            if (options.GpuLayers != 0 && !options.VocabularyOnly) GpuBackend.SayOnce();
            return new LanguageModel(path, file, LoadNative(path, file, options), options.VocabularyOnly)
            {
                IsOnGpu = options.GpuLayers != 0 && !options.VocabularyOnly && GpuFit.Devices().Count > 0,
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ModelHandle LoadNative(string path, GgufFile file, ModelOptions options)
    {
        var progress = new NativeProgress(options.Progress);
        using var relay = new Handle<NativeProgress>(progress);
        var native = new ShimModelOptions
        {
            Size = sizeof(ShimModelOptions),
            GpuLayers = options.GpuLayers,
            UseMemoryMap = options.UseMemoryMap ? (byte)1 : (byte)0,
            VocabularyOnly = options.VocabularyOnly ? (byte)1 : (byte)0,
            Progress = &NativeProgress.OnProgress,
            ProgressUser = (void*)relay.Pointer,
        };
        var status = ShimApi.ns_model_load(path, &native, out var model);
        progress.Failure?.Throw();
        if (status == ShimStatus.Error && options.GpuLayers != 0 && GpuFit.IsFull(NativeError.LastMessage()) && GpuFit.Devices() is { Count: > 0 } devices)
            throw GpuFit.TooSmall(path, ModelFileCheck.Tensors(file, GgufParts.Find(file)).Values, ModelShape.Of(file).Layers, devices);
        NativeError.Check(status, $"{path} cannot be loaded: ", "check the file, or convert it again for llama.cpp v0.5.0");
        return new ModelHandle(model);
    }

    /// <summary>Creates a context: a KV cache and the buffers to run batches on this model.</summary>
    /// <exception cref="NativeSteerException">An option is out of range, or memory is short.</exception>
    public InferenceContext CreateContext(ContextOptions? options = null) => new(this, options ?? new ContextOptions());

    /// <summary>Frees the model once its contexts are disposed as well.</summary>
    public void Dispose()
    {
        Handle.Dispose();
        File.Dispose();
    }

    private static string Describe(nint model)
    {
        Span<byte> buffer = stackalloc byte[256];
        fixed (byte* p = buffer)
        {
            var length = LlamaApi.llama_model_desc(model, p, (nuint)buffer.Length);
            return Encoding.UTF8.GetString(buffer[..Math.Clamp(length, 0, buffer.Length - 1)]);
        }
    }
}
