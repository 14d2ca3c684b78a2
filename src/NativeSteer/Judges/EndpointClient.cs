using System.ClientModel;
using System.ClientModel.Primitives;
using System.Globalization;
using System.Text.Json;
using NativeSteer.Files;
using OpenAI;
using OpenAI.Chat;

namespace NativeSteer.Judges;

/// <summary>An answer that did not come, as a part of a sentence.</summary>
/// <param name="reason">Why.</param>
/// <param name="isFatal">Whether every other request would fail alike.</param>
internal sealed class NoAnswerException(string reason, bool isFatal = false) : Exception(reason)
{
    internal bool IsFatal => isFatal;
}

/// <summary>Asks an OpenAI-compatible endpoint, patiently.</summary>
internal sealed class EndpointClient
{
    private readonly EndpointOptions _options;
    private readonly ChatClient _client;
    private readonly Patience _patience;
    private int _reached; // answers of any kind

    internal EndpointClient(EndpointOptions options)
    {
        _options = options;
        _patience = new Patience(options);
        var settings = new OpenAIClientOptions { Endpoint = options.BaseUrl, NetworkTimeout = options.Timeout, RetryPolicy = _patience };
        _client = new ChatClient(options.Model, new ApiKeyCredential(options.Key), settings);
    }

    /// <summary>Tries beyond the first of every request.</summary>
    internal int Retries => _patience.Retries;

    /// <summary>The answer to one question.</summary>
    /// <exception cref="NoAnswerException">There is none, after all tries.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task<JudgeAnswer> AskAsync(string instructions, string question, CancellationToken cancellation)
    {
        var settings = new ChatCompletionOptions { Temperature = _options.Temperature };
        try
        {
            ChatCompletion completion = await _client.CompleteChatAsync(
                [new SystemChatMessage(instructions), new UserChatMessage(question)], settings, cancellation);
            Interlocked.Increment(ref _reached);
            return Checked(completion);
        }
        catch (ClientResultException error) when (error.Status != 0)
        {
            Interlocked.Increment(ref _reached);
            throw Refused(error);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested && IsSilence(error))
        {
            var reason = Innermost(error) is OperationCanceledException or TimeoutException
                ? $"the judge did not answer within {_options.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s"
                : $"the judge cannot be reached ({FileErrors.Printable(Innermost(error).Message)})";
            throw new NoAnswerException(reason, isFatal: Volatile.Read(ref _reached) == 0 && Innermost(error) is not OperationCanceledException);
        }
        catch (Exception error) when (IsNoCompletion(error))
        {
            throw new NoAnswerException("the judge's answer is no chat completion");
        }
    }

    private static JudgeAnswer Checked(ChatCompletion completion)
    {
        if (completion.Refusal is { Length: > 0 } refusal) throw new NoAnswerException($"the judge refused: {FileErrors.Printable(refusal)}");
        if (completion.FinishReason == ChatFinishReason.ContentFilter) throw new NoAnswerException("the judge's answer was filtered");
        if (completion.FinishReason == ChatFinishReason.Length) throw new NoAnswerException("the judge's answer was cut off at its token limit");
        var text = string.Concat(completion.Content.Select(part => part.Text));
        if (string.IsNullOrWhiteSpace(text)) throw new NoAnswerException("the judge's answer is empty");
        return new JudgeAnswer(text, completion.Usage?.InputTokenCount ?? 0, completion.Usage?.OutputTokenCount ?? 0);
    }

    private NoAnswerException Refused(ClientResultException error)
    {
        var said = FileErrors.Printable(FirstLine(error.Message), 160);
        return error.Status switch
        {
            401 or 403 => new NoAnswerException($"the endpoint does not accept the key ({error.Status})", isFatal: true),
            404 => new NoAnswerException($"the endpoint knows no model '{FileErrors.Printable(_options.Model)}' or has another address (404)", isFatal: true),
            429 => new NoAnswerException("the endpoint stayed busy (429)"),
            var status => new NoAnswerException($"the endpoint failed with status {status} ({said})"),
        };
    }

    private static bool IsSilence(Exception error) =>
        error is OperationCanceledException or TimeoutException or HttpRequestException or IOException or AggregateException or ClientResultException;

    // What reading another body than a chat completion raises inside the package.
    private static bool IsNoCompletion(Exception error) =>
        error is JsonException or FormatException or InvalidOperationException or ArgumentException or KeyNotFoundException or NotSupportedException;

    private static Exception Innermost(Exception error) => error.InnerException is { } inner ? Innermost(inner) : error;

    private static string FirstLine(string text) => text.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? text[..end] : text;

    /// <summary>When and how long to wait. The package decides what is worth another try: 408, 429, 5xx, time-outs, broken connections.</summary>
    private sealed class Patience(EndpointOptions options) : ClientRetryPolicy(options.Retries)
    {
        private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);
        private int _retries;

        internal int Retries => Volatile.Read(ref _retries);

        protected override TimeSpan GetNextDelay(PipelineMessage message, int tryCount)
        {
            Interlocked.Increment(ref _retries);
            if (message.Response?.Headers.TryGetValue("Retry-After", out var after) is true
                && double.TryParse(after, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds >= 0)
            {
                return seconds < s_longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : s_longest;
            }
            var pause = options.FirstPause * Math.Pow(2, Math.Min(tryCount - 1, 30));
            return pause < s_longest ? pause : s_longest;
        }
    }
}
