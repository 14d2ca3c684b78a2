using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Owns a llama_model.</summary>
internal sealed class ModelHandle : SafeHandle
{
    internal ModelHandle(nint model) : base(0, ownsHandle: true) => SetHandle(model);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        ShimApi.ns_model_free(handle);
        return true;
    }
}

/// <summary>Owns an ns_session, and keeps its model alive.</summary>
internal sealed class SessionHandle : SafeHandle
{
    private readonly ModelHandle _model;

    internal SessionHandle(nint session, ModelHandle model) : base(0, ownsHandle: true)
    {
        _model = model;
        var counted = false;
        _model.DangerousAddRef(ref counted);
        SetHandle(session);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        ShimApi.ns_session_free(handle);
        _model.DangerousRelease();
        return true;
    }
}

/// <summary>Owns an ns_sampler, and keeps the model alive whose vocabulary its grammar reads.</summary>
internal sealed class SamplerHandle : SafeHandle
{
    private readonly ModelHandle? _model;

    internal SamplerHandle(nint sampler, ModelHandle? model) : base(0, ownsHandle: true)
    {
        _model = model;
        var counted = false;
        _model?.DangerousAddRef(ref counted);
        SetHandle(sampler);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        ShimApi.ns_sampler_free(handle);
        _model?.DangerousRelease();
        return true;
    }
}
