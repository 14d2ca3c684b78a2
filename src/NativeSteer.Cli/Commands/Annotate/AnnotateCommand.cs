using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Extraction;
using NativeSteer.Judges;

namespace NativeSteer.Cli.Commands.Annotate;

/// <summary><c>annotate</c></summary>
internal sealed class AnnotateCommand : Verb
{
    private readonly TextSetting _file = new("FILE", "The traces, JSONL (see above)", "--file", "-f");
    private readonly JudgeSettings _judge = new();
    private readonly TextSetting _output = CommonSettings.Output("Where to write (default: stdout)");
    private readonly Flag _resume = new("Go on with the file of -o, leaving out what it has", "--resume");
    private readonly Flag _json = new("Print the summary as JSON, with -o", "--json");

    internal AnnotateCommand() : base("annotate", "Label what traces do, by keywords or by a judging model")
    {
        Details = """
            Traces are logs of 'generate', files of 'countdown generate', the papers' records {"task_id", "problem",
            "reasoning_chain"}, or lines with a "text". What comes out is what 'vector extract --traces' reads: {"text", "spans":
            [{"label", "from", "to"}], ...}, with the papers' form ["label"] text ["end-section"] beside it.
            Without a judging model, a sentence with one of the words is 'backtracking' and any other one 'other'. A model behind
            an OpenAI-compatible endpoint (--judge-model) or a GGUF (--judge-gguf) labels six behaviours: initializing, deduction,
            adding-knowledge, example-testing, uncertainty-estimation, backtracking. The endpoint's answers are kept and never
            asked for twice. 'nativesteer annotate agreement A.jsonl B.jsonl' compares two judges.
            """;
        AddGroup("Traces", _file, _judge.FromAnnotations);
        AddGroup("Judge", _judge.Which);
        AddGroup("Endpoint", _judge.Endpoint);
        AddGroup("GGUF", _judge.Local);
        AddGroup("Output", _output, _resume, _json);
        AddExample("annotate -f run.jsonl -o annotated.jsonl", "sentences with wait or hmm");
        AddExample("annotate -f run.jsonl --judge-model gpt-4o --price 2.5,10 -o judged.jsonl --resume", "six behaviours, by OpenAI's model");
        AddExample("annotate -f run.jsonl --judge-model judge --base-url http://localhost:8080/v1 -o judged.jsonl", "by a server of yours");
        AddExample("annotate -f run.jsonl --judge-gguf instruct.gguf -np 16 -o judged.jsonl", "by a model in this process");
        AddExample("annotate -f annotated.json --from-annotations -o spans.jsonl", "annotations that exist, as spans");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (output, resume, json) = (_output.Get(parse), _resume.IsGiven(parse), _json.IsGiven(parse));
        if (resume && output is null) throw new UsageException("--resume needs the file to go on with; name it with -o.");
        if (json && output is null) throw new UsageException("--json prints the summary of a file; name the file with -o.");
        var path = _file.Require(parse);
        if (output is not null && string.Equals(System.IO.Path.GetFullPath(output), System.IO.Path.GetFullPath(path), StringComparison.Ordinal))
            throw new UsageException("-o is the file of -f, which it would replace; name another one.");
        _judge.Check(parse, output);
        using var judge = _judge.Open(parse, path, output, terminal, stop);
        var report = new AnnotationReport();
        using var begun = resume ? AnnotationWriter.Continue(output!, judge.Judge) : null;
        Count(begun, judge.Traces, report, output, terminal);
        var traces = begun?.Missing(judge.Traces) ?? judge.Traces;
        judge.Announce(traces);
        using var target = new AnnotationTarget(begun, output, judge.Judge);
        Judge(judge, traces, target, report, terminal, stop);
        return Finish(parse, report, judge, terminal, output);
    }

    private static void Judge(
        OpenJudge judge, IReadOnlyList<LabelledTrace> traces, AnnotationTarget target, AnnotationReport report, Terminal terminal, CancellationToken stop)
    {
        var failures = new FailureNotes(terminal);
        try
        {
            Progress.Run(terminal, "Judging", shown =>
            {
                var progress = new JudgeReport(shown);
                foreach (var annotation in judge.Judge.Annotate(traces, progress, stop))
                {
                    report.Add(annotation);
                    failures.Add(annotation);
                    target.Write(annotation);
                    if (!target.IsFile && annotation.Failure is null) Print(annotation, judge.Judge, terminal);
                }
                return report.Traces;
            });
        }
        catch (OperationCanceledException)
        {
            terminal.Note($"{report.Traces - report.Unlabelled} of {judge.Traces.Count} traces are labelled" + (target.IsFile ? "; --resume goes on with the others" : ""));
            throw;
        }
    }

    private int Finish(ParseResult parse, AnnotationReport report, OpenJudge judge, Terminal terminal, string? output)
    {
        var view = new AnnotationView(report, judge.Judge);
        if (output is null) terminal.Note(view.Line());
        else if (_json.IsGiven(parse)) Json.PrintObject(terminal, view.Write);
        else view.Print(terminal);
        judge.Close();
        if (report.Unlabelled == report.Traces) throw new NativeSteerException($"None of {report.Traces} traces could be labelled; what the judge said stands above.");
        if (judge.Judge is KeywordJudge words) report.RequireLabel(words.Label, $"the {words.Settings}");
        return ExitCode.Done;
    }

    // What an earlier run wrote is part of the summary.
    private static void Count(AnnotationWriter? writer, IReadOnlyList<LabelledTrace> traces, AnnotationReport report, string? output, Terminal terminal)
    {
        if (writer is null || writer.Finished.Count == 0) return;
        foreach (var trace in traces)
        {
            if (writer.Finished.TryGetValue(trace.Id, out var known)) report.Add(known);
        }
        terminal.Note($"{output} has {report.Traces} of {traces.Count} traces; going on with the rest");
    }

    private static void Print(Annotation annotation, IJudge judge, Terminal terminal)
    {
        Json.Print(terminal, json => json.Object(fields => AnnotationLines.Write(fields, annotation, judge)), indented: false);
        terminal.Flush();
    }

    /// <summary>Names the traces that could not be labelled; after the first ones the summary counts them.</summary>
    private sealed class FailureNotes(Terminal terminal)
    {
        private const int Most = 10;
        private int _count;

        internal void Add(Annotation annotation)
        {
            if (annotation.Failure is null) return;
            _count++;
            if (_count <= Most) terminal.Note($"{annotation.Trace.Place}: unlabelled: {Text.OneLine(annotation.Failure)}");
            if (_count == Most + 1) terminal.Note("more traces are unlabelled; they are counted at the end");
        }
    }

    /// <summary>Where annotations go. What stood in a file goes only once there is a labelled trace to replace it.</summary>
    private sealed class AnnotationTarget(AnnotationWriter? begun, string? path, IJudge judge) : IDisposable
    {
        private readonly List<Annotation> _waiting = []; // unlabelled ones before the first labelled one
        private AnnotationWriter? _fresh;

        internal bool IsFile => path is not null;

        internal void Write(Annotation annotation)
        {
            if (path is null) return;
            if ((begun ?? _fresh) is { } writer)
            {
                writer.Write(annotation);
                return;
            }
            _waiting.Add(annotation);
            if (annotation.Failure is not null) return;
            _fresh = AnnotationWriter.Create(path, judge);
            foreach (var waiting in _waiting) _fresh.Write(waiting);
        }

        public void Dispose() => _fresh?.Dispose();
    }

    private sealed class JudgeReport(IProgressReport report) : IProgress<JudgeProgress>
    {
        private readonly Lock _lock = new(); // an endpoint's answers come on several threads

        public void Report(JudgeProgress value)
        {
            lock (_lock) report.Report((double)value.Done / Math.Max(1, value.Total), $"{value.Done} of {value.Total}");
        }
    }
}
