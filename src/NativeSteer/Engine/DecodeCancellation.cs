namespace NativeSteer.Engine;

/// <summary>Ties a cancellation token to a context's decodes for the length of a scope, and leaves the context usable.</summary>
internal sealed class DecodeCancellation : IDisposable
{
    private readonly CancellationToken _token;
    private readonly CancellationTokenRegistration _registration;

    internal DecodeCancellation(InferenceContext context, CancellationToken token)
    {
        Context = context;
        _token = token;
        _registration = token.Register(context.Cancel);
    }

    /// <summary>The context.</summary>
    internal InferenceContext Context { get; }

    /// <summary>Decodes, or throws an exception that carries the token.</summary>
    internal void Decode(TokenBatch batch)
    {
        _token.ThrowIfCancellationRequested();
        try
        {
            Context.Decode(batch);
        }
        catch (OperationCanceledException error) when (_token.IsCancellationRequested)
        {
            throw new OperationCanceledException("The run was cancelled.", error, _token);
        }
    }

    public void Dispose()
    {
        _registration.Dispose(); // waits for a callback on its way
        if (_token.IsCancellationRequested) Context.Resume();
    }
}
