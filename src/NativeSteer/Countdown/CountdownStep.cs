namespace NativeSteer.Countdown;

/// <summary>A line of an answer: <c>45-39=6</c>.</summary>
/// <param name="Left">The first operand.</param>
/// <param name="Operation"><c>+</c>, <c>-</c>, <c>*</c> or <c>/</c>.</param>
/// <param name="Right">The second operand.</param>
/// <param name="Result">What comes out.</param>
public readonly record struct CountdownStep(long Left, char Operation, long Right, long Result)
{
    /// <summary>As it stands in an answer, without line end.</summary>
    public override string ToString() => $"{Left}{Operation}{Right}={Result}";

    /// <summary>
    /// The step that an operation on two numbers is, under the rules of stream of search: differences are taken from the
    /// larger number, and divisions must be exact.
    /// </summary>
    /// <param name="a">The number that stands first in a sum or a product.</param>
    /// <param name="b">The other one.</param>
    /// <param name="operation"><c>+</c>, <c>-</c>, <c>*</c> or <c>/</c>.</param>
    /// <param name="limit">The largest result.</param>
    /// <param name="step">The step, where there is one.</param>
    /// <returns>False where the result would be larger than the limit or no natural number.</returns>
    internal static bool TryMake(long a, long b, char operation, long limit, out CountdownStep step)
    {
        var (large, small) = a >= b ? (a, b) : (b, a);
        step = default;
        switch (operation)
        {
            case '+' when a <= limit - b:
                step = new CountdownStep(a, '+', b, a + b);
                return true;
            case '*' when a == 0 || b <= limit / a:
                step = new CountdownStep(a, '*', b, a * b);
                return true;
            case '-' when large - small <= limit:
                step = new CountdownStep(large, '-', small, large - small);
                return true;
            case '/' when small != 0 && large / small * small == large && large / small <= limit:
                step = new CountdownStep(large, '/', small, large / small);
                return true;
            default:
                return false;
        }
    }
}
