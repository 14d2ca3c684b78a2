using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Options;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>The rollouts of a run: prompts tokenized, vectors read, everything checked against the model.</summary>
internal sealed class RolloutJobs
{
    private const int Granularity = 256; // llama.cpp rounds the cache up to this

    private readonly Dictionary<string, SteeringVector> _vectors = new(StringComparer.Ordinal);
    private readonly List<Job> _jobs = [];

    internal RolloutJobs(RunSettings settings, LanguageModel model)
    {
        Settings = settings;
        Model = model;
        var common = Plan(settings.Steer);
        var own = new Dictionary<string, SteeringPlan>(StringComparer.Ordinal); // equal plans are one, so that they share prompts
        foreach (var prompt in settings.Prompts)
        {
            var plan = common;
            if (prompt.Steer is { } steer)
            {
                var key = string.Join('\n', steer.Select(spec => spec.ToJson().ToJsonString()));
                if (!own.TryGetValue(key, out plan)) own.Add(key, plan = Plan(steer));
            }
            _jobs.Add(new Job(prompt, Tokenize(prompt.Text), plan, prompt.Steer ?? settings.Steer));
        }
    }

    internal RunSettings Settings { get; }

    internal LanguageModel Model { get; }

    /// <summary>Number of rollouts.</summary>
    internal int Count => _jobs.Count * Settings.Samples;

    /// <summary>What a rollout was made of, by its id.</summary>
    internal Dictionary<string, Source> Sources { get; } = new(StringComparer.Ordinal);

    /// <summary>A prompt of the run, ready to be decoded.</summary>
    internal sealed record Job(PromptSpec Prompt, int[] Tokens, SteeringPlan Plan, IReadOnlyList<SteerSpec> Steer);

    /// <summary>A rollout's prompt, and which of its samples it is.</summary>
    internal sealed record Source(Job Job, int Sample);

    /// <summary>The context asked for, or what all sequences need with the longest prompt.</summary>
    internal int ContextLength(ContextOptions options)
    {
        if (options.ContextLength > 0) return options.ContextLength;
        long each = _jobs.Max(job => job.Tokens.Length + (long)MaxTokens(job) + 1);
        var all = (each * options.Sequences + Granularity - 1) / Granularity * Granularity;
        return (int)Math.Min(all, int.MaxValue / 2);
    }

    /// <summary>Throws at once for a prompt that would stop the run half way.</summary>
    internal void RequireFit(InferenceContext context)
    {
        foreach (var job in _jobs)
        {
            if (job.Tokens.Length < context.Options.ContextLength) continue;
            throw new NativeSteerException(
                $"Prompt {job.Prompt.Id} has {job.Tokens.Length} tokens, the context holds {context.Options.ContextLength}; "
                + "give a longer one with -c, or a shorter prompt.");
        }
    }

    /// <summary>The rollouts in order, seeds counted up, without those that are finished already.</summary>
    internal List<RolloutRequest> Requests(IReadOnlySet<string> finished)
    {
        var requests = new List<RolloutRequest>();
        for (var i = 0; i < Count; i++)
        {
            var job = _jobs[i / Settings.Samples];
            var sample = i % Settings.Samples;
            var id = Settings.Samples == 1 ? job.Prompt.Id : $"{job.Prompt.Id}/{sample + 1}";
            if (finished.Contains(id)) continue;
            if (!Sources.TryAdd(id, new Source(job, sample)))
                throw new NativeSteerException($"The id '{id}' stands for two rollouts; give the prompts other ids.");
            requests.Add(new RolloutRequest(job.Tokens)
            {
                Id = id,
                Plan = job.Plan,
                Sampling = Settings.Sampling with { Seed = unchecked(Settings.Sampling.Seed + (uint)i) },
                MaxTokens = MaxTokens(job),
                Stop = Settings.Stop,
            });
        }
        return requests;
    }

    private int MaxTokens(Job job) =>
        Settings.MaxTokens >= 0 ? Settings.MaxTokens : Math.Max(1, Model.TrainedContextLength - job.Tokens.Length);

    private int[] Tokenize(string text)
    {
        if (!Settings.Chat) return Model.Vocabulary.TokenizePrompt(text);
        var messages = new List<ChatMessage>();
        if (Settings.System is { } system) messages.Add(new ChatMessage("system", system));
        messages.Add(new ChatMessage("user", text));
        return Model.Vocabulary.TokenizePrompt(ChatTemplate.Apply(Model, messages));
    }

    private SteeringPlan Plan(IReadOnlyList<SteerSpec> specs)
    {
        if (specs.Count == 0) return SteeringPlan.None;
        var plan = new SteeringPlan(specs.Select(spec => spec.Resolve(VectorOf(spec.Path), Model.Shape)).ToList());
        plan.CheckAgainst(Model.Shape);
        return plan;
    }

    private SteeringVector VectorOf(string path)
    {
        if (!_vectors.TryGetValue(path, out var vector)) _vectors.Add(path, vector = VectorFiles.Read(path));
        return vector;
    }
}
