using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Cuda;
using NativeSteer.Interop;
using Xunit;

namespace NativeSteer.Tests.Cuda;

/// <summary>The launchers, through the stand-in driver: results, and that the stand-in sees what a GPU would not forgive.</summary>
public sealed unsafe class LaunchTests : IDisposable
{
    private readonly StandIn _standIn = new(("devices", 2));
    private readonly CudaDevice _device;

    public LaunchTests() => _device = CudaDevice.Open(_standIn.Driver, 0);

    public void Dispose() => _standIn.Dispose();

    [Fact]
    public void Rows_are_steered_summed_and_projected_as_plain_loops_do()
    {
        Prop.ForAll(Gen.Choose(1, 1_000_000).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var width = random.Next(1, 300);
            using var current = _device.Enter();
            AgreesWithLoops(random.Next(1, 40), width, width + random.Next(4), random);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(12));
    }

    [Fact]
    public void A_missing_synchronise_shows_as_results_that_are_not_there_yet()
    {
        using var current = _device.Enter();
        using var pinned = _device.AllocatePinned(8);
        using var memory = Upload([1.5f, 2.5f]);
        _device.Synchronize();
        var result = (float*)pinned.Pointer;
        (result[0], result[1]) = (-1, -1);
        var driver = _standIn.Driver;
        using var stream = new StreamHandle(Context(driver, out var context));
        using (context)
        {
            driver.Check(driver.MemcpyDtoHAsync(result, memory.Address, 8, stream.Pointer), "copy");
            Assert.Equal((-1, -1), (result[0], result[1]));
            driver.Check(driver.StreamSynchronize(stream.Pointer), "wait");
            Assert.Equal((1.5f, 2.5f), (result[0], result[1]));
        }
    }

    [Fact]
    public void A_kernel_runs_when_something_waits_for_it_and_not_before()
    {
        using var current = _device.Enter();
        using var data = Upload(new float[8]);
        using var work = new RowWork(_device);
        using var vectors = Upload([1f, 1, 1, 1]);
        var rows = new DeviceRows(data.Address, 4, 2, 4);
        work.Prepare(rows, [new ShimEdit { Row = 1, Scale = 3 }], 1, [], 0);
        work.Run(rows, vectors.Address, 0, 0);
        Assert.Equal(0, _standIn["launches0"]);
        var found = new float[8];
        _device.CopyToHost(found.AsSpan(), data.Address);
        Assert.Equal(1, _standIn["launches0"]);
        Assert.Equal([0, 0, 0, 0, 3, 3, 3, 3], found);
    }

    [Theory, InlineData("host"), InlineData("other device"), InlineData("freed"), InlineData("an index")]
    public void A_foreign_pointer_ends_the_context_as_on_a_GPU(string kind)
    {
        using var current = _device.Enter();
        using var data = Upload(new float[8]);
        var hostMemory = stackalloc float[8];
        var other = CudaDevice.Open(_standIn.Driver, 1);
        DeviceMemory elsewhere;
        using (other.Enter()) elsewhere = other.Allocate(32);
        ulong freed;
        using (var memory = Upload(new float[8])) freed = memory.Address;
        var wrong = kind switch { "host" => (ulong)hostMemory, "other device" => elsewhere.Address, "freed" => freed, _ => 1UL };
        _device.Kernels.RowNorms(wrong, 4, 4, data.Address, 1, data.Address);
        var error = Assert.Throws<CudaException>(_device.Synchronize);
        Assert.Equal("CUDA cannot run a kernel: CUDA_ERROR_ILLEGAL_ADDRESS.", error.Message);
        Assert.Throws<CudaException>(() => _device.Allocate(8)); // for good
        _standIn["lost"] = 0;
        elsewhere.Dispose();
    }

    [Fact]
    public void Nothing_works_outside_the_context() =>
        Assert.Contains("CUDA_ERROR_INVALID_CONTEXT", Assert.Throws<CudaException>(() => _device.Allocate(8)).Message, StringComparison.Ordinal);

    [Fact]
    public void Memory_is_given_back()
    {
        var before = _standIn["allocated"];
        using (_device.Enter())
        {
            using var memory = _device.Allocate(1000);
            Assert.Equal(before + 1000, _standIn["allocated"]);
        }
        Assert.Equal(before, _standIn["allocated"]); // also where no context was entered any more
    }

    [Theory]
    [InlineData(2, 0, 0, 0, 0, "row 2 of 2")]
    [InlineData(-1, 0, 0, 0, 0, "row -1")]
    [InlineData(0, 1, 0, 0, 0, "vector 1 of 1")]
    [InlineData(0, -1, 0, 0, 0, "vector -1")]
    [InlineData(0, 0, 5, 0, 0, "unknown operation 5")]
    [InlineData(0, 0, 0, 9, 0, "Label 0 names row 9")]
    [InlineData(0, 0, 0, 0, 3, "group 3 of 3")]
    public void Wrong_indices_are_refused_before_anything_runs(int row, int vector, int operation, int labelRow, int group, string part)
    {
        using var current = _device.Enter();
        using var data = Upload(new float[8]);
        using var work = new RowWork(_device);
        var rows = new DeviceRows(data.Address, 4, 2, 4);
        var edits = new[] { new ShimEdit { Row = row, Vector = vector, Operation = operation } };
        var labels = new[] { new ShimLabel { Row = labelRow, Group = group } };
        var error = Assert.Throws<ArgumentException>(() => work.Prepare(rows, edits, 1, labels, 3));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    private void AgreesWithLoops(int count, int width, int stride, Random random)
    {
        var values = Enumerable.Range(0, count * stride).Select(_ => random.NextSingle() * 20 - 10).ToArray();
        var directions = Enumerable.Range(0, 3 * width).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var labels = Enumerable.Range(0, count + 5).Select(i => new ShimLabel { Row = random.Next(count), Group = i / 9 }).ToArray();
        var groups = labels[^1].Group + 1;
        var edits = Enumerable.Range(0, count).Select(r => new ShimEdit { Row = r, Vector = r % 3, Scale = random.NextSingle() * 4 }).ToArray();
        using var data = Upload(values);
        using var vectors = Upload(directions);
        using var sums = _device.Allocate((long)groups * (width + 1) * sizeof(double));
        _device.Clear(sums.Address, sums.Bytes);
        using var work = new RowWork(_device);
        var rows = new DeviceRows(data.Address, stride, count, width);
        work.Prepare(rows, edits, 3, labels, groups);
        work.Run(rows, vectors.Address, sums.Address, sums.Address + (ulong)(groups * width * sizeof(double)));
        var found = new double[groups * (width + 1)];
        _device.CopyToHost(found.AsSpan(), sums.Address);
        var steered = new float[values.Length];
        _device.CopyToHost(steered.AsSpan(), data.Address);
        using var all = Upload(Enumerable.Range(0, count).ToArray());
        using var to = _device.Allocate(count * 3 * sizeof(float));
        _device.Kernels.Project(data.Address, stride, width, all.Address, count, vectors.Address, 3, true, to.Address);
        var cosines = new float[count * 3];
        _device.CopyToHost(cosines.AsSpan(), to.Address);

        var expected = new double[groups * (width + 1)];
        for (var i = 0; i < values.Length; i++)
        {
            var (row, column) = (i / stride, i % stride);
            var after = values[i];
            if (column < width)
            {
                var scaled = edits[row].Scale * directions[edits[row].Vector * width + column];
                after += scaled;
            }
            Assert.Equal(after, steered[i]);
        }
        foreach (var label in labels)
        {
            var row = steered.AsSpan(label.Row * stride, width);
            for (var c = 0; c < width; c++) expected[label.Group * width + c] += row[c];
            expected[groups * width + label.Group] += Math.Sqrt(Dot(row, row));
        }
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-9);
        for (var i = 0; i < cosines.Length; i++)
        {
            var row = steered.AsSpan(i / 3 * stride, width);
            var direction = directions.AsSpan(i % 3 * width, width);
            Assert.Equal(Dot(row, direction) / Math.Sqrt(Dot(row, row) * Dot(direction, direction)), cosines[i], 1e-6);
        }
    }

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++) sum += (double)a[i] * b[i];
        return sum;
    }

    private static PrimaryContext Context(CudaDriver driver, out PrimaryContext context) => context = new PrimaryContext(driver, 0);

    private DeviceMemory Upload<T>(T[] values) where T : unmanaged
    {
        var memory = _device.Allocate((long)values.Length * sizeof(T));
        _device.CopyToDevice<T>(memory.Address, values);
        return memory;
    }
}
