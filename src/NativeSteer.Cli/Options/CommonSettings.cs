namespace NativeSteer.Cli.Options;

/// <summary>Settings that several verbs have, alike.</summary>
internal static class CommonSettings
{
    internal static Flag Json() => new("Print the result as JSON", "--json");

    internal static TextSetting Output(string description) => new("FILE", description, "--output", "-o");

    internal static CountSetting Threads() =>
        new("N", "CPU threads", "--threads", "-t") { Default = 0, Minimum = 0, Maximum = 512, DefaultMeaning = "one per core" };
}
