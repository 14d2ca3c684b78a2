using System.Numerics;
using NativeSteer.Countdown;
using NativeSteer.Files;

namespace NativeSteer.Tasks;

/// <summary>
/// Values of expressions at points, for those with functions, whose forms decide nothing: sin 30 degrees and 1/2. Equal at several
/// random points to ten digits counts as equal.
/// </summary>
internal static class MathNumeric
{
    private const int Points = 4;
    private const double Tolerance = 1e-10;

    internal static bool AreEqual(MathQuotient a, MathQuotient b)
    {
        for (var point = 0; point < Points; point++)
        {
            var (left, right) = (Value(a, point), Value(b, point));
            var size = Math.Max(1, Math.Max(left.Magnitude, right.Magnitude));
            if (!double.IsFinite(size) || !((left - right).Magnitude <= Tolerance * size)) return false; // not a number is not equal
        }
        return true;
    }

    private static Complex Value(MathQuotient quotient, int point) => Value(quotient.Over, point) / Value(quotient.Under, point);

    private static Complex Value(MathPolynomial polynomial, int point)
    {
        var sum = Complex.Zero;
        foreach (var term in polynomial.Terms.Values)
        {
            Complex product = Value(term.Coefficient);
            foreach (var (atom, power) in term.Powers) product *= Complex.Pow(Value(atom, point), power);
            sum += product;
        }
        return sum;
    }

    private static double Value(Fraction number) => (double)number.Numerator / (double)number.Denominator;

    private static Complex Value(MathAtom atom, int point)
    {
        if (atom.Square is { } square) return Complex.Sqrt(Value(square));
        if (atom.Function is { } function) return Value(function, [.. atom.Arguments.Select(argument => Value(argument, point))]);
        return atom.Key switch
        {
            "π" => Math.PI,
            "e" => Math.E,
            "∞" => double.PositiveInfinity,
            var name => Between(name, point),
        };
    }

    // A variable's value, positive so that roots and logarithms are real; the same for a name in both expressions.
    private static double Between(string name, int point)
    {
        var hash = StableRandom.Mix((ulong)point + 1);
        foreach (var letter in name) hash = StableRandom.Mix(hash ^ letter);
        return 0.5 + 2 * new StableRandom(hash).NextShare();
    }

    private static Complex Value(string function, Complex[] x) => function switch
    {
        "sin" => Complex.Sin(x[0]),
        "cos" => Complex.Cos(x[0]),
        "tan" => Complex.Tan(x[0]),
        "cot" => 1 / Complex.Tan(x[0]),
        "sec" => 1 / Complex.Cos(x[0]),
        "csc" => 1 / Complex.Sin(x[0]),
        "arcsin" => Complex.Asin(x[0]),
        "arccos" => Complex.Acos(x[0]),
        "arctan" => Complex.Atan(x[0]),
        "sinh" => Complex.Sinh(x[0]),
        "cosh" => Complex.Cosh(x[0]),
        "tanh" => Complex.Tanh(x[0]),
        "exp" => Complex.Exp(x[0]),
        "ln" => Complex.Log(x[0]),
        "log" => Complex.Log(x[0]) / Complex.Log(x[1]),
        "abs" => x[0].Magnitude,
        "root" => Root(x[0], x[1].Real),
        "pow" => Complex.Pow(x[0], x[1]),
        "floor" => Math.Floor(x[0].Real),
        "ceil" => Math.Ceiling(x[0].Real),
        _ => double.NaN, // no value is known: only the same form is equal
    };

    // Odd roots of negative numbers are the real ones, as schools teach.
    private static Complex Root(Complex x, double n) =>
        x.Imaginary == 0 && x.Real < 0 && n % 2 == 1 ? -Math.Pow(-x.Real, 1 / n) : Complex.Pow(x, 1 / n);
}
