using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class JudgeAgreementTests
{
    // Ten sentences of three code points each.
    private const string Text = "a1. a2. a3. a4. a5. a6. a7. a8. a9. b1.";

    [Fact]
    public void A_label_is_counted_by_hand()
    {
        // A marks sentences 1 to 4, B marks 3 to 5: both 2, only A 2, only B 1, neither 5.
        var agreement = JudgeAgreement.Of([Marked("x", 1, 2, 3, 4)], [Marked("x", 3, 4, 5)]);
        var x = Assert.Single(agreement.Labels);
        Assert.Equal((2, 2, 1), (x.Both, x.OnlyFirst, x.OnlySecond));
        Assert.Equal(0.5, x.Precision, 1e-12);
        Assert.Equal(2.0 / 3, x.Recall, 1e-12);
        Assert.Equal(4.0 / 7, x.F1, 1e-12);
        // Agreement 0.7; by chance 0.4 * 0.3 + 0.6 * 0.7 = 0.54; kappa 0.16 / 0.46.
        Assert.Equal(0.16 / 0.46, x.Kappa, 1e-12);
        Assert.Equal((10, 1, 0, 0), (agreement.Sentences, agreement.Traces, agreement.OnlyFirst, agreement.OnlySecond));
        Assert.Equal(x with { Label = "" }, agreement.Overall);
    }

    [Fact]
    public void Over_all_labels_pairs_are_counted_and_kappa_has_a_class_for_none()
    {
        // A: x on 1-4, y on 5-6. B: x on 1-3, y on 4-6 and on 7. Agreement 1-3, 5-6, 8-10: 0.8.
        var agreement = JudgeAgreement.Of([Joined(Marked("x", 1, 2, 3, 4), Marked("y", 5, 6))], [Joined(Marked("x", 1, 2, 3), Marked("y", 4, 5, 6, 7))]);
        Assert.Equal(["x", "y"], agreement.Labels.Select(label => label.Label));
        Assert.Equal((5, 1, 2), (agreement.Overall.Both, agreement.Overall.OnlyFirst, agreement.Overall.OnlySecond));
        // By chance x 0.4 * 0.3, y 0.2 * 0.4, none 0.4 * 0.3.
        Assert.Equal((0.8 - 0.32) / (1 - 0.32), agreement.Overall.Kappa, 1e-12);
        Assert.Equal("y", Assert.Single(JudgeAgreement.Of([Marked("x", 1), Marked("y", 1)], [Marked("y", 1), Marked("y", 2)], ["y"]).Labels).Label);
    }

    [Fact]
    public void A_sentence_has_a_label_when_more_than_half_of_it_is_covered()
    {
        const string text = "abcd. Wait";
        var whole = new LabelledTrace(text, [new("x", 0, 5), new("x", 6, 10)]);
        Assert.Equal(1, Both(new TraceSpan("x", 0, 3)));
        Assert.Equal(0, Both(new TraceSpan("x", 0, 2)));
        Assert.Equal(0, Both(new TraceSpan("x", 8, 10))); // half is not more than half
        Assert.Equal(0, Both(new TraceSpan("x", 0, 2), new("x", 1, 2))); // twice the same counts once
        Assert.Equal(1, Both(new TraceSpan("x", 0, 2), new TraceSpan("x", 4, 6)));
        Assert.Equal(2, Both(new TraceSpan("x", 2, 9)));

        int Both(params TraceSpan[] spans) => JudgeAgreement.Of([new LabelledTrace(text, spans)], [whole]).Overall.Both;
    }

    [Fact]
    public void Perfect_agreement_is_1_and_agreement_by_chance_0()
    {
        Assert.Equal((1, 1, 1, 1), Numbers(Marked("x", 1, 5), Marked("x", 1, 5)));
        // Half of each half: 0.5 agree, 0.5 by chance.
        var (_, _, _, kappa) = Numbers(new LabelledTrace("a. b. c. d.", [new("x", 0, 2), new("x", 3, 5)]), new LabelledTrace("a. b. c. d.", [new("x", 0, 2), new("x", 6, 8)]));
        Assert.Equal(0, kappa, 1e-12);
        var one = JudgeAgreement.Of([Marked("x", 1)], [Marked("y", 1)]);
        Assert.Equal((0.0, double.NaN), (one.Labels[0].Precision, one.Labels[0].Recall));
        Assert.Equal(double.NaN, JudgeAgreement.Of([new LabelledTrace("a.", [new("x", 0, 2)])], [new LabelledTrace("a.", [new("x", 0, 2)])]).Overall.Kappa);

        static (double, double, double, double) Numbers(LabelledTrace a, LabelledTrace b) =>
            JudgeAgreement.Of([a], [b]).Overall is var all ? (all.Precision, all.Recall, all.F1, all.Kappa) : default;
    }

    [Fact]
    public void Traces_are_put_together_by_their_text_equal_ones_in_order()
    {
        var other = new LabelledTrace("other.", []);
        var agreement = JudgeAgreement.Of([Marked("x", 1), Marked("x", 2), other], [Marked("x", 1), new("third.", []), Marked("x", 2), Marked("x", 3)]);
        Assert.Equal((2, 1, 2, 2), (agreement.Traces, agreement.OnlyFirst, agreement.OnlySecond, agreement.Overall.Both));
        Assert.Equal(0, agreement.Overall.OnlyFirst + agreement.Overall.OnlySecond);
        Fails.With(() => JudgeAgreement.Of([other], [Marked("x", 1)]), "no trace in common");
        Fails.With(() => JudgeAgreement.Of([other], [other], ["x"]), "the label 'x'", "none");
        Fails.With(() => JudgeAgreement.Of([other with { Unit = SpanUnit.Tokens, Tokens = [1] }], [other]), "count tokens");
    }

    private static LabelledTrace Marked(string label, params int[] sentences) =>
        new(Text, [.. sentences.Select(i => new TraceSpan(label, 4 * (i - 1), 4 * (i - 1) + 3))]);

    private static LabelledTrace Joined(LabelledTrace a, LabelledTrace b) => a with { Spans = [.. a.Spans, .. b.Spans] };
}
