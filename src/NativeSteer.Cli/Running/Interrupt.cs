using System.Runtime.InteropServices;

namespace NativeSteer.Cli.Running;

/// <summary>The first Ctrl-C (or SIGTERM) asks the work to stop and keep what is finished; the second ends the process at once.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly TextWriter _error;

    internal Interrupt(TextWriter error)
    {
        _error = error;
        _signals = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop)];
    }

    /// <summary>Cancelled by the first signal.</summary>
    internal CancellationToken Token => _source.Token;

    public void Dispose()
    {
        // The source is left to the collector: a signal that came just now may still be on its way to it.
        foreach (var signal in _signals) signal.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested) return; // not handled: the system's default ends the process
        context.Cancel = true;
        _error.WriteLine("nativesteer: stopping; Ctrl-C again ends at once");
        _source.Cancel();
    }
}
