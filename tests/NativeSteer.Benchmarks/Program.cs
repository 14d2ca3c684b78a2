using NativeSteer.Benchmarks;

// What scripts/bench-*.sh need and no user does.
//   model VOCABULARY.gguf OUT.gguf      a random model of 108 million weights
//   pairs DIRECTORY COUNT               prompt pairs of about 100 tokens for vector extraction
switch (args)
{
    case ["model", var vocabulary, var output]:
        new RandomModel().Write(vocabulary, output);
        return 0;
    case ["pairs", var folder, var count]:
        PromptPairFiles.Write(folder, int.Parse(count));
        return 0;
    default:
        Console.Error.WriteLine("usage: model VOCABULARY.gguf OUT.gguf | pairs DIRECTORY COUNT");
        return 2;
}
