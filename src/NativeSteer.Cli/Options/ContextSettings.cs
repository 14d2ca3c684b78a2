using System.CommandLine;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Options;

/// <summary>Size and set-up of the context, spelled as in llama.cpp.</summary>
internal sealed class ContextSettings
{
    private static readonly ContextOptions s_defaults = new();

    private readonly CountSetting _length;
    private readonly CountSetting _batch = new("N", "Most rows of one decode", "--batch-size", "-b")
        { Default = s_defaults.BatchLength, Minimum = 1 };
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly ChoiceSetting _flash = new("Flash attention; auto takes what is faster", ["auto", "on", "off"], "--flash-attn", "-fa");

    /// <summary>Says what a context length of 0 means to the verb.</summary>
    internal ContextSettings(string lengthMeaning) =>
        _length = new("N", "Tokens of context", "--ctx-size", "-c") { Default = 0, Minimum = 0, DefaultMeaning = lengthMeaning };

    internal Setting[] All => [_length, _batch, _threads, _flash];

    internal ContextOptions Get(ParseResult parse) => new()
    {
        ContextLength = _length.Get(parse),
        BatchLength = _batch.Get(parse),
        Threads = _threads.Get(parse),
        FlashAttention = _flash.Get(parse) switch { "on" => true, "off" => false, _ => null },
    };
}
