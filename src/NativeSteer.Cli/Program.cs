using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;

using var terminal = Terminal.OfProcess();
return CommandLine.Run(args, terminal);
