using System.Globalization;
using NativeSteer.Files;
using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>How many layers of a model the GPUs have room for, where it does not fit whole: what <c>-ngl</c> could be.</summary>
internal static class GpuFit
{
    private const long Reserve = 512L << 20; // for the cache of a short context, and llama.cpp's buffers
    private const string Block = "blk.";

    /// <summary>A device's memory.</summary>
    internal readonly record struct Device(string Name, long Free, long Total);

    /// <summary>The GPUs that llama.cpp found.</summary>
    internal static IReadOnlyList<Device> Devices()
    {
        var found = new List<Device>();
        for (var i = 0; i < LlamaLibrary.Devices.Count; i++)
        {
            var name = LlamaLibrary.Devices[i].Split(':')[0];
            if (name.StartsWith("CPU", StringComparison.Ordinal)) continue;
            ShimApi.ns_device_memory(i, out var free, out var total);
            if (total > 0) found.Add(new Device(name, free, total));
        }
        return found;
    }

    /// <summary>Whether what llama.cpp said is that a device is full.</summary>
    internal static bool IsFull(string message) =>
        message.Contains("out of memory", StringComparison.Ordinal) || message.Contains("unable to allocate", StringComparison.Ordinal)
        || message.Contains("failed to allocate", StringComparison.Ordinal);

    /// <summary>
    /// The most layers that fit, counted as llama.cpp does: the output matrix is the first of them, then come the blocks from the last
    /// to the first.
    /// </summary>
    /// <param name="tensors">The model's tensors.</param>
    /// <param name="layers">Its blocks.</param>
    /// <param name="room">Bytes.</param>
    internal static int Layers(IEnumerable<GgufTensor> tensors, int layers, long room)
    {
        var blocks = new long[layers];
        long output = 0, embeddings = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Name.StartsWith(Block, StringComparison.Ordinal))
            {
                var dot = tensor.Name.IndexOf('.', Block.Length);
                if (dot > 0 && int.TryParse(tensor.Name.AsSpan(Block.Length, dot - Block.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var block) && block < layers)
                    blocks[block] += tensor.Bytes;
            }
            else if (tensor.Name.StartsWith("token_embd", StringComparison.Ordinal)) embeddings += tensor.Bytes;
            else output += tensor.Bytes;
        }
        if (output < embeddings / 2) output += embeddings; // tied: the output is the embeddings, of which the GPU gets a copy
        var left = room - Reserve - output;
        if (left < 0) return 0;
        var count = 1;
        for (var block = layers - 1; block >= 0 && blocks[block] <= left; block--)
        {
            left -= blocks[block];
            count++;
        }
        return count;
    }

    /// <summary>What to say of a model that the GPUs have no room for.</summary>
    internal static NativeSteerException TooSmall(string path, IEnumerable<GgufTensor> tensors, int layers, IReadOnlyList<Device> devices)
    {
        var fit = Layers(tensors, layers, devices.Sum(device => device.Free));
        return new NativeSteerException(
            $"{FileErrors.Shown(path)} does not fit into the memory of the GPU ({Memory(devices)}): about {fit} of its {layers + 1} layers would, the output being one; "
            + (fit == 0 ? "run it on the CPU with -ngl 0." : $"give -ngl {fit}, fewer for a long context, or -ngl 0 for the CPU."));
    }

    /// <summary>What to say when the model is on the GPUs and they have no room left for a context.</summary>
    internal static NativeSteerException NoRoomForContext(string path, ContextOptions options, IReadOnlyList<Device> devices) => new(
        $"{FileErrors.Shown(path)} leaves the GPU no room ({Memory(devices)}) for a context of {options.ContextLength} tokens and batches of {options.BatchLength}: "
        + "ask for a shorter context (-c), fewer sequences side by side (-np), or fewer layers on the GPU (-ngl).");

    private static string Memory(IReadOnlyList<Device> devices) =>
        string.Join(", ", devices.Select(device => $"{device.Name} {Gibibytes(device.Free)} free of {Gibibytes(device.Total)} GiB"));

    private static string Gibibytes(long bytes) => (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture);
}
