using NativeSteer.Cli.Commands;

namespace NativeSteer.Cli.Help;

/// <summary>The help of a verb that has verbs below it.</summary>
internal static class ListHelp
{
    internal static void Write(VerbList list, TextWriter output)
    {
        output.WriteLine($"Usage: nativesteer {(list.Path.Length == 0 ? "" : list.Path + " ")}VERB [options]");
        output.WriteLine();
        WriteVerbs(list, output);
        output.WriteLine();
        output.WriteLine($"'nativesteer {list.Path} VERB --help' explains a verb.");
    }

    internal static void WriteVerbs(VerbList list, TextWriter output)
    {
        output.WriteLine("Verbs:");
        foreach (var verb in list.Verbs) output.WriteLine($"  {verb.Name,-9} {verb.Purpose}");
    }
}
