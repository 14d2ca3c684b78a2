using NativeSteer.Cuda;
using NativeSteer.Engine;
using NativeSteer.Interop;

namespace NativeSteer.Hooks;

/// <summary>
/// Capture and steering on a context. Both are scopes: what a decode does inside one is undone by leaving it. Outside any
/// scope the context decodes as plain llama.cpp does.
/// <code>
/// using var hook = new ResidualHook(context);
/// using (hook.Apply(plans)) context.Decode(batch);
/// using (hook.Sum(sums)) context.Decode(labelledBatch);
/// </code>
/// </summary>
public sealed unsafe class ResidualHook : IDecodeInterceptor, IDisposable
{
    private readonly InferenceContext _context;
    private readonly int _layers;
    private readonly DevicePath _devices;
    private SteeringTable _table;
    private SequencePlans? _plans;
    private Capture? _capture;

    /// <summary>Takes charge of a context's decodes.</summary>
    /// <exception cref="InvalidOperationException">The context has a hook already, or was created without one.</exception>
    public ResidualHook(InferenceContext context) : this(context, null) { }

    /// <summary>With a driver of the caller's, for tests.</summary>
    internal ResidualHook(InferenceContext context, CudaDriver? driver)
    {
        if (!context.Options.Hook) throw new InvalidOperationException("The context was created with Hook = false.");
        if (context.Interceptor is not null) throw new InvalidOperationException("The context has a hook already.");
        _context = context;
        _layers = context.Model.Shape.Layers;
        _table = new SteeringTable(context.Model.Shape);
        _devices = new DevicePath(driver);
        context.Interceptor = this;
    }

    private sealed record Capture(int[] Slots, ActivationSums? Sums, ActivationRows? Rows, bool Logits)
    {
        internal required bool ReadsLastLayer { get; init; }
    }

    /// <summary>Steers sequences until the scope is left. Changes of the plans take effect at the next decode.</summary>
    public IDisposable Apply(SequencePlans plans)
    {
        var before = _plans;
        _plans = plans;
        return new Scope(() => _plans = before);
    }

    /// <summary>Adds labelled rows of every decode to sums until the scope is left.</summary>
    /// <param name="sums">Where to add, and at which slots.</param>
    /// <param name="logits">
    /// False when nothing but the sums is wanted: the graph is left after the last slot, so that blocks above it and the
    /// vocabulary's matrix cost nothing. The cache of those blocks is then not written: clear the sequences before other use.
    /// </param>
    public IDisposable Sum(ActivationSums sums, bool logits = false) => Begin(sums.Slots, sums.Width, sums, null, logits);

    /// <summary>Copies the rows a batch asks for, at every decode, until the scope is left.</summary>
    /// <param name="rows">Where to, and at which slots.</param>
    /// <param name="logits">As with <see cref="Sum"/>.</param>
    public IDisposable Copy(ActivationRows rows, bool logits = false) => Begin(rows.Slots, rows.Width, null, rows, logits);

    /// <summary>Gives the context back.</summary>
    public void Dispose()
    {
        if (ReferenceEquals(_context.Interceptor, this)) _context.Interceptor = null;
        _devices.Dispose();
    }

    void IDecodeInterceptor.Decode(TokenBatch batch)
    {
        if (_capture is { ReadsLastLayer: true }) batch.RequireOutputOfReadRows();
        var edits = _plans is { Any: true } plans ? _table.Compile(batch, plans) : default;
        if (edits.IsEmpty && _capture is null)
        {
            _context.Decode(batch, null);
            return;
        }

        RequireRowOrder(batch);
        var labels = _capture?.Sums is not null ? batch.LabelsByGroup() : [];
        if (labels.Length > 0 && labels[^1].Group >= _capture!.Sums!.Groups)
        {
            throw new ArgumentException($"A row is labelled with group {labels[^1].Group}, the sums have {_capture.Sums.Groups}.", nameof(batch));
        }
        _devices.Begin(_table, _capture?.Sums);
        using var called = new Handle<DevicePath>(_devices);
        int[] copyRows = _capture?.Rows is not null ? [.. batch.CopyRows] : [];
        fixed (float* directions = _table.Directions, copies = _capture?.Rows?.Reserve(copyRows.Length))
        fixed (ShimEdit* e = edits)
        fixed (int* slots = _capture?.Slots, copied = copyRows)
        fixed (ShimLabel* l = labels)
        fixed (double* sums = _capture?.Sums?.Sums, norms = _capture?.Sums?.NormSums)
        fixed (long* counts = _capture?.Sums?.Counts, time = _capture?.Sums?.HostTime)
        {
            var plan = new ShimPlan
            {
                Size = sizeof(ShimPlan),
                VectorCount = _table.Count,
                Vectors = directions,
                Edits = e,
                EditCount = edits.Length,
                ReadSlots = slots,
                ReadSlotCount = _capture?.Slots.Length ?? 0,
                Labels = l,
                LabelCount = labels.Length,
                GroupCount = _capture?.Sums?.Groups ?? 0,
                Sums = sums,
                NormSums = norms,
                Counts = counts,
                CopyRows = copied,
                Copies = copies,
                CopyRowCount = copyRows.Length,
                StopEarly = _capture is { Logits: false } ? (byte)1 : (byte)0,
                HostIsDevice = _devices.TakesHostMemory ? (byte)1 : (byte)0,
                Device = DevicePath.Callback,
                DeviceUser = DevicePath.User(called),
                SumTime = time,
            };
            try
            {
                _context.Decode(batch, &plan);
            }
            catch (NativeSteerException)
            {
                _devices.ThrowFailure();
                throw;
            }
        }
    }

    /// <summary>For recurrent models llama.cpp takes the rows of several sequences in an order of its own, so rows could be mistaken.</summary>
    private void RequireRowOrder(TokenBatch batch)
    {
        if (_context.Model.CanRewind || batch.Sequences.Length == 0 || !batch.Sequences.ContainsAnyExcept(batch.Sequences[0])) return;
        throw new NativeSteerException(
            $"{_context.Model.Path} is a recurrent model ({_context.Model.Shape.Architecture}), which can be steered and read one sequence at a time; run with -np 1.");
    }

    /// <summary>Forgets the directions of plans seen so far; for long runs over ever new vectors.</summary>
    public void ForgetPlans() => _table = new SteeringTable(_context.Model.Shape);

    private Scope Begin(IReadOnlyList<HookSlot> slots, int width, ActivationSums? sums, ActivationRows? rows, bool logits)
    {
        if (_capture is not null) throw new InvalidOperationException("Another capture is active; leave its scope first.");
        var model = _context.Model.Shape;
        if (width != model.Width) throw new NativeSteerException($"The capture is for width {width}, the model's residual stream has {model.Width}.");
        foreach (var slot in slots)
        {
            if (slot.Layer < 0 || slot.Layer >= _layers) throw new NativeSteerException($"Layer {slot.Layer} was asked for, the model has {_layers} (0-{_layers - 1}).");
        }
        _capture = new Capture([.. slots.Select(s => s.Index(_layers))], sums, rows, logits)
        {
            ReadsLastLayer = slots.Any(s => s.Layer == _layers - 1),
        };
        return new Scope(() => _capture = null);
    }

    private sealed class Scope(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose()
        {
            _leave?.Invoke();
            _leave = null;
        }
    }
}
