using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

// Mirrors of the structs in native/nativesteer.h, field by field. AbiTests compares them with abi.cpp's table.

/// <summary>What a native function returned.</summary>
internal enum ShimStatus
{
    Ok = 0,
    Error = 1,
    Cancelled = 2,
    Full = 3,
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimModelOptions
{
    public int Size;
    public int GpuLayers;
    public byte UseMemoryMap;
    public byte VocabularyOnly;
    private fixed byte _reserved[6];
    public delegate* unmanaged[Cdecl]<float, void*, byte> Progress;
    public void* ProgressUser;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimImportance
{
    public byte* Tensor;
    public float* Values;
    public long Count;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimQuantizeOptions
{
    public int Size;
    public int FileType;
    public int Threads;
    public int ImportanceCount;
    public ShimImportance* Importances;
    public byte AllowRequantize;
    public byte Pure;
    public byte KeepOutput;
    private fixed byte _reserved[5];
    public delegate* unmanaged[Cdecl]<float, void*, byte> Progress;
    public void* ProgressUser;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimSessionOptions
{
    public int Size;
    public uint ContextLength;
    public uint BatchLength;
    public uint Sequences;
    public int Threads;
    public int BatchThreads;
    public int FlashAttention;
    public int KeyType;
    public int ValueType;
    public byte UnifiedCache;
    public byte Hook;
    public byte AttentionByWeight;
    private fixed byte _reserved[5];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimBatch
{
    public int Rows;
    public int* Token;
    public int* Position;
    public int* Sequence;
    public byte* Output;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ShimEdit
{
    public int Slot;
    public int Row;
    public int Vector;
    public int Operation;
    public float Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ShimLabel
{
    public int Row;
    public int Group;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimPlan
{
    public int Size;
    public int VectorCount;
    public float* Vectors;
    public ShimEdit* Edits;
    public int EditCount;
    public int ReadSlotCount;
    public int* ReadSlots;
    public ShimLabel* Labels;
    public int LabelCount;
    public int GroupCount;
    public double* Sums;
    public double* NormSums;
    public long* Counts;
    public int* CopyRows;
    public float* Copies;
    public int CopyRowCount;
    public byte StopEarly;
    public byte HostIsDevice;
    private fixed byte _reserved[2];
    public delegate* unmanaged[Cdecl]<ShimDeviceWork*, void*, int> Device;
    public void* DeviceUser;
    public long* SumTime;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimDeviceWork
{
    public int Size;
    public int Rows;
    public void* Data;
    public long Stride;
    public ShimEdit* Edits;
    public ShimLabel* Labels;
    public int EditCount;
    public int LabelCount;
    public int ReadIndex;
    private readonly int _reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimSamplerOptions
{
    public int Size;
    public float Temperature;
    public int TopK;
    public float TopP;
    public float MinP;
    public uint Seed;
    public byte* Grammar;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaChatMessage
{
    public byte* Role;
    public byte* Content;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ShimAbiEntry
{
    public byte* Name;
    public long Value;
}
