using System.Globalization;

namespace NativeSteer.Training;

/// <summary>How much memory this process can still take: of the machine's, and of its container's limit.</summary>
internal static class AvailableMemory
{
    /// <summary>Bytes.</summary>
    internal static long Bytes()
    {
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (FromMeminfo(Text("/proc/meminfo")) is { } free) available = Math.Min(available, free);
        if (Left(Text("/sys/fs/cgroup/memory.max"), Text("/sys/fs/cgroup/memory.current"), Text("/sys/fs/cgroup/memory.stat")) is { } left)
            available = Math.Min(available, left);
        return available;
    }

    /// <summary>What Linux says could be had without swapping.</summary>
    internal static long? FromMeminfo(string? text)
    {
        const string name = "MemAvailable:";
        var line = text?.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return Number(line?[name.Length..].Replace("kB", "", StringComparison.Ordinal)) * 1024;
    }

    /// <summary>What a control group's limit leaves. Pages of files that are only cached can be given up.</summary>
    internal static long? Left(string? limit, string? used, string? statistics)
    {
        if (Number(limit) is not { } most || Number(used) is not { } taken) return null; // the limit may be "max"
        const string name = "inactive_file ";
        var cached = statistics?.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
        return Math.Max(0, most - taken + (Number(cached) ?? 0));
    }

    private static long? Number(string? text) =>
        long.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static string? Text(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
