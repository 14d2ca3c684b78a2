using NativeSteer.Cuda;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Interop;
using NativeSteer.Tests.Cuda;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Hooks;

/// <summary>
/// The hook's way through the kernels, with the host's memory passing for a GPU's: it gives the bits of the way through the host,
/// and goes on there when it must.
/// </summary>
public sealed class DevicePathTests : IDisposable
{
    private const int Sequences = 5;
    private readonly StandIn _standIn = new(("host", 1));

    private static readonly HookSlot[] s_slots =
        [.. from site in Enum.GetValues<HookSite>() from layer in Enumerable.Range(0, TinyModel.Layers) select new HookSlot(site, layer)];

    public void Dispose() => _standIn.Dispose();

    public static TheoryData<SteeringOperation> Operations => [.. Enum.GetValues<SteeringOperation>()];

    [Theory, MemberData(nameof(Operations))]
    public void Steering_has_the_bits_of_the_host(SteeringOperation operation)
    {
        var plans = Plans(operation);
        var host = Logits(null, plans);
        Assert.Equal(host, Logits(_standIn.Driver, plans));
        Assert.NotEqual(host, Logits(null, null));
        Assert.True(_standIn["launches0"] > 0);
    }

    [Theory, InlineData(1), InlineData(2)]
    public void Sums_have_the_bits_of_the_host(int devices)
    {
        _standIn["devices"] = devices;
        var host = Sum(null);
        var sums = Sum(_standIn.Driver);
        Assert.True(_standIn["launches0"] > 0);
        Assert.Equal(devices > 1, _standIn["launches1"] > 0); // layers of one model on two devices
        AssertSame(host, sums);
        GC.Collect();
    }

    [Fact]
    public void Sums_come_back_when_they_are_read_and_not_before()
    {
        var sums = new ActivationSums(s_slots, 3, TinyModel.Width);
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, Sequences = Sequences });
        using var hook = new ResidualHook(context, _standIn.Driver);
        using (hook.Sum(sums))
        {
            context.Decode(Batch());
            Assert.All(sums.Sums, value => Assert.Equal(0, value)); // still on the device
            Assert.NotEqual(0, sums.Sum(s_slots[0], 0)[0]);
            var once = sums.Sum(s_slots[0], 0).ToArray();
            context.Clear();
            context.Decode(Batch());
            Assert.Equal(once.Select(x => x + x), sums.Sum(s_slots[0], 0).ToArray());
        }
    }

    [Fact]
    public void Sums_outlive_the_hook_that_made_them()
    {
        var host = Sum(null);
        AssertSame(host, Sum(_standIn.Driver)); // Sum() disposes of context and hook before anything is read
        Assert.Equal(0, Enumerable.Range(0, 3).Sum(group => Sum(_standIn.Driver).Count(s_slots[0], group) - host.Count(s_slots[0], group)));
    }

    [Fact]
    public void Copied_rows_are_those_after_steering()
    {
        Assert.Equal(Rows(null), Rows(_standIn.Driver));

        float[] Rows(CudaDriver? driver)
        {
            using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, Sequences = Sequences });
            using var hook = new ResidualHook(context, driver);
            var rows = new ActivationRows(s_slots, TinyModel.Width);
            using (hook.Apply(Plans(SteeringOperation.Add)))
            using (hook.Copy(rows, logits: true)) context.Decode(Batch());
            return rows.Values.ToArray();
        }
    }

    [Fact]
    public void Vectors_that_come_later_are_brought_to_the_device()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, Sequences = Sequences });
        using var hook = new ResidualHook(context, _standIn.Driver);
        for (var seed = 1; seed < 30; seed++)
        {
            if (seed == 20) hook.ForgetPlans();
            var plans = SequencePlans.Same(SteeringPlan.Add(Models.RandomVector(Models.Tiny.Shape, seed, 0, 2), 2), 1);
            var batch = Models.Sequence(Models.Tiny, 4);
            context.Clear();
            using (hook.Apply(plans)) context.Decode(batch);
            var found = context.Logits(3).ToArray();
            using var other = Models.Tiny.CreateContext(new() { ContextLength = 256 });
            using var host = new ResidualHook(other);
            using (host.Apply(plans)) other.Decode(batch);
            Assert.Equal(other.Logits(3).ToArray(), found);
        }
    }

    [Theory, InlineData("refuse_ptx", 1), InlineData("memory", 1000), InlineData("host", 0)]
    public void Where_the_kernels_cannot_be_had_the_host_does_it(string setting, long value)
    {
        _standIn[setting] = value;
        var plans = Plans(SteeringOperation.AddKeepNorm);
        Assert.Equal(Logits(null, plans), Logits(_standIn.Driver, plans));
        AssertSame(Sum(null), Sum(_standIn.Driver));
        Assert.Equal(0, _standIn["launches0"]);
    }

    [Theory, InlineData("fail_launch", 1, "CUDA_ERROR_INVALID_VALUE"), InlineData("fail_kernel", 719, "CUDA_ERROR_LAUNCH_FAILED")]
    public void A_kernel_that_fails_is_one_line(string setting, long value, string name)
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64 });
        using var hook = new ResidualHook(context, _standIn.Driver);
        var batch = Models.Sequence(Models.Tiny, 4);
        _standIn[setting] = value;
        var plans = SequencePlans.Same(SteeringPlan.Add(Models.RandomVector(Models.Tiny.Shape, 1, 1), 1), 1);
        using (hook.Apply(plans))
        {
            var error = Assert.Throws<NativeSteerException>(() => context.Decode(batch));
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
            Assert.Contains("-ngl 0", error.Message, StringComparison.Ordinal);
        }
        (_standIn[setting], _standIn["lost"]) = (0, 0);
        context.Clear();
        context.Decode(batch); // the process and the context go on
    }

    [Fact]
    public void Sums_of_a_lost_device_are_missing_however_often_they_are_asked_for()
    {
        var sums = Sum(_standIn.Driver);
        _standIn["lost"] = 719;
        for (var time = 0; time < 3; time++) Assert.Throws<CudaException>(() => sums.Count(s_slots[0], 0));
        _standIn["lost"] = 0;
        AssertSame(Sum(null), sums);
    }

    [Fact]
    public void What_a_kernel_did_wrong_is_said_before_llama_goes_on()
    {
        var said = new List<string>();
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64 });
        using var hook = new ResidualHook(context, _standIn.Driver);
        _standIn["fail_kernel"] = 719;
        NativeLog.Notices += said.Add;
        try
        {
            using var steering = hook.Apply(SequencePlans.Same(SteeringPlan.Add(Models.RandomVector(Models.Tiny.Shape, 1, 1), 1), 1));
            Assert.Throws<NativeSteerException>(() => context.Decode(Models.Sequence(Models.Tiny, 4)));
        }
        finally
        {
            NativeLog.Notices -= said.Add;
        }
        Assert.Contains(said, line => line.Contains("CUDA_ERROR_LAUNCH_FAILED", StringComparison.Ordinal));
    }

    private static SequencePlans Plans(SteeringOperation operation)
    {
        var shape = Models.Tiny.Shape;
        var plans = new SequencePlans();
        for (var s = 0; s < Sequences - 1; s++) // the last one stays as it is
        {
            var vectors = Enumerable.Range(0, 3).Select(i => Models.RandomVector(shape, 10 * s + i, s % (shape.Layers - 1), shape.Layers - 1));
            plans.Set(s, new SteeringPlan(vectors.Select((v, i) => new Intervention(v, 1.5f + i) { Operation = i == 2 ? SteeringOperation.Add : operation })));
        }
        return plans;
    }

    private static TokenBatch Batch()
    {
        var batch = new TokenBatch();
        for (var s = 0; s < Sequences; s++) Models.Append(batch, Models.Tiny, 4 + 3 * s, seed: s, sequence: s);
        for (var row = 0; row < batch.Count; row++)
        {
            batch.Label(row, row % 3);
            if (row % 4 == 0) batch.Label(row, 2);
            if (row % 2 == 0) batch.Copy(row);
        }
        return batch;
    }

    private static float[] Logits(CudaDriver? driver, SequencePlans? plans)
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, Sequences = Sequences });
        using var hook = new ResidualHook(context, driver);
        var batch = Batch();
        using (plans is null ? null : hook.Apply(plans)) context.Decode(batch);
        return [.. Enumerable.Range(0, batch.Count).Where(r => batch.Outputs[r] == 1).SelectMany(r => context.Logits(r).ToArray())];
    }

    private static ActivationSums Sum(CudaDriver? driver)
    {
        var sums = new ActivationSums(s_slots, 3, TinyModel.Width);
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, Sequences = Sequences });
        using var hook = new ResidualHook(context, driver);
        using (hook.Sum(sums))
        {
            context.Decode(Batch());
            context.Clear();
            context.Decode(Batch());
        }
        return sums;
    }

    private static void AssertSame(ActivationSums host, ActivationSums device)
    {
        foreach (var slot in s_slots)
        {
            for (var group = 0; group < 3; group++)
            {
                Assert.Equal(host.Count(slot, group), device.Count(slot, group));
                Assert.Equal(host.Sum(slot, group).ToArray(), device.Sum(slot, group).ToArray());
                Assert.Equal(host.MeanNorm(slot, group), device.MeanNorm(slot, group));
            }
        }
    }
}
