using NativeSteer.Engine;

namespace NativeSteer.Tasks;

/// <summary>
/// How a question is put to a model: the templates of Sinii et al. (arXiv 2505.18706). The begin token is no part of the text;
/// <see cref="Vocabulary.TokenizePrompt"/> puts it before.
/// </summary>
public sealed class PromptTemplate
{
    /// <summary>What models that follow instructions are told.</summary>
    public const string Instruction = @"Please reason step by step, and put your final answer within \boxed{}.";

    private const string Conversation = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. ";

    private const string Thinking =
        "A conversation between User and Assistant. The User asks a question, and the Assistant solves it. The Assistant first thinks about "
        + "the reasoning process in the mind and then provides the User with the answer. The reasoning process is enclosed within <think> </think> "
        + "and answer is enclosed within <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here "
        + "</answer>.";

    private readonly Func<string, string> _apply;

    private PromptTemplate(string name, Func<string, string> apply) => (Name, _apply) = (name, apply);

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["plain", "qwen-math", "r1", "chat"];

    /// <summary>The question alone.</summary>
    public static PromptTemplate Plain { get; } = new("plain", question => question);

    /// <summary>For base models: <c>... \boxed{}.\n\nUser: QUESTION Assistant:</c> (the paper's <c>qwen_math</c>).</summary>
    public static PromptTemplate QwenMath { get; } = new("qwen-math", question => $"{Conversation}{Instruction}\n\nUser: {question} Assistant:");

    /// <summary>For base models, the answer in <c>&lt;answer&gt;</c> (the paper's <c>r1</c>).</summary>
    public static PromptTemplate Reasoning { get; } = new("r1", question => $"{Thinking}\nUser: {question}\nAssistant: <think>");

    /// <summary>The template's name.</summary>
    public string Name { get; }

    /// <summary>Whether the answer is to stand between tags; otherwise in <c>\boxed{}</c>.</summary>
    public bool UsesTags => ReferenceEquals(this, Reasoning);

    /// <summary>The model's own chat template, with <see cref="Instruction"/> as its system message.</summary>
    /// <exception cref="NativeSteerException">The model has no chat template, or one that llama.cpp does not know.</exception>
    public static PromptTemplate Chat(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new("chat", question => ChatTemplate.Apply(model, [new("system", Instruction), new("user", question)]));
    }

    /// <summary>The template of a name.</summary>
    /// <exception cref="NativeSteerException">There is none of that name, or the model has no chat template.</exception>
    public static PromptTemplate Parse(string name, LanguageModel model) => name switch
    {
        "plain" => Plain,
        "qwen-math" => QwenMath,
        "r1" => Reasoning,
        "chat" => Chat(model),
        _ => throw new NativeSteerException($"There is no prompt template '{name}'; give {string.Join(", ", Names)}."),
    };

    /// <summary>The text before the answer.</summary>
    public string Apply(string question) => _apply(question);

    /// <summary>The answer in a text that followed the template, or null.</summary>
    public string? Answer(string text) => UsesTags && AnswerText.Tagged(text) is { } tagged ? AnswerText.Boxed(tagged) ?? tagged : UsesTags ? null : AnswerText.Boxed(text);
}
