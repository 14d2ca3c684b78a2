using System.Diagnostics;
using NativeSteer.Tasks;
using Xunit;

namespace NativeSteer.Tests.Tasks;

public sealed class CommandVerifierTests
{
    private static TaskOutcome Judge(string command, string completion, double seconds = 20) =>
        new CommandVerifier(command, TimeSpan.FromSeconds(seconds)).Task("1", "2+2=", "4").Judge(completion).Outcome;

    [Fact]
    public void The_exit_code_says_whether_it_is_right()
    {
        const string command = """grep -q '"gold":"4","completion":"4"'""";
        Assert.Equal(TaskOutcome.Right, Judge(command, "4"));
        Assert.Equal(TaskOutcome.Wrong, Judge(command, "5"));
    }

    [Theory, InlineData("exit 3"), InlineData("kill -SEGV $$"), InlineData("no-such-command-here 2>/dev/null")]
    public void A_command_that_fails_is_counted(string command) => Assert.Equal(TaskOutcome.Crashed, Judge(command, "4"));

    [Fact]
    public void One_that_hangs_is_ended()
    {
        var clock = Stopwatch.StartNew();
        Assert.Equal(TaskOutcome.TimedOut, Judge("sleep 60", "4", 0.3));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.2, 20);
    }

    [Fact]
    public void One_that_reads_nothing_or_writes_much_does_not_hang()
    {
        Assert.Equal(TaskOutcome.Right, Judge("exit 0", new string('x', 1 << 20)));
        Assert.Equal(TaskOutcome.Wrong, Judge("head -c 1000000 /dev/zero | tr '\\0' '\\n'; exit 1", "4"));
    }
}
