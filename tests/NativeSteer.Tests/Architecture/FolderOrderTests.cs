using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace NativeSteer.Tests.Architecture;

/// <summary>The folder is the namespace, and a folder uses only what stands above it in this list.</summary>
public sealed partial class FolderOrderTests
{
    private static readonly string[] s_order =
        ["Files", "Interop", "Vectors", "Engine", "Cuda", "Hooks", "Rollouts", "Extraction", "Judges", "Analysis", "Tensors", "Training", "Countdown", "Tasks", "Reinforcement", "Search", "Studies", "Reports"];

    public static TheoryData<string> SourceFiles
    {
        get
        {
            var files = new TheoryData<string>();
            foreach (var file in Directory.EnumerateFiles(Root(), "*.cs", SearchOption.AllDirectories)) files.Add(Path.GetRelativePath(Root(), file));
            return files;
        }
    }

    [Theory, MemberData(nameof(SourceFiles))]
    public void Uses_only_what_stands_above(string file)
    {
        var folder = Path.GetDirectoryName(file)!.Replace('\\', '/');
        var text = File.ReadAllText(Path.Combine(Root(), file));
        if (folder.Length == 0)
        {
            Assert.Empty(Usings().Matches(text));
            return;
        }
        Assert.Contains(folder, s_order);
        Assert.Contains($"namespace NativeSteer.{folder};", text, StringComparison.Ordinal);
        foreach (Match match in Usings().Matches(text))
        {
            var used = match.Groups["folder"].Value;
            Assert.True(Array.IndexOf(s_order, used) >= 0, $"{file} uses {used}, which is no folder of the house.");
            Assert.True(Array.IndexOf(s_order, used) < Array.IndexOf(s_order, folder), $"{file} uses {used}, which stands below {folder}.");
        }
    }

    [Theory, MemberData(nameof(SourceFiles))]
    public void Is_small(string file) => Assert.InRange(File.ReadLines(Path.Combine(Root(), file)).Count(), 1, 500);

    [GeneratedRegex(@"^using (static )?NativeSteer\.(?<folder>\w+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Usings();

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "src", "NativeSteer"));
}
