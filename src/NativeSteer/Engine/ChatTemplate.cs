using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// Writes conversations as a model was trained to see them. llama.cpp runs no Jinja: it recognises a template by its marks
/// and writes the format it has built in for it.
/// </summary>
public static unsafe class ChatTemplate
{
    /// <summary>The names of the formats llama.cpp has built in; each can be given in place of a template.</summary>
    public static IReadOnlyList<string> BuiltIn => s_builtIn.Value;

    private static readonly Lazy<string[]> s_builtIn = new(ReadNames);

    /// <summary>The conversation as text, by the template in the model's file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="messages">The turns, in order.</param>
    /// <param name="addAssistant">End with the opening of the assistant's turn, for the model to go on.</param>
    /// <exception cref="NativeSteerException">The model has no template, or one that llama.cpp does not know.</exception>
    public static string Apply(LanguageModel model, IEnumerable<ChatMessage> messages, bool addAssistant = true) =>
        Apply(
            model.ChatTemplate ?? throw new NativeSteerException(
                $"{model.Path} has no chat template: it was not trained to chat; name a format such as chatml, or give plain text."),
            messages,
            addAssistant);

    /// <summary>The conversation as text, by a template's Jinja source or a name of <see cref="BuiltIn"/>.</summary>
    /// <inheritdoc cref="Apply(LanguageModel, IEnumerable{ChatMessage}, bool)"/>
    public static string Apply(string template, IEnumerable<ChatMessage> messages, bool addAssistant = true)
    {
        ArgumentNullException.ThrowIfNull(template);
        NativeRuntime.EnsureLoaded();
        var list = messages.ToList();
        using var texts = new NativeTexts();
        var native = new LlamaChatMessage[list.Count];
        for (var i = 0; i < native.Length; i++)
        {
            native[i] = new LlamaChatMessage { Role = texts.Add(list[i].Role), Content = texts.Add(list[i].Content) };
        }
        var name = texts.Add(template);
        var length = Format(name, native, addAssistant, []);
        if (length < 0)
        {
            throw new NativeSteerException(
                "llama.cpp has no format for this chat template (it knows a fixed list and runs no Jinja); "
                + "name the format it is closest to, such as chatml or llama3, or write the prompt out yourself.");
        }
        var buffer = new byte[length];
        length = Format(name, native, addAssistant, buffer);
        return Encoding.UTF8.GetString(buffer, 0, Math.Clamp(length, 0, buffer.Length));
    }

    private static int Format(byte* template, LlamaChatMessage[] messages, bool addAssistant, byte[] buffer)
    {
        fixed (LlamaChatMessage* m = messages)
        fixed (byte* b = buffer)
        {
            var open = addAssistant ? (byte)1 : (byte)0;
            var status = ShimApi.ns_chat_format(template, m, messages.Length, open, b, buffer.Length, out var count);
            NativeError.Check(status, "The conversation cannot be written: ", "check the roles and their order");
            return count;
        }
    }

    private static string[] ReadNames()
    {
        NativeRuntime.EnsureLoaded();
        var names = new byte*[LlamaApi.llama_chat_builtin_templates(null, 0)];
        fixed (byte** n = names) _ = LlamaApi.llama_chat_builtin_templates(n, (nuint)names.Length);
        var result = new string[names.Length];
        for (var i = 0; i < names.Length; i++) result[i] = Marshal.PtrToStringUTF8((nint)names[i]) ?? "";
        return result;
    }

    /// <summary>Texts as C sees them: UTF-8 with a zero byte at the end, until disposed.</summary>
    private sealed class NativeTexts : IDisposable
    {
        private readonly List<nint> _texts = [];

        internal byte* Add(string text)
        {
            if (text.Contains('\0', StringComparison.Ordinal))
                throw new NativeSteerException("A chat message holds a zero character, where llama.cpp would cut it; remove it.");
            var pointer = Marshal.StringToCoTaskMemUTF8(text);
            _texts.Add(pointer);
            return (byte*)pointer;
        }

        public void Dispose()
        {
            foreach (var text in _texts) Marshal.FreeCoTaskMem(text);
        }
    }
}
