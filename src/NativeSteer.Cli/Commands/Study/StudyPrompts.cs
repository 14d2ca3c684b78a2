using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Engine;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary>A user's prompts as a study takes them: in the model's chat template where that is wanted, some to write traces on, the others to steer on.</summary>
internal static class StudyPrompts
{
    /// <summary>The prompts as the model is to see them.</summary>
    /// <param name="prompts">As given.</param>
    /// <param name="model">Whose template; not loaded where none is wanted.</param>
    /// <param name="chat">Whether to put them into the template.</param>
    /// <param name="system">A message before each.</param>
    internal static IReadOnlyList<StudyPrompt> Of(IReadOnlyList<PromptSpec> prompts, string model, bool chat, string? system)
    {
        if (!chat) return [.. prompts.Select(prompt => new StudyPrompt(prompt.Id, prompt.Text))];
        using var vocabulary = LanguageModel.Load(model, new ModelOptions { VocabularyOnly = true });
        return [.. prompts.Select(prompt => new StudyPrompt(prompt.Id, Templated(vocabulary, prompt.Text, system)))];
    }

    /// <summary>Takes prompts to steer on from all over the list, and leaves the others to write traces on.</summary>
    internal static (IReadOnlyList<StudyPrompt> Traces, IReadOnlyList<StudyPrompt> Steered) Split(IReadOnlyList<StudyPrompt> prompts, int steered, int traces)
    {
        var taken = Enumerable.Range(0, steered).Select(i => (int)((i + 0.5) * prompts.Count / steered)).ToHashSet();
        return ([.. prompts.Where((_, i) => !taken.Contains(i)).Take(traces)], [.. prompts.Where((_, i) => taken.Contains(i))]);
    }

    private static string Templated(LanguageModel model, string text, string? system)
    {
        var messages = new List<ChatMessage>();
        if (system is not null) messages.Add(new ChatMessage("system", system));
        messages.Add(new ChatMessage("user", text));
        return ChatTemplate.Apply(model, messages);
    }
}
