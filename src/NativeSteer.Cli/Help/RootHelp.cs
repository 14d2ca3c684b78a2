using NativeSteer.Cli.Commands;

namespace NativeSteer.Cli.Help;

/// <summary>The help without a verb. Plain writing: nothing but this is loaded for it.</summary>
internal static class RootHelp
{
    internal static void Write(TextWriter output)
    {
        output.WriteLine("nativesteer: find directions in a model's residual stream and steer it with them, on GGUF files with llama.cpp.");
        output.WriteLine();
        output.WriteLine("Usage: nativesteer VERB [options]");
        output.WriteLine();
        ListHelp.WriteVerbs(VerbList.Root, output);
        output.WriteLine("""

            'nativesteer VERB --help' explains a verb. 'nativesteer --version' prints the versions.

            Examples:
              nativesteer info model.gguf
                  what the model is: layers, width, quantisation
              nativesteer doctor -m model.gguf
                  prove on this model that steering is exact, before relying on it
              nativesteer vector show happy.gguf
                  the vector's layers, how long it is there, and where it comes from
            """);
        output.WriteLine();
        ExitCodes.Write(output);
    }
}
