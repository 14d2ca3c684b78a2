using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Judges;

namespace NativeSteer.Tests.Judges;

/// <summary>What a fake endpoint answers.</summary>
internal sealed record Reply(int Status, string Body)
{
    internal string? RetryAfter { get; init; }

    internal TimeSpan Delay { get; init; }

    internal static Reply Completion(string text, string finish = "stop", string? refusal = null) => new(200, new JsonObject
    {
        ["id"] = "c",
        ["object"] = "chat.completion",
        ["created"] = 1,
        ["model"] = "m",
        ["choices"] = new JsonArray(new JsonObject
        {
            ["index"] = 0,
            ["finish_reason"] = finish,
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = refusal is null ? text : null, ["refusal"] = refusal },
        }),
        ["usage"] = new JsonObject { ["prompt_tokens"] = 100, ["completion_tokens"] = 10, ["total_tokens"] = 110 },
    }.ToJsonString());
}

/// <summary>An OpenAI-compatible endpoint in this process, on a port of its own: real HTTP, scripted answers.</summary>
internal sealed class FakeEndpoint : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<string, int, Reply> _script;
    private readonly ConcurrentDictionary<string, int> _tries = new(StringComparer.Ordinal);
    private int _running;

    /// <param name="script">The reply to a text, on its n-th try from 1.</param>
    internal FakeEndpoint(Func<string, int, Reply> script)
    {
        _script = script;
        var port = FreePort();
        Url = new Uri($"http://127.0.0.1:{port}/v1");
        _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        _listener.Start();
        _ = Task.Run(ServeAsync);
    }

    internal Uri Url { get; }

    internal ConcurrentQueue<(string Path, string? Key, JsonElement Body)> Requests { get; } = [];

    internal int MostAtOnce { get; private set; }

    /// <summary>A judge that does what it was asked to: every sentence of the text with a label.</summary>
    internal static Reply Good(string text) => Reply.Completion(string.Concat(
        Sentences.Split(text).Select((sentence, i) => $"[\"{Label(i)}\"] {sentence.Text} [\"end-section\"]\n")));

    internal static string Label(int sentence) => Behaviours.All[sentence % 6];

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = Task.Run(() => AnswerAsync(context));
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        lock (_listener) MostAtOnce = Math.Max(MostAtOnce, ++_running);
        try
        {
            using var reader = new StreamReader(context.Request.InputStream);
            var body = JsonElement.Parse(await reader.ReadToEndAsync());
            Requests.Enqueue((context.Request.Url!.AbsolutePath, context.Request.Headers["Authorization"], body));
            var question = body.GetProperty("messages")[1].GetProperty("content");
            var asked = question.ValueKind == JsonValueKind.String ? question.GetString()! : question[0].GetProperty("text").GetString()!;
            const string mark = "The text:\n";
            var text = asked[(asked.IndexOf(mark, StringComparison.Ordinal) + mark.Length)..];
            var reply = _script(text, _tries.AddOrUpdate(text, 1, (_, n) => n + 1));
            await Task.Delay(reply.Delay);
            context.Response.StatusCode = reply.Status;
            context.Response.ContentType = "application/json";
            if (reply.RetryAfter is { } after) context.Response.Headers["Retry-After"] = after;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(reply.Body));
            context.Response.Close();
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            // The client gave up waiting.
        }
        finally
        {
            lock (_listener) _running--;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
