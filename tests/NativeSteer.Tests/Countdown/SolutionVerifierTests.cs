using NativeSteer.Countdown;
using Xunit;
using static NativeSteer.Countdown.CountdownOutcome;

namespace NativeSteer.Tests.Countdown;

/// <summary>Answers to the paper's example, numbers 2, 39, 45 and 10, target 62, and to smaller ones.</summary>
public sealed class SolutionVerifierTests
{
    private static readonly Puzzle s_paper = new([2, 39, 45, 10], 62);

    [Theory]
    // right
    [InlineData("45-39=6\n10*6=60\n2+60=62\nGoal Reached!", Solved)]
    [InlineData("45-39=6\n6*10=60\n60+2=62\nGoal Reached!", Solved)]
    [InlineData("45 - 39 = 6\n10 *6= 60\n 2+60 =62 \nGoal Reached!", Solved)]
    [InlineData("45-39=6\r\n10*6=60\r\n2+60=62\r\nGoal Reached!\r\n", Solved)]
    [InlineData("45-39=6\n\n10*6=60\n2+60=62\n\nGoal Reached!", Solved)]
    [InlineData("45-39=6\n10*6=60\n2+60=62 Goal Reached!", Solved)]
    [InlineData("45-39=6\n10*6=60\n2+60=62\nGoal Reached!\nand more 1+1=3", Solved)]
    [InlineData("We need 62.\n45-39=6\n10*6=60\n2+60=62\nGoal Reached!", Solved)]
    [InlineData("2+39=41\n41 is too small. Wait, try again.\n45-39=6\n10*6=60\n2+60=62\nGoal Reached!", Solved)]
    [InlineData("2+39=99\n99 is too large. Hmm, no.\n45-39=6\n10*6=60\n2+60=62\nGoal Reached!", Solved)] // only the final attempt counts
    [InlineData("39-45=-6\n-6*10=-60\n2--60=62\nGoal Reached!", Solved)]
    [InlineData("39-45=-6\n(-6)*10=-60\n2-(-60)=62\nGoal Reached!", Solved)]
    [InlineData("045-39=6\n10*6=60\n2+60=62\nGoal Reached!", Solved)]
    [InlineData("39/10=3.9\n45-39=6\nGoal Reached!", UnknownNumber)]
    // a number that is not there, or no longer
    [InlineData("45-38=7\n10*7=70\nGoal Reached!", UnknownNumber)]
    [InlineData("45-39=6\n45+6=51\nGoal Reached!", UnknownNumber)]
    [InlineData("45+45=90\nGoal Reached!", UnknownNumber)]
    [InlineData("60+2=62\nGoal Reached!", UnknownNumber)]
    [InlineData("45-39=6\n10*6=60\nWait, go on.\n2+60=62\nGoal Reached!", UnknownNumber)] // a sentence starts over
    [InlineData("123456789012345678901234567890+2=123456789012345678901234567892\nGoal Reached!", UnknownNumber)]
    // arithmetic
    [InlineData("45-39=7\n10*7=70\nGoal Reached!", WrongResult)]
    [InlineData("45-39=6\n10*6=61\n2+60=62\nGoal Reached!", WrongResult)]
    [InlineData("39/2=19\nGoal Reached!", WrongResult)]
    [InlineData("39/10=3.90001\nGoal Reached!", WrongResult)]
    [InlineData("45-39=60000000000000000000000000000000000000000\nGoal Reached!", WrongResult)]
    // form
    [InlineData("Goal Reached!", BadFormat)]
    [InlineData("I think so. Goal Reached!", BadFormat)]
    [InlineData("45-39=6=6\nGoal Reached!", BadFormat)]
    [InlineData("45-39\nGoal Reached!", BadFormat)]
    [InlineData("45^2=2025\nGoal Reached!", BadFormat)]
    [InlineData("(45-39)*10+2=62\nGoal Reached!", BadFormat)]
    [InlineData("45-39=6\n10x6=60\n2+60=62\nGoal Reached!", BadFormat)] // not that 60 is unknown
    [InlineData("45-39=6\n10*6=60\n2+60=62\nThat is it. Goal Reached!", BadFormat)]
    [InlineData("45-39=1/0\nGoal Reached!", BadFormat)]
    // the end
    [InlineData("45-39=6\n10*6=60\n2+60=62", NotReached)]
    [InlineData("45-39=6\n10*6=60\n2+60=62\ngoal reached!", NotReached)]
    [InlineData("45-39=6\nGoal Reached!", NotReached)]
    [InlineData("45-39=6\n10*6=60\n60-2=58\nGoal Reached!", NotReached)]
    [InlineData("2+39=41\n41 is too small.\nGoal not reached.", NotReached)]
    [InlineData("I do not know.", NotReached)]
    [InlineData("", Empty)]
    [InlineData(" \n\t\n", Empty)]
    public void Answers_to_the_papers_example(string answer, CountdownOutcome expected) =>
        Assert.Equal(expected, SolutionVerifier.Judge(s_paper, answer).Outcome);

    [Theory]
    [InlineData("8,3,3,8", 24, "8/3=8/3\n3-8/3=1/3\n8/1/3=24\nGoal Reached!", UnknownNumber)] // read as 8/1 by 3
    [InlineData("8,3,3,8", 24, "8/3=8/3\n3-8/3=1/3\n8/(1/3)=24\nGoal Reached!", Solved)]
    [InlineData("8,3,3,8", 24, "8/3=2.67\nGoal Reached!", WrongResult)]
    [InlineData("1,2,3", 6, "1/2=0.5\n3/0.5=6\nGoal Reached!", Solved)]
    [InlineData("1,2,3", 6, "1/2=.5\nGoal Reached!", BadFormat)]
    [InlineData("5,5,3", 3, "5-5=0\n0+3=3\nGoal Reached!", Solved)]
    [InlineData("5,5,3", 3, "5-5=0\n3/0=3\nGoal Reached!", DivisionByZero)]
    [InlineData("5,5,2", 5, "5*2=10\n10-5=5\nGoal Reached!", Solved)] // one of two equal numbers is used up
    [InlineData("5,3,2", 5, "5*2=10\n10-5=5\nGoal Reached!", UnknownNumber)]
    [InlineData("9999,9999,9999", 1, "9999*9999=99980001\n99980001/9999=9999\nGoal Reached!", NotReached)]
    [InlineData("7", 7, "Goal Reached!", Solved)] // nothing to do
    public void Answers_to_others(string numbers, int target, string answer, CountdownOutcome expected) =>
        Assert.Equal(expected, SolutionVerifier.Judge(new Puzzle([.. numbers.Split(',').Select(int.Parse)], target), answer).Outcome);

    [Fact]
    public void The_papers_rule_lets_numbers_be_left_over()
    {
        const string answer = "2+60=62\n";
        var puzzle = new Puzzle([2, 60, 5], 62);
        Assert.Equal(NotReached, SolutionVerifier.Judge(puzzle, answer + "Goal Reached!").Outcome);
        var lax = new VerifierOptions { RequireAllNumbers = false };
        Assert.Equal(Solved, SolutionVerifier.Judge(puzzle, answer + "Goal Reached!", lax).Outcome);
        Assert.Equal(NotReached, SolutionVerifier.Judge(puzzle, answer + "62-5=57\nGoal Reached!", lax).Outcome);
    }

    [Fact]
    public void The_whole_text_is_counted()
    {
        var verdict = SolutionVerifier.Judge(s_paper, """
            Note that 62=2*31.
            45-39=6
            10*6=61
            61 is too small. Wait, (wait) "Hmm..." but waiting, hmmm.
            45-39=6
            36 is too far. HMM, no.
            45-39=6
            10*6=60
            2+60=62
            Goal Reached!
            """);
        Assert.Equal(
            new Verdict(Solved) { Attempts = 3, Steps = 6, RightSteps = 5, BacktrackingWords = 4, FirstAttemptRight = false }, verdict);
    }

    [Fact]
    public void The_first_attempt_is_right_also_where_it_is_not_claimed()
    {
        Assert.True(SolutionVerifier.Judge(s_paper, "45-39=6\n10*6=60\n2+60=62\nWait, no.\n2+39=41\nGoal Reached!") is { FirstAttemptRight: true, IsSolved: false });
        Assert.Equal(1, SolutionVerifier.Judge(s_paper, "45-39=6\n10*6=61\nGoal Reached!").FailedStep);
    }

    [Fact]
    public void Long_lines_and_numbers_end_in_bounded_time()
    {
        var digits = new string('9', 100_000);
        Assert.Equal(BadFormat, SolutionVerifier.Judge(s_paper, $"{digits}+1={digits}\nGoal Reached!").Outcome);
        Assert.Equal(BadFormat, SolutionVerifier.Judge(s_paper, $"{digits[..2000]}+1={digits[..2000]}\nGoal Reached!").Outcome);
        Assert.Equal(NotReached, SolutionVerifier.Judge(s_paper, string.Concat(Enumerable.Repeat("1-", 50_000))).Outcome);
    }

    [Theory]
    [InlineData(5, 10, 0.2366, 0.7634)]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    [InlineData(731, 1000, 0.7027, 0.7576)]
    public void Intervals_are_Wilsons(int solved, int of, double low, double high)
    {
        var share = Share.Of(solved, of);
        Assert.Equal((double)solved / of, share.Value);
        Assert.Equal(low, share.Low, 4);
        Assert.Equal(high, share.High, 4);
    }
}
