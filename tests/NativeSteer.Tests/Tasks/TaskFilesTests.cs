using NativeSteer.Tasks;
using Xunit;

namespace NativeSteer.Tests.Tasks;

public sealed class TaskFilesTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(TaskKind.Countdown, """{"nums": [2, 3], "target": 6}""", "2*3=6\nGoal Reached!", "2+3=5\nGoal Reached!")]
    [InlineData(TaskKind.GradeSchool, """{"question": "q", "answer": "so\n#### 1,018"}""", "#### $1018.00", "#### 1019")]
    [InlineData(TaskKind.Mathematics, """{"problem": "q", "solution": "\\boxed{1} no \\boxed{\\frac{1}{2}}"}""", "\\boxed{0.5}", "\\boxed{1}")]
    [InlineData(TaskKind.Exact, """{"prompt": "q", "answer": "blue"}""", " blue\n", "Blue")]
    public void Each_kind_has_its_own_check(TaskKind kind, string line, string right, string wrong)
    {
        File.WriteAllText(_path, line);
        var task = Assert.Single(TaskFiles.Read(_path, kind, PromptTemplate.QwenMath));
        Assert.Equal(TaskOutcome.Right, task.Judge(right).Outcome);
        Assert.Equal(TaskOutcome.Wrong, task.Judge(wrong).Outcome);
        Assert.Equal(TaskOutcome.NoAnswer, task.Judge("").Outcome);
    }

    [Fact]
    public void A_line_without_an_answer_is_named()
    {
        File.WriteAllText(_path, """{"question": "q", "answer": "#### 1"}""" + "\n" + """{"question": "q", "answer": "none"}""");
        var error = Assert.Throws<NativeSteerException>(() => TaskFiles.Read(_path, TaskKind.GradeSchool, PromptTemplate.Plain));
        Assert.Contains(":2: \"answer\" holds no number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_templates_are_the_papers()
    {
        Assert.Equal(
            "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
            + "Please reason step by step, and put your final answer within \\boxed{}.\n\nUser: 1+1? Assistant:",
            PromptTemplate.QwenMath.Apply("1+1?"));
    }
}
