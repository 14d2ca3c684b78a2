using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Judges;
using NativeSteer.Rollouts;

namespace NativeSteer.Studies;

/// <summary>The first stages of a study: what the reasoning model writes, and what is said in it.</summary>
internal sealed class TraceStage(BacktrackingOptions options, StudyFolder folder)
{
    private const long Seed = 0; // its own, so that other seeds of the cells leave traces and vectors as they are

    /// <summary>Told what a reader should know and is no error, a line each.</summary>
    internal Action<string>? Note { get; init; }

    /// <summary>Writes the traces, or goes on where it was interrupted.</summary>
    internal void Write(LanguageModel model, StudyHead head, bool resume, Action<double, string> progress, CancellationToken cancellation)
    {
        using var log = head.Open(folder.Traces, resume);
        var requests = options.TracePrompts.Select((prompt, i) =>
            prompt.Request(model.Vocabulary, options.TraceTokens, options.Sampling, StudyPrompt.SamplingSeed(Seed, i))).ToList();
        var longest = requests.Max(request => request.Prompt.Count) + options.TraceTokens;
        var context = RolloutBlocks.Fit(model, longest, options.Context);
        RolloutRunner? runner = null;
        InferenceContext? running = null;
        try
        {
            var done = 0;
            foreach (var block in requests.Chunk(RolloutBlocks.Turns * context.Sequences))
            {
                if (!log.TryPass(block.Length))
                {
                    running ??= model.CreateContext(context);
                    runner ??= new RolloutRunner(running);
                    var before = done;
                    var finished = runner.Statistics.Finished;
                    runner.Stepped = statistics => Report(before + statistics.Finished - finished);
                    var rollouts = RolloutBlocks.Run(runner, block, cancellation);
                    for (var i = 0; i < rollouts.Count; i++)
                    {
                        var (prompt, rollout) = (options.TracePrompts[before + i], rollouts[i]);
                        log.Write(json => RolloutLine.Write(json, rollout, prompt.Id, prompt.Text, sample: 1));
                    }
                }
                done += block.Length;
                Report(done);
            }
        }
        finally
        {
            runner?.Dispose();
            running?.Dispose();
        }

        void Report(int done) => progress((double)done / requests.Count, $"{done} of {requests.Count} traces");
    }

    /// <summary>Labels the traces, or reads those that were labelled elsewhere.</summary>
    /// <exception cref="NativeSteerException">No sentence has the label.</exception>
    internal (IReadOnlyList<LabelledTrace> Traces, AnnotationReport Report, StudyAgreement? Agreement) Annotate(Action<double, string> progress, CancellationToken cancellation)
    {
        var report = new AnnotationReport();
        if (options.Annotations is { } path)
        {
            IReadOnlyList<LabelledTrace> given = [.. LabelledTraces.Read(path).Select((trace, i) => trace.Id.Length > 0 ? trace : trace with { Id = $"{i + 1}" })];
            foreach (var trace in given) report.Add(trace);
            return (WithoutSteered(given), report, Agreement(given, "given"));
        }
        var traces = TraceFiles.Read(folder.Traces);
        var annotations = new Dictionary<string, Annotation>(StringComparer.Ordinal);
        var told = new Relay(judged => progress((double)judged.Done / Math.Max(1, judged.Total), $"{judged.Done} of {judged.Total}"));
        foreach (var annotation in options.Judge.Annotate(traces, told, cancellation))
        {
            annotations[annotation.Trace.Id] = annotation;
            report.Add(annotation);
        }
        report.RequireLabel(options.Label, $"the {options.Judge.Settings}");
        // In the order of the traces, whatever order a judge answers in.
        var ordered = traces.Select(trace => annotations[trace.Id]).ToList();
        AtomicFile.Write(folder.Annotated, stream => JsonLinesWriter.Write(stream, ordered, (json, annotation) => AnnotationLines.Write(json, annotation, options.Judge)));
        IReadOnlyList<LabelledTrace> judged = [.. ordered.Select(annotation => annotation.Trace)];
        return (WithoutSteered(judged), report, null); // both judges there are label by these words
    }

    // A vector must not know the prompts that it is tried on.
    private IReadOnlyList<LabelledTrace> WithoutSteered(IReadOnlyList<LabelledTrace> traces)
    {
        var steered = options.Prompts.Select(prompt => prompt.Text.Trim()).ToHashSet(StringComparer.Ordinal);
        IReadOnlyList<LabelledTrace> others = [.. traces.Where(trace => !steered.Contains(trace.Prompt.Trim()))];
        if (others.Count < traces.Count) Note?.Invoke($"{traces.Count - others.Count} of {traces.Count} traces were left out: their prompts are among those that are steered on");
        return others.Count > 0 ? others : throw new NativeSteerException("Every trace is of a prompt that is steered on; give prompts of their own to steer on (-f, --prompts).");
    }

    /// <summary>How well keywords alone find what the judge labelled; null where no trace has a text to look into.</summary>
    private StudyAgreement? Agreement(IReadOnlyList<LabelledTrace> judged, string against)
    {
        IReadOnlyList<LabelledTrace> texts = [.. judged.Where(trace => trace.Text.Length > 0 && trace.Unit == SpanUnit.CodePoints)];
        if (texts.Count == 0) return null;
        var keywords = new KeywordJudge(options.Words) { Label = options.Label };
        var agreement = JudgeAgreement.Of(keywords.Annotate(texts).Select(annotation => annotation.Trace), texts, [options.Label]);
        var found = agreement.Labels[0];
        return new StudyAgreement(keywords.Name, against, found.Precision, found.Recall, found.F1, found.Kappa, agreement.Sentences);
    }

    /// <summary>The settings of the traces' own log.</summary>
    internal JsonObject Settings(LanguageModel model) => new(StudyHead.Rounding(model, options.Context))
    {
        ["prompts"] = options.TracePrompts.Count,
        ["prompts_hash"] = StudyPrompt.Hash(options.TracePrompts),
        ["samples"] = 1,
        ["max_tokens"] = options.TraceTokens,
        ["temperature"] = options.Sampling.Temperature,
        ["top_k"] = options.Sampling.TopK,
        ["top_p"] = options.Sampling.TopP,
        ["min_p"] = options.Sampling.MinP,
    };

    private sealed class Relay(Action<JudgeProgress> target) : IProgress<JudgeProgress>
    {
        public void Report(JudgeProgress value) => target(value);
    }
}
