using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace NativeSteer.Cli.Output;

/// <summary>Takes how much of a long work is done.</summary>
internal interface IProgressReport
{
    /// <summary>Says how far the work is.</summary>
    /// <param name="share">0 to 1.</param>
    /// <param name="detail">Counts, a speed; shown beside the name.</param>
    void Report(double share, string? detail = null);
}

/// <summary>Progress of long work, on stderr: a bar with the time left on a terminal, a line now and then elsewhere.</summary>
internal static class Progress
{
    /// <summary>Does the work and shows how it goes.</summary>
    internal static T Run<T>(Terminal terminal, string name, Func<IProgressReport, T> work) =>
        terminal.ErrorIsTerminal && terminal.Ansi ? WithBar(terminal, name, work) : work(new Lines(terminal, name));

    private static T WithBar<T>(Terminal terminal, string name, Func<IProgressReport, T> work) =>
        Consoles.Create(terminal.Error, terminal, isTerminal: true)
            .Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn())
            .Start(context => work(new Bar(context.AddTask(Markup.Escape(name), maxValue: 1), name)));

    private sealed class Bar(ProgressTask task, string name) : IProgressReport
    {
        public void Report(double share, string? detail = null)
        {
            task.Value = share;
            if (detail is not null) task.Description = Markup.Escape($"{name}: {detail}");
        }
    }

    private sealed class Lines(Terminal terminal, string name) : IProgressReport
    {
        private static readonly TimeSpan s_between = TimeSpan.FromSeconds(20);
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TimeSpan _next = s_between;

        public void Report(double share, string? detail = null)
        {
            if (_clock.Elapsed < _next || share is <= 0 or >= 1) return;
            _next = _clock.Elapsed + s_between;
            var left = (_clock.Elapsed * ((1 - share) / share)).ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture);
            terminal.Note($"{name}: {detail ?? NativeSteer.Cli.Output.Text.Percent(share)}, {left} left");
        }
    }
}
