using System.Runtime.InteropServices;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Interop;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Interop;

/// <summary>The C# mirrors of native structs and enums against the sizes, offsets and values of the real headers (native/abi.cpp).</summary>
public sealed unsafe class AbiTests
{
    [Fact]
    public void Every_entry_of_the_native_table_has_a_mirror_of_the_same_value_and_none_is_left_over()
    {
        var mirrors = new SortedDictionary<string, long>(StringComparer.Ordinal);
        AddOptions(mirrors);
        AddBatch(mirrors);
        AddPlan(mirrors);
        AddEnums(mirrors);
        Assert.Equal(mirrors, NativeTable());
    }

    [Fact]
    public void The_library_has_the_interface_version_this_code_was_written_for()
    {
        NativeRuntime.EnsureLoaded();
        Assert.Equal(NativeRuntime.AbiVersion, ShimApi.ns_abi_version());
    }

    private static SortedDictionary<string, long> NativeTable()
    {
        NativeRuntime.EnsureLoaded();
        var table = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var entry = ShimApi.ns_abi_table(); entry->Name != null; entry++)
        {
            table.Add(Marshal.PtrToStringUTF8((nint)entry->Name)!, entry->Value);
        }
        return table;
    }

    private static void Add(
        SortedDictionary<string, long> mirrors, string name, int size, nint at, params ReadOnlySpan<(string Name, nint At)> fields)
    {
        mirrors.Add($"sizeof({name})", size);
        foreach (var field in fields) mirrors.Add($"{name}.{field.Name}", field.At - at);
    }

    private static void AddOptions(SortedDictionary<string, long> mirrors)
    {
        ShimModelOptions m;
        Add(
            mirrors, "ns_model_options", sizeof(ShimModelOptions), (nint)(&m),
            ("n_gpu_layers", (nint)(&m.GpuLayers)), ("use_mmap", (nint)(&m.UseMemoryMap)), ("vocab_only", (nint)(&m.VocabularyOnly)),
            ("progress", (nint)(&m.Progress)), ("progress_user", (nint)(&m.ProgressUser)));

        ShimImportance i;
        Add(mirrors, "ns_importance", sizeof(ShimImportance), (nint)(&i), ("tensor", (nint)(&i.Tensor)), ("values", (nint)(&i.Values)), ("n_values", (nint)(&i.Count)));

        ShimQuantizeOptions q;
        Add(
            mirrors, "ns_quantize_options", sizeof(ShimQuantizeOptions), (nint)(&q),
            ("file_type", (nint)(&q.FileType)), ("n_threads", (nint)(&q.Threads)), ("n_importances", (nint)(&q.ImportanceCount)),
            ("importances", (nint)(&q.Importances)), ("allow_requantize", (nint)(&q.AllowRequantize)), ("pure", (nint)(&q.Pure)),
            ("keep_output", (nint)(&q.KeepOutput)), ("progress", (nint)(&q.Progress)), ("progress_user", (nint)(&q.ProgressUser)));

        ShimSessionOptions s;
        Add(
            mirrors, "ns_session_options", sizeof(ShimSessionOptions), (nint)(&s),
            ("n_ctx", (nint)(&s.ContextLength)), ("n_batch", (nint)(&s.BatchLength)), ("n_seq_max", (nint)(&s.Sequences)),
            ("n_threads", (nint)(&s.Threads)), ("n_threads_batch", (nint)(&s.BatchThreads)), ("flash_attention", (nint)(&s.FlashAttention)),
            ("type_k", (nint)(&s.KeyType)), ("type_v", (nint)(&s.ValueType)), ("kv_unified", (nint)(&s.UnifiedCache)),
            ("hook", (nint)(&s.Hook)), ("attention_by_weight", (nint)(&s.AttentionByWeight)));
    }

    private static void AddBatch(SortedDictionary<string, long> mirrors)
    {
        ShimBatch b;
        Add(
            mirrors, "ns_batch", sizeof(ShimBatch), (nint)(&b),
            ("token", (nint)(&b.Token)), ("position", (nint)(&b.Position)), ("sequence", (nint)(&b.Sequence)), ("output", (nint)(&b.Output)));

        ShimEdit e;
        Add(
            mirrors, "ns_edit", sizeof(ShimEdit), (nint)(&e),
            ("slot", (nint)(&e.Slot)), ("row", (nint)(&e.Row)), ("vector", (nint)(&e.Vector)), ("op", (nint)(&e.Operation)), ("scale", (nint)(&e.Scale)));

        ShimLabel l;
        Add(mirrors, "ns_label", sizeof(ShimLabel), (nint)(&l), ("row", (nint)(&l.Row)), ("group", (nint)(&l.Group)));

        ShimSamplerOptions o;
        Add(
            mirrors, "ns_sampler_options", sizeof(ShimSamplerOptions), (nint)(&o),
            ("temperature", (nint)(&o.Temperature)), ("top_k", (nint)(&o.TopK)), ("top_p", (nint)(&o.TopP)), ("min_p", (nint)(&o.MinP)),
            ("seed", (nint)(&o.Seed)), ("grammar", (nint)(&o.Grammar)));

        LlamaChatMessage c;
        Add(
            mirrors, "llama_chat_message", sizeof(LlamaChatMessage), (nint)(&c),
            ("role", (nint)(&c.Role)), ("content", (nint)(&c.Content)));
        // The ids are int in C# signatures.
        foreach (var id in (string[])["llama_token", "llama_pos", "llama_seq_id"]) mirrors.Add($"sizeof({id})", sizeof(int));
    }

    private static void AddPlan(SortedDictionary<string, long> mirrors)
    {
        ShimPlan p;
        Add(
            mirrors, "ns_plan", sizeof(ShimPlan), (nint)(&p),
            ("n_vectors", (nint)(&p.VectorCount)), ("vectors", (nint)(&p.Vectors)), ("edits", (nint)(&p.Edits)), ("n_edits", (nint)(&p.EditCount)),
            ("n_read_slots", (nint)(&p.ReadSlotCount)), ("read_slots", (nint)(&p.ReadSlots)), ("labels", (nint)(&p.Labels)),
            ("n_labels", (nint)(&p.LabelCount)), ("n_groups", (nint)(&p.GroupCount)), ("sums", (nint)(&p.Sums)), ("norm_sums", (nint)(&p.NormSums)),
            ("counts", (nint)(&p.Counts)), ("copy_rows", (nint)(&p.CopyRows)), ("copies", (nint)(&p.Copies)), ("n_copy_rows", (nint)(&p.CopyRowCount)),
            ("stop_early", (nint)(&p.StopEarly)), ("host_is_device", (nint)(&p.HostIsDevice)), ("device", (nint)(&p.Device)),
            ("device_user", (nint)(&p.DeviceUser)), ("sum_time", (nint)(&p.SumTime)));

        ShimDeviceWork w;
        Add(
            mirrors, "ns_device_work", sizeof(ShimDeviceWork), (nint)(&w),
            ("n_rows", (nint)(&w.Rows)), ("data", (nint)(&w.Data)), ("stride", (nint)(&w.Stride)), ("edits", (nint)(&w.Edits)),
            ("labels", (nint)(&w.Labels)), ("n_edits", (nint)(&w.EditCount)), ("n_labels", (nint)(&w.LabelCount)),
            ("read_index", (nint)(&w.ReadIndex)));
    }

    private static void AddEnums(SortedDictionary<string, long> mirrors)
    {
        Enumeration("NS_", ("OK", ShimStatus.Ok), ("ERROR", ShimStatus.Error), ("CANCELLED", ShimStatus.Cancelled), ("FULL", ShimStatus.Full));
        Enumeration(
            "NS_SITE_", ("RESIDUAL", HookSite.Residual), ("ATTENTION", HookSite.Attention), ("FEED_FORWARD", HookSite.FeedForward));
        Enumeration(
            "NS_OP_", ("ADD", SteeringOperation.Add), ("PROJECT_OUT", SteeringOperation.ProjectOut), ("CLAMP", SteeringOperation.Clamp),
            ("ADD_KEEP_NORM", SteeringOperation.AddKeepNorm), ("SELF_AMPLIFY", SteeringOperation.SelfAmplify));
        Enumeration(
            "GGML_LOG_LEVEL_", ("DEBUG", LogLevel.Debug), ("INFO", LogLevel.Information), ("WARN", LogLevel.Warning), ("ERROR", LogLevel.Error));
        Enumeration("NS_DEVICE_", ("DONE", DevicePath.Result.Done), ("DECLINED", DevicePath.Result.Declined), ("FAILED", DevicePath.Result.Failed));
        foreach (var type in QuantizationType.All) mirrors.Add($"LLAMA_FTYPE_{(type.FileType == 0 ? "ALL" : "MOSTLY")}_{type.Name}", type.FileType);
        mirrors.Add("GGML_LOG_LEVEL_CONT", NativeLog.Continuation);
        mirrors.Add("NS_LOG_NOTICE", NativeLog.Notice);

        Enumeration("GGML_TYPE_", [.. Enum.GetValues<GgmlType>().Select(type => (type.ToString(), type))]);
        foreach (var type in Enum.GetValues<GgmlType>())
        {
            mirrors.Add($"ggml_blck_size(GGML_TYPE_{type})", GgmlTypes.BlockElements(type));
            mirrors.Add($"ggml_type_size(GGML_TYPE_{type})", GgmlTypes.BlockBytes(type));
        }
        mirrors.Add("GGML_TYPE_COUNT", (long)Enum.GetValues<GgmlType>().Max() + 1);
        foreach (var type in Enum.GetValues<CacheType>()) Assert.Equal((int)Enum.Parse<GgmlType>(type.ToString()), (int)type);

        void Enumeration<T>(string prefix, params ReadOnlySpan<(string Name, T Value)> values) where T : struct, Enum
        {
            Assert.Equal(Enum.GetValues<T>().Length, values.Length);
            foreach (var (name, value) in values) mirrors.Add(prefix + name, Convert.ToInt64(value));
        }
    }
}
