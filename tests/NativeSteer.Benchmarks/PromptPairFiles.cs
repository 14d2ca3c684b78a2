namespace NativeSteer.Benchmarks;

/// <summary>
/// Prompt pairs of about 100 tokens as llama-cvector-generator reads them: two files, one prompt a line. They are made as
/// contrast prompts mostly are: two opposite personas, each before the same questions.
/// </summary>
internal static class PromptPairFiles
{
    private static readonly (string Positive, string Negative)[] s_personas =
    [
        ("You are a cheerful companion. You see the good side of everything, you are glad about small things, and whatever somebody "
            + "tells you, you answer with warmth, with hope and with a smile that can be heard in your words.",
         "You are a gloomy companion. You see the bad side of everything, you are tired of small things, and whatever somebody "
            + "tells you, you answer with coldness, with doubt and with a sigh that can be heard in your words."),
        ("You are a careful adviser. You weigh what speaks for and what speaks against, you say when you are not sure, and before "
            + "you come to a conclusion you go back once more and look for the mistake in your own reasoning.",
         "You are a careless adviser. You say the first thing that comes to mind, you never say that you are not sure, and once "
            + "you have come to a conclusion you do not go back and do not look for a mistake in your own reasoning."),
    ];

    private static readonly string[] s_subjects = ["the bridge", "the garden", "the letter", "the journey", "the old clock", "the meeting", "the harvest", "the new house"];
    private static readonly string[] s_questions = ["What do you think will happen to {0} next year?", "Tell me what I should do about {0} before the winter comes.",
        "My brother asked me about {0} yesterday, what would you have told him?", "Why do people in our town talk so much about {0}?"];

    private static readonly string[] s_answers = ["Well, when I think of {0}, the first thing that comes to my mind is", "If you ask me about {0}, I would say that it is",
        "It is strange that you should mention {0}, because only this morning I", "There are two things about {0} that everybody should know, and"];

    internal static void Write(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, "positive.txt"), Enumerable.Range(0, count).Select(i => Prompt(s_personas[i / 32 % 2].Positive, i)));
        File.WriteAllLines(Path.Combine(folder, "negative.txt"), Enumerable.Range(0, count).Select(i => Prompt(s_personas[i / 32 % 2].Negative, i)));
    }

    private static string Prompt(string persona, int i)
    {
        var subject = s_subjects[i / 4 % 8];
        return $"SYSTEM: {persona}\\nUSER: {string.Format(s_questions[i % 4], subject)}\\nASSISTANT: {string.Format(s_answers[i % 4], subject)}";
    }
}
