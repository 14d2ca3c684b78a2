using NativeSteer.Countdown;

namespace NativeSteer.Tasks;

/// <summary>Compares answers that were understood; the conventions are those of <see cref="MathEquivalence"/>.</summary>
internal sealed class MathComparison(MathAlgebra algebra)
{
    internal bool AreEqual(MathAnswer gold, MathAnswer answer)
    {
        (gold, answer) = (AsInterval(gold), AsInterval(answer));
        return (gold, answer) switch
        {
            (MathRelation left, MathRelation right) => Relations(left, right),
            (MathRelation { Sign: '=' } equation, _) => IsName(equation.Left) && AreEqual(equation.Right, answer),
            (_, MathRelation { Sign: '=' } equation) => IsName(equation.Left) && AreEqual(gold, equation.Right),
            (MathValue left, MathValue right) => Values(left, right),
            (MathList { IsSet: true, Parts: [var only] }, not MathList) => AreEqual(only, answer),
            (not MathList, MathList { IsSet: true, Parts: [var only] }) => AreEqual(gold, only),
            (MathList left, MathList right) => left.Open == right.Open && left.Close == right.Close
                && (left.IsSet ? Sets(left.Parts, right.Parts) : Sequences(left.Parts, right.Parts)),
            (MathUnion left, MathUnion right) => Sets(left.Parts, right.Parts),
            (MathMatrix left, MathMatrix right) => left.Rows.Count == right.Rows.Count
                && left.Rows.Zip(right.Rows).All(rows => Sequences(rows.First, rows.Second)),
            _ => false,
        };
    }

    private bool Values(MathValue gold, MathValue answer)
    {
        if (gold.Unit is not null && answer.Unit is not null && !string.Equals(gold.Unit, answer.Unit, StringComparison.Ordinal)) return false;
        if (gold.Base is not null && answer.Base is not null && !string.Equals(Base(gold.Base), Base(answer.Base), StringComparison.Ordinal)) return false;
        if (gold.Base is null && answer.Base is not null && Base(answer.Base) is not "10") return false; // an answer that says more must be right in it
        if (Values(gold.Value, answer.Value)) return true;
        if (gold.IsPercent == answer.IsPercent) return false;
        var hundred = MathQuotient.Of(100);
        return gold.IsPercent ? Values(algebra.Divide(gold.Value, hundred), answer.Value) : Values(gold.Value, algebra.Divide(answer.Value, hundred));
    }

    private bool Values(MathQuotient gold, MathQuotient answer) =>
        algebra.AreEqual(gold, answer) || ((gold.HasOpaque || answer.HasOpaque) && MathNumeric.AreEqual(gold, answer));

    private bool Sequences(IReadOnlyList<MathAnswer> gold, IReadOnlyList<MathAnswer> answer) =>
        gold.Count == answer.Count && gold.Zip(answer).All(parts => AreEqual(parts.First, parts.Second));

    // In any order, each as often.
    private bool Sets(IReadOnlyList<MathAnswer> gold, IReadOnlyList<MathAnswer> answer)
    {
        if (gold.Count != answer.Count) return false;
        var left = gold.ToList();
        return answer.All(part =>
        {
            var found = left.FindIndex(other => AreEqual(other, part));
            if (found >= 0) left.RemoveAt(found);
            return found >= 0;
        });
    }

    private bool Relations(MathRelation gold, MathRelation answer)
    {
        if (gold is { Sign: '=', Right: not MathValue } || answer is { Sign: '=', Right: not MathValue })
            return gold.Sign == answer.Sign && AreEqual(gold.Left, answer.Left) && AreEqual(gold.Right, answer.Right);
        if (Sides(gold) is not { } left || Sides(answer) is not { } right) return false;
        if (left.IsZero || right.IsZero) return gold.Sign == answer.Sign && left.IsZero && right.IsZero;
        // Multiples of each other; a negative one turns an inequality.
        var term = left.Terms.First();
        if (!right.Terms.TryGetValue(term.Key, out var same)) return false;
        var factor = same.Coefficient / term.Value.Coefficient;
        var scaled = algebra.Multiply(new(left, MathQuotient.One), MathQuotient.Of(factor));
        if (!algebra.AreEqual(scaled, new(right, MathQuotient.One))) return false;
        return answer.Sign == (factor.Numerator.Sign < 0 ? Turned(gold.Sign) : gold.Sign);
    }

    // The left side less the right one, over nothing; null where a side is no value.
    private MathPolynomial? Sides(MathRelation relation) => relation is { Left: MathValue left, Right: MathValue right }
        ? algebra.Difference(left.Value, right.Value) : null;

    // x > 2 is (2, oo), -2 <= x < 7 is [-2, 7), and several such joined by "or" are a union.
    private static MathAnswer AsInterval(MathAnswer answer)
    {
        var infinity = new MathValue(MathQuotient.Of(new MathAtom("∞")));
        switch (answer)
        {
            case MathList { IsSet: true, Parts.Count: > 1 } list when list.Parts.All(part => part is MathRelation && AsInterval(part) is MathList):
                return new MathUnion([.. list.Parts.Select(AsInterval)]);
            case MathRelation { Sign: var first, Left: MathValue from, Right: MathRelation { Sign: var second, Left: var middle, Right: MathValue to } } when IsName(middle):
                return (first, second) switch
                {
                    ('<' or '≤', '<' or '≤') => Interval(from, first, to, second),
                    ('>' or '≥', '>' or '≥') => Interval(to, second, from, first),
                    _ => answer,
                };
            case MathRelation { Sign: '<' or '≤' or '>' or '≥', Left: var left, Right: MathValue end } relation when IsName(left) && end.Value.Number is not null:
                return relation.Sign is '<' or '≤' ? Interval(Negative(), '<', end, relation.Sign) : Interval(end, relation.Sign, infinity, '<');
            case MathRelation { Sign: '<' or '≤' or '>' or '≥', Left: MathValue end, Right: var right } relation when IsName(right) && end.Value.Number is not null:
                return relation.Sign is '>' or '≥' ? Interval(Negative(), '<', end, relation.Sign) : Interval(end, relation.Sign, infinity, '<');
            default:
                return answer;
        }

        MathValue Negative() => new(MathAlgebra.Negate(infinity.Value));
    }

    private static MathList Interval(MathValue from, char first, MathValue to, char second) =>
        new(first is '≤' or '≥' ? '[' : '(', second is '≤' or '≥' ? ']' : ')', [from, to]);

    private static char Turned(char sign) => sign switch { '<' => '>', '>' => '<', '≤' => '≥', '≥' => '≤', _ => sign };

    // x, x_1, f(x), (x, y): what an answer may be called.
    private static bool IsName(MathAnswer answer) => answer switch
    {
        MathList { Parts: var parts } => parts.Count > 0 && parts.All(IsName),
        MathValue { Value: { Under.Number: not null, Over.Terms: { Count: 1 } terms } } => terms.Values.First() is { Powers: { Length: 1 or 2 } powers, Coefficient: var one }
            && one == (Fraction)1 && powers.All(power => power.Power == 1 && power.Atom is { Function: null, Square: null, Key: not ("π" or "∞") })
            && (powers.Length == 1 || powers.Any(power => power.Atom.Key is "f" or "g" or "h" or "p" or "P" or "F")),
        _ => false,
    };

    // 5, {5} and "five" are written with different care.
    private static string Base(string text) => text switch
    {
        "two" => "2", "three" => "3", "four" => "4", "five" => "5", "six" => "6", "seven" => "7", "eight" => "8", "nine" => "9", "ten" => "10",
        _ => text,
    };
}
