using System.Text;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// Conversations as the text a model was trained on. llama.cpp does not run the template in the file (Jinja) but recognises
/// it as one of about fifty that it knows.
/// </summary>
public static unsafe class ChatTemplate
{
    /// <summary>Writes a conversation with the model's template, without a begin-of-text token: tokenizing adds that.</summary>
    /// <param name="model">Whose template.</param>
    /// <param name="messages">The turns so far.</param>
    /// <param name="addAssistant">End with what opens the assistant's next turn.</param>
    /// <exception cref="NativeSteerException">The model has no template, or llama.cpp does not know it.</exception>
    public static string Apply(LanguageModel model, IReadOnlyList<ChatMessage> messages, bool addAssistant = true)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(messages);
        var template = model.ChatTemplate ?? throw new NativeSteerException($"{model.Path} has no chat template; leave --chat away and write the prompt out in full.");

        // One block of memory for all texts, each ended by a zero: template, then role and content of each message.
        var texts = messages.SelectMany(message => new[] { message.Role, message.Content }).Prepend(template).ToArray();
        var starts = new int[texts.Length];
        using var block = new MemoryStream();
        for (var i = 0; i < texts.Length; i++)
        {
            starts[i] = (int)block.Position;
            block.Write(Encoding.UTF8.GetBytes(texts[i].Replace('\0', ' ')));
            block.WriteByte(0);
        }
        var native = new LlamaChatMessage[messages.Count];
        var buffer = new byte[messages.Sum(message => message.Content.Length) * 4 + 1024];
        fixed (byte* bytes = block.ToArray())
        fixed (LlamaChatMessage* turns = native)
        {
            for (var i = 0; i < native.Length; i++) native[i] = new LlamaChatMessage { Role = bytes + starts[2 * i + 1], Content = bytes + starts[2 * i + 2] };
            var length = Apply(bytes, turns, native.Length, addAssistant, buffer);
            if (length > buffer.Length)
            {
                buffer = new byte[length];
                length = Apply(bytes, turns, native.Length, addAssistant, buffer);
            }
            return length >= 0
                ? Encoding.UTF8.GetString(buffer, 0, length)
                : throw new NativeSteerException($"llama.cpp does not know the chat template of {model.Path}; leave --chat away and write the prompt out in full.");
        }
    }

    private static int Apply(byte* template, LlamaChatMessage* messages, int count, bool addAssistant, byte[] buffer)
    {
        fixed (byte* target = buffer)
        {
            return LlamaApi.llama_chat_apply_template(template, messages, (nuint)count, addAssistant ? (byte)1 : (byte)0, target, buffer.Length);
        }
    }
}
