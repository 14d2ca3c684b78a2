using System.Text.Json;

namespace NativeSteer.Rollouts;

/// <summary>A rollout's fields in a log, the same wherever rollouts are logged.</summary>
public static class RolloutLine
{
    /// <summary>Writes the fields of a rollout as <c>generate</c> logs it, without how it was steered.</summary>
    /// <param name="json">Inside an object.</param>
    /// <param name="rollout">The rollout.</param>
    /// <param name="promptId">The prompt's name.</param>
    /// <param name="prompt">The prompt's text.</param>
    /// <param name="sample">Which of the prompt's rollouts it is, from 1.</param>
    public static void Write(Utf8JsonWriter json, Rollout rollout, string promptId, string prompt, int sample)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(rollout);
        json.WriteString("type", "rollout");
        json.WriteString("id", rollout.Request.Id);
        json.WriteString("prompt_id", promptId);
        json.WriteNumber("sample", sample);
        json.WriteNumber("seed", rollout.Request.Sampling.Seed);
        json.WriteString("prompt", prompt);
        WriteCompletion(json, rollout);
        json.WriteNumber("prompt_tokens", rollout.Request.Prompt.Count);
        json.WriteNumber("generated_tokens", rollout.Tokens.Count);
        if (!double.IsNaN(rollout.LogProbability)) json.WriteNumber("log_probability", rollout.LogProbability);
    }

    /// <summary>Writes what was generated: <c>text</c>, <c>tokens</c> and <c>finish</c>.</summary>
    public static void WriteCompletion(Utf8JsonWriter json, Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(rollout);
        json.WriteString("text", rollout.Text);
        json.WriteStartArray("tokens");
        foreach (var token in rollout.Tokens) json.WriteNumberValue(token);
        json.WriteEndArray();
        json.WriteString("finish", rollout.Finish switch { FinishReason.End => "end", FinishReason.Stop => "stop", _ => "length" });
    }
}
