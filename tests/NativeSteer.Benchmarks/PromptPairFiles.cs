namespace NativeSteer.Benchmarks;

/// <summary>Prompt pairs as llama-cvector-generator reads them: two files, one prompt a line.</summary>
internal static class PromptPairFiles
{
    private static readonly string[] s_openings = ["On the way to the market", "Before the meeting began", "In the garden behind the house", "While the train was late", "After the long winter"];
    private static readonly string[] s_subjects = ["my neighbour told me", "an old friend wrote", "the teacher explained", "somebody in the queue said", "the captain announced"];
    private static readonly string[] s_topics = ["that the bridge would be closed", "how the new clock works", "where the lost letters were found", "why the river had risen", "what the committee decided"];

    private const string Filler = "and so we talked about it for a while, about the weather of the last weeks, about the price of bread and the road over the hills, "
        + "until the light went and the lamps were lit along the water, one after the other, as they are every evening at this time of the year, "
        + "and nobody was in a hurry to go home or to say what was to be done";

    internal static void Write(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, "positive.txt"), Enumerable.Range(0, count).Select(i => Prompt("happy and full of hope", i)));
        File.WriteAllLines(Path.Combine(folder, "negative.txt"), Enumerable.Range(0, count).Select(i => Prompt("sad and without any hope", i)));
    }

    private static string Prompt(string mood, int i) =>
        $"Write as someone who is {mood}. {s_openings[i % 5]}, {s_subjects[i / 5 % 5]} {s_topics[i / 25 % 5]}, {Filler}.";
}
