using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>An endpoint's answer, and what it took.</summary>
/// <param name="Text">What it wrote.</param>
/// <param name="TokensIn">Tokens of the prompt, as the endpoint counts them.</param>
/// <param name="TokensOut">Tokens of the answer.</param>
internal sealed record JudgeAnswer(string Text, long TokensIn, long TokensOut);

/// <summary>Answers that were paid for, in JSONL: a line each, written as they come. Safe to use from several threads.</summary>
internal sealed class AnswerCache : IDisposable
{
    private readonly ConcurrentDictionary<string, JudgeAnswer> _answers = new(StringComparer.Ordinal);
    private readonly JsonLinesWriter? _file;

    /// <summary>Reads what there is; null keeps answers in memory alone.</summary>
    /// <exception cref="NativeSteerException">The file is no cache, or cannot be read and written.</exception>
    internal AnswerCache(string? path)
    {
        if (path is null) return;
        if (File.Exists(path) && new FileInfo(path).Length > 0) RequireCache(path); // before it is opened for writing: another file is left alone
        _file = JsonLinesWriter.Append(path);
        if (new FileInfo(path).Length == 0) return;
        foreach (var line in JsonLines.Read(path)) _answers[line.RequiredString("key")] =
            new JudgeAnswer(line.RequiredString("answer"), line.OptionalInteger("tokens_in") ?? 0, line.OptionalInteger("tokens_out") ?? 0);
    }

    /// <summary>The hash of a judging model with its settings and of all that it is asked.</summary>
    internal static string Key(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength)); // so that no two lists of parts are the same bytes
            hash.AppendData(bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    internal JudgeAnswer? Find(string key) => _answers.GetValueOrDefault(key);

    internal void Add(string key, string model, JudgeAnswer answer)
    {
        if (!_answers.TryAdd(key, answer)) return;
        _file?.Write(json =>
        {
            json.WriteString("key", key);
            json.WriteString("model", model);
            json.WriteString("answer", answer.Text);
            json.WriteNumber("tokens_in", answer.TokensIn);
            json.WriteNumber("tokens_out", answer.TokensOut);
        });
    }

    public void Dispose() => _file?.Dispose();

    private static void RequireCache(string path)
    {
        var first = JsonLines.Read(path).First();
        if (first.OptionalString("key") is null || first.OptionalString("answer") is null)
            throw first.Error("this is no cache of answers; name another file with --cache.");
    }
}
