using System.Runtime.InteropServices;
using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Views;

/// <summary>What is shown of this machine.</summary>
internal static class MachineView
{
    internal static void Print(Terminal terminal)
    {
        var facts = new Facts($"nativesteer {Product.Version} on this machine");
        facts.Add("system", $"{RuntimeInformation.OSDescription}, {Architecture}");
        facts.Add("cores", $"{Environment.ProcessorCount}");
        facts.Add("memory", Text.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes));
        facts.Add(".NET", $"{Environment.Version}");
        facts.Add("llama.cpp", LlamaLibrary.Version);
        facts.Add("libraries", LlamaLibrary.Directory);
        facts.Add("CPU backend", LlamaLibrary.CpuVariant ?? "one for all processors");
        foreach (var device in LlamaLibrary.Devices) facts.Add("device", device);
        foreach (var model in BuiltInModel.All) facts.Add("built-in model", $"{model.Name}: {model.Purpose}");
        facts.Print(terminal);
    }

    internal static void Write(Utf8JsonWriter json)
    {
        json.WriteString("kind", "machine");
        json.WriteString("nativesteer", Product.Version);
        json.WriteString("system", RuntimeInformation.OSDescription);
        json.WriteString("architecture", Architecture);
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteNumber("memory_bytes", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        json.WriteString("dotnet", $"{Environment.Version}");
        json.WriteString("llama_cpp", LlamaLibrary.Version);
        json.WriteString("libraries", LlamaLibrary.Directory);
        json.WriteString("cpu_backend", LlamaLibrary.CpuVariant);
        json.WriteStartArray("devices");
        foreach (var device in LlamaLibrary.Devices) json.WriteStringValue(device);
        json.WriteEndArray();
        json.WriteStartArray("models");
        foreach (var model in BuiltInModel.All) json.WriteStringValue(model.Name);
        json.WriteEndArray();
    }

    private static string Architecture => RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
}
