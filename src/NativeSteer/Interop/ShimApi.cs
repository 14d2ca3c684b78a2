using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace NativeSteer.Interop;

/// <summary>The functions of native/nativesteer.h. Shapes, units and ownership are described there.</summary>
internal static unsafe partial class ShimApi
{
    /// <summary>Also the import name of llama.cpp's functions: libnativesteer depends on libllama, and the loader looks there too.</summary>
    internal const string Library = "nativesteer";

    [LibraryImport(Library)]
    internal static partial int ns_abi_version();

    [LibraryImport(Library)]
    internal static partial byte* ns_last_error();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ShimStatus ns_initialize(string libraryDirectory, delegate* unmanaged[Cdecl]<int, byte*, void> log);

    [LibraryImport(Library)]
    internal static partial byte* ns_device_name(int index);

    [LibraryImport(Library)]
    internal static partial void ns_device_memory(int index, out long free, out long total);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ShimStatus ns_model_load(string path, ShimModelOptions* options, out nint model);

    [LibraryImport(Library)]
    internal static partial void ns_model_free(nint model);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ShimStatus ns_quantize(string input, string output, ShimQuantizeOptions* options, out int fallbacks);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_weights_decode(int type, void* data, long count, float* values);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_tokenize(
        nint vocabulary, byte* text, int textLength, int* tokens, int maxTokens, byte addSpecial, byte parseSpecial, out int count);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_detokenize(
        nint vocabulary, int* tokens, int tokenCount, byte* text, int maxLength, byte removeSpecial, byte unparseSpecial, out int count);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_token_piece(nint vocabulary, int token, byte* text, int maxLength, byte special, out int count);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_chat_format(
        byte* template, LlamaChatMessage* messages, int messageCount, byte addAssistant, byte* text, int maxLength, out int count);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_session_create(nint model, ShimSessionOptions* options, out nint session);

    [LibraryImport(Library)]
    internal static partial void ns_session_free(nint session);

    [LibraryImport(Library)]
    internal static partial nint ns_session_context(nint session);

    [LibraryImport(Library)]
    internal static partial void ns_session_cancel(nint session);

    [LibraryImport(Library)]
    internal static partial void ns_session_resume(nint session);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_decode(nint session, ShimBatch* batch, ShimPlan* plan);

    [LibraryImport(Library)]
    internal static partial void ns_edit_rows(float* data, long stride, int width, ShimEdit* edits, int editCount, float* vectors);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_sampler_create(nint vocabulary, ShimSamplerOptions* options, out nint sampler);

    [LibraryImport(Library)]
    internal static partial void ns_sampler_free(nint sampler);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_sample(nint session, int count, int* rows, nint* samplers, int* tokens, float* logProbabilities);

    [LibraryImport(Library)]
    internal static partial ShimAbiEntry* ns_abi_table();
}
