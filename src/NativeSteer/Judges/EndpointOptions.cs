namespace NativeSteer.Judges;

/// <summary>A judging model behind an OpenAI-compatible endpoint, and how it is asked.</summary>
/// <param name="Model">The model's name there.</param>
/// <param name="Key">The key; an endpoint that wants none takes any text.</param>
public sealed record EndpointOptions(string Model, string Key)
{
    /// <summary>Where it is, up to and with <c>/v1</c>; null for OpenAI itself.</summary>
    public Uri? BaseUrl { get; init; }

    /// <summary>Requests at a time.</summary>
    public int Concurrency { get; init; } = 8;

    /// <summary>The longest one try may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Tries after the first, when the endpoint is busy (429), fails (5xx) or does not answer in time.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>The pause before the first of them; each next one is twice as long, at most a minute, unless the endpoint names one.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Sampling temperature; null leaves it to the endpoint, as some models demand.</summary>
    public float? Temperature { get; init; } = 0;

    /// <summary>Where answers are kept, so that none is asked for twice; null for no file.</summary>
    public string? Cache { get; init; }

    /// <summary>Most code points of a trace in one request; longer ones are cut between sentences.</summary>
    public int ChunkLength { get; init; } = 8000;

    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(Model)) throw new NativeSteerException("The judging model has no name; give the one the endpoint knows.");
        if (string.IsNullOrWhiteSpace(Key)) throw new NativeSteerException("The endpoint's key is empty; give any text where none is wanted.");
        if (Key.Any(c => c is < ' ' or > '~')) throw new NativeSteerException("The endpoint's key has characters that no key has; check where it was copied from.");
        if (BaseUrl is { } url && (!url.IsAbsoluteUri || url.Scheme is not ("http" or "https")))
            throw new NativeSteerException($"The endpoint's address is '{url}'; give one such as http://localhost:8080/v1.");
        if (Concurrency < 1 || Retries < 0 || ChunkLength < 1 || Timeout <= TimeSpan.Zero)
            throw new NativeSteerException("Concurrency, chunk length and time-out must be above 0, retries at least 0.");
        if (Temperature is { } t && !(t is >= 0 and <= 2)) throw new NativeSteerException($"The temperature is {t}; it must lie between 0 and 2.");
    }
}

/// <summary>What a judge's requests take, estimated before they are sent or counted afterwards.</summary>
/// <param name="Requests">Requests.</param>
/// <param name="TokensIn">Tokens of their prompts.</param>
/// <param name="TokensOut">Tokens of their answers.</param>
/// <param name="Cached">Answers that are known already and cost nothing.</param>
public readonly record struct JudgeCost(int Requests, long TokensIn, long TokensOut, int Cached)
{
    /// <summary>The price, in the currency of the two prices, each for a million tokens.</summary>
    public double Price(double perMillionIn, double perMillionOut) => (TokensIn * perMillionIn + TokensOut * perMillionOut) / 1e6;
}
