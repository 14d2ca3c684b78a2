using NativeSteer.Files;

namespace NativeSteer.Engine;

/// <summary>
/// A small model inside the library, so that everything has a real model to run on. llama.cpp reads files alone: a model is
/// written once into a folder of the user's, and from then on found there.
/// </summary>
/// <param name="Name">What <c>-m</c> and <see cref="LanguageModel.Load"/> call it.</param>
/// <param name="Purpose">What it is, in a line.</param>
public sealed record BuiltInModel(string Name, string Purpose)
{
    private const string FolderVariable = "NATIVESTEER_MODEL_DIR";

    /// <summary>The model that is meant where none is named.</summary>
    public const string Default = "countdown-reasoning";

    /// <summary>The model that takes wrong steps back, for searching.</summary>
    public const string Backtracking = "countdown-backtrack";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<BuiltInModel> All { get; } =
    [
        new("countdown-base", "solves number puzzles, and never says wait or hmm"),
        new(Default, "fine-tuned from it: tries, notices, says wait or hmm, and tries another way"),
        new(Backtracking, "fine-tuned from the first: takes wrong steps back, for 'countdown search'"),
    ];

    /// <summary>The file of a model: a path as it is, a built-in model's name as the file that it was written to.</summary>
    /// <param name="nameOrPath">A file of that name goes before the built-in model.</param>
    /// <exception cref="NativeSteerException">It is neither; or the built-in model cannot be written.</exception>
    public static string Resolve(string nameOrPath)
    {
        ArgumentNullException.ThrowIfNull(nameOrPath);
        if (nameOrPath.AsSpan().ContainsAny("/\\.") || nameOrPath.Length == 0 || Path.Exists(nameOrPath)) return nameOrPath;
        if (All.FirstOrDefault(model => model.Name == nameOrPath) is { } known) return known.Write();
        throw new NativeSteerException(
            $"{FileErrors.Shown(nameOrPath)} is neither a file nor a built-in model ({string.Join(", ", All.Select(model => model.Name))}).");
    }

    /// <summary>Writes the model into the user's folder, unless it is there already, and returns its path.</summary>
    /// <exception cref="NativeSteerException">It cannot be written.</exception>
    public string Write()
    {
        var bytes = Bytes();
        var path = Path.Combine(Folder(), $"{Name}.gguf");
        if (!Holds(path, bytes)) AtomicFile.Write(path, stream => stream.Write(bytes));
        return path;
    }

    /// <summary>The GGUF file as bytes.</summary>
    internal byte[] Bytes()
    {
        using var resource = typeof(BuiltInModel).Assembly.GetManifestResourceStream($"{Name}.gguf")
            ?? throw new NativeSteerException($"This build has no model {Name}; 'scripts/train-builtin.sh' makes it.");
        var bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        return bytes;
    }

    // Another version's file of the same name is replaced: the rename leaves it intact for whoever has it open.
    private static bool Holds(string path, byte[] bytes)
    {
        try
        {
            return File.Exists(path) && new FileInfo(path).Length == bytes.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            return false;
        }
    }

    private static string Folder()
    {
        var chosen = Environment.GetEnvironmentVariable(FolderVariable);
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] candidates =
        [
            string.IsNullOrEmpty(chosen) ? "" : chosen,
            !Path.IsPathRooted(cache) ? "" : Path.Combine(cache, "nativesteer"),
            home.Length == 0 ? "" : Path.Combine(home, ".cache", "nativesteer"),
            Path.Combine(Path.GetTempPath(), $"nativesteer-{Environment.UserName}"),
        ];
        foreach (var folder in candidates.Where(folder => folder.Length > 0))
        {
            try
            {
                return Directory.CreateDirectory(folder).FullName;
            }
            catch (Exception error) when (FileErrors.IsFileError(error) && folder != chosen)
            {
                // the next one
            }
            catch (Exception error) when (FileErrors.IsFileError(error))
            {
                throw FileErrors.Writing(folder, error);
            }
        }
        throw new NativeSteerException($"No folder for the built-in models can be made; set {FolderVariable} to one.");
    }
}
