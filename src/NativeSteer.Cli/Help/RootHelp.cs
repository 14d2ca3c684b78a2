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
              nativesteer doctor -m model.gguf
                  prove on this model that steering is exact, before relying on it
              nativesteer vector extract -m model.gguf --positive-file happy.txt --negative-file sad.txt -o happy.gguf
                  a vector from what tells happy prompts from sad ones
              nativesteer vector show happy.gguf
                  its layers, and how long it is there beside the residual stream
              nativesteer generate -m model.gguf -p "My day was" --control-vector-scaled happy.gguf:8 --layers 10-14
                  a text steered by it
            """);
        output.WriteLine();
        ExitCodes.Write(output);
    }
}
