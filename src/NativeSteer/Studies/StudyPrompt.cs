using System.Security.Cryptography;
using System.Text;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Rollouts;

namespace NativeSteer.Studies;

/// <summary>A prompt of a study.</summary>
/// <param name="Id">Its name in logs.</param>
/// <param name="Text">The text that the model goes on with, chat template included.</param>
public sealed record StudyPrompt(string Id, string Text)
{
    /// <summary>The half of the prompts that the one with this index is in: they alternate, so that both halves are alike.</summary>
    public static StudyHalf Half(int index) => index % 2 == 0 ? StudyHalf.Choose : StudyHalf.Report;

    /// <summary>The seed of a prompt's rollout: the same in every cell, so that cells differ in their steering alone.</summary>
    /// <param name="seed">The cell's seed.</param>
    /// <param name="index">The prompt's index.</param>
    internal static uint SamplingSeed(long seed, int index) => (uint)(StableRandom.Mix(StableRandom.Mix((ulong)seed) ^ (ulong)index) >> 32);

    /// <summary>Tells lists of prompts apart: <c>sha256:</c> and 64 hex digits.</summary>
    internal static string Hash(IEnumerable<StudyPrompt> prompts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (id, text) in prompts) hash.AppendData(Encoding.UTF8.GetBytes($"{id}\0{text}\0"));
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What a model is to go on with.</summary>
    internal RolloutRequest Request(Vocabulary vocabulary, int maxTokens, SamplerOptions sampling, uint seed) => new(vocabulary.TokenizePrompt(Text))
    {
        Id = Id,
        MaxTokens = maxTokens,
        Sampling = sampling with { Seed = seed },
    };
}
