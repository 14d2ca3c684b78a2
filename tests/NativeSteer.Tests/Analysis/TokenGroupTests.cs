using NativeSteer.Analysis;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class TokenGroupTests
{
    [Theory]
    [InlineData("12", "numbers"), InlineData(" 7", "numbers"), InlineData("+", "operators"), InlineData(" =", "operators"), InlineData("\n", "line ends"), InlineData(" ", "other")]
    [InlineData("", "other"), InlineData(" Therefore", "connectors"), InlineData("wait", "connectors"), InlineData(" house", "words"), InlineData("don't", "words"), InlineData("()", "signs")]
    [InlineData("a1", "other")]
    public void A_token_belongs_where_its_text_says(string text, string group)
    {
        Assert.Equal(group, TokenGroup.Of(text));
        Assert.Contains(group, TokenGroup.Names);
    }
}
