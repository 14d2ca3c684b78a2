namespace NativeSteer;

/// <summary>
/// An error the user can act on. The message is one line: what went wrong, where, and what to do next.
/// Everything NativeSteer throws on bad input is this type; anything else is a defect.
/// </summary>
public class NativeSteerException : Exception
{
    /// <summary>Creates the error with its one-line message.</summary>
    public NativeSteerException(string message) : base(message) { }

    /// <summary>Creates the error with its one-line message and the cause it was made of.</summary>
    public NativeSteerException(string message, Exception inner) : base(message, inner) { }
}
