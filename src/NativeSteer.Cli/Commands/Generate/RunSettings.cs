using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NativeSteer.Cli.Options;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>All that decides which texts a run of rollouts produces, the model apart.</summary>
internal sealed record RunSettings
{
    internal required IReadOnlyList<PromptSpec> Prompts { get; init; }

    /// <summary>For prompts without steering of their own.</summary>
    internal required IReadOnlyList<SteerSpec> Steer { get; init; }

    /// <summary>With the first rollout's seed.</summary>
    internal required SamplerOptions Sampling { get; init; }

    internal required int Samples { get; init; }

    internal required int MaxTokens { get; init; }

    internal required IReadOnlyList<string> Stop { get; init; }

    internal required bool Chat { get; init; }

    internal required string? System { get; init; }

    /// <summary>For the first line of a log; a run that goes on with it must have the same.</summary>
    internal JsonObject ToJson() => new()
    {
        ["prompts"] = Prompts.Count,
        ["prompts_hash"] = HashOfPrompts(),
        ["samples"] = Samples,
        ["max_tokens"] = MaxTokens,
        ["seed"] = Sampling.Seed,
        ["temperature"] = Sampling.Temperature,
        ["top_k"] = Sampling.TopK,
        ["top_p"] = Sampling.TopP,
        ["min_p"] = Sampling.MinP,
        ["stop"] = new JsonArray([.. Stop.Select(text => JsonValue.Create(text))]),
        ["chat"] = Chat,
        ["system"] = System,
        ["steer"] = new JsonArray([.. Steer.Select(spec => spec.ToJson())]),
        ["vectors"] = new JsonObject(HashesOfVectors()),
    };

    // A vector file that was made anew under the same name is another vector.
    private IEnumerable<KeyValuePair<string, JsonNode?>> HashesOfVectors()
    {
        var paths = Prompts.SelectMany(prompt => prompt.Steer ?? []).Concat(Steer).Select(spec => spec.Path);
        foreach (var path in paths.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            using var file = File.OpenRead(path);
            yield return new(path, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(file)));
        }
    }

    private string HashOfPrompts()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var prompt in Prompts)
        {
            var steer = prompt.Steer is null ? "" : string.Join(';', prompt.Steer.Select(spec => spec.ToJson().ToJsonString()));
            hash.AppendData(Encoding.UTF8.GetBytes($"{prompt.Id}\0{prompt.Text}\0{steer}\0"));
        }
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
