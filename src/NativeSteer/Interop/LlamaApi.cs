using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>
/// The functions of llama.h that need nothing of our own around them. C names stand here and nowhere else.
/// C's bool is a byte.
/// </summary>
internal static unsafe partial class LlamaApi
{
    private const string Library = ShimApi.Library;

    [LibraryImport(Library)]
    internal static partial byte* llama_version();

    // Models

    [LibraryImport(Library)]
    internal static partial nint llama_model_get_vocab(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_n_embd(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_n_layer(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_n_head(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_n_head_kv(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_n_ctx_train(nint model);

    [LibraryImport(Library)]
    internal static partial ulong llama_model_n_params(nint model);

    [LibraryImport(Library)]
    internal static partial ulong llama_model_size(nint model);

    [LibraryImport(Library)]
    internal static partial byte llama_model_is_recurrent(nint model);

    [LibraryImport(Library)]
    internal static partial byte llama_model_is_hybrid(nint model);

    [LibraryImport(Library)]
    internal static partial int llama_model_desc(nint model, byte* buffer, nuint length);

    [LibraryImport(Library)]
    internal static partial byte* llama_model_chat_template(nint model, byte* name);

    // Vocabulary

    [LibraryImport(Library)]
    internal static partial int llama_vocab_n_tokens(nint vocabulary);

    [LibraryImport(Library)]
    internal static partial int llama_vocab_type(nint vocabulary);

    [LibraryImport(Library)]
    internal static partial int llama_vocab_bos(nint vocabulary);

    [LibraryImport(Library)]
    internal static partial int llama_vocab_eos(nint vocabulary);

    [LibraryImport(Library)]
    internal static partial byte llama_vocab_get_add_bos(nint vocabulary);

    [LibraryImport(Library)]
    internal static partial byte llama_vocab_is_eog(nint vocabulary, int token);

    [LibraryImport(Library)]
    internal static partial byte llama_vocab_is_control(nint vocabulary, int token);

    // Chat templates

    [LibraryImport(Library)]
    internal static partial int llama_chat_builtin_templates(byte** names, nuint count);

    // Contexts

    [LibraryImport(Library)]
    internal static partial uint llama_n_ctx(nint context);

    [LibraryImport(Library)]
    internal static partial float* llama_get_logits_ith(nint context, int row);

    [LibraryImport(Library)]
    internal static partial nint llama_get_memory(nint context);

    [LibraryImport(Library)]
    internal static partial void llama_memory_clear(nint memory, byte data);

    [LibraryImport(Library)]
    internal static partial byte llama_memory_seq_rm(nint memory, int sequence, int from, int to);

    [LibraryImport(Library)]
    internal static partial void llama_memory_seq_cp(nint memory, int source, int target, int from, int to);

    [LibraryImport(Library)]
    internal static partial int llama_memory_seq_pos_max(nint memory, int sequence);

    [LibraryImport(Library)]
    internal static partial int llama_set_adapter_cvec(nint context, float* data, nuint length, int width, int firstLayer, int lastLayer);
}
