using System.Text;
using NativeSteer.Cli.Options;
using NativeSteer.Files;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>A prompt to roll out, and what its line says of it.</summary>
/// <param name="Id">Its name in logs.</param>
/// <param name="Text">The prompt.</param>
/// <param name="Steer">Its own steering; null for the command line's.</param>
internal sealed record PromptSpec(string Id, string Text, List<SteerSpec>? Steer);

/// <summary>Where prompts come from.</summary>
internal static class PromptSource
{
    /// <summary>The prompts of -p, then those of -f; a single empty one where neither is given.</summary>
    internal static List<PromptSpec> Read(IReadOnlyList<string> texts, IReadOnlyList<string> files)
    {
        var prompts = new List<PromptSpec>();
        foreach (var text in texts) prompts.Add(new PromptSpec(NextId(prompts), text, null));
        foreach (var file in files)
        {
            if (IsJsonLines(file)) AddLines(file, prompts);
            else prompts.Add(new PromptSpec(NextId(prompts), ReadText(file), null));
        }
        if (prompts.Count == 0) prompts.Add(new PromptSpec(NextId(prompts), "", null));
        return prompts;
    }

    /// <summary>The prompt's number, or the next one that no other prompt is called.</summary>
    private static string NextId(List<PromptSpec> prompts)
    {
        var ids = prompts.Select(prompt => prompt.Id).ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(prompts.Count + 1, int.MaxValue - prompts.Count - 1).Select(number => $"{number}").First(id => !ids.Contains(id));
    }

    private static bool IsJsonLines(string path) => Path.GetExtension(path) is ".jsonl" or ".ndjson" or ".JSONL";

    private static void AddLines(string path, List<PromptSpec> prompts)
    {
        var ids = prompts.Select(prompt => prompt.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var line in JsonLines.Read(path))
        {
            var id = line.OptionalName("id") ?? $"{prompts.Count + 1}";
            if (!ids.Add(id)) throw line.Error($"the id \"{Output.Text.OneLine(id)}\" was used before; give each prompt its own.");
            prompts.Add(new PromptSpec(id, line.OptionalString("prompt") ?? line.OptionalString("problem") ?? line.RequiredString("prompt"), SteerSpec.Of(line)));
        }
    }

    // As llama.cpp does, one line end at the file's end is not part of the prompt.
    private static string ReadText(string path)
    {
        string text;
        try
        {
            using var reader = new StreamReader(path is "-" ? Console.OpenStandardInput() : File.OpenRead(path), Encoding.UTF8);
            text = reader.ReadToEnd();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new NativeSteerException(Directory.Exists(path)
                ? $"{path} is a directory; give a file with the prompt."
                : File.Exists(path) ? $"{path} cannot be read; check its permissions." : $"{path} does not exist; check the path.", error);
        }
        return text.EndsWith('\n') ? text[..^1] : text;
    }
}
