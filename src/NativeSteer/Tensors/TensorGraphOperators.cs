using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <content>The operators. Each makes a node; shapes are (columns, rows, ...) as in ggml.</content>
internal sealed unsafe partial class TensorGraph
{
    /// <summary>a + b; b is repeated where it is smaller.</summary>
    public Tensor Add(Tensor a, Tensor b) => Own(GgmlApi.ggml_add(Room(), a.Pointer, b.Pointer));

    /// <summary>a += b.</summary>
    public Tensor AddInPlace(Tensor a, Tensor b) => Own(GgmlApi.ggml_add_inplace(Room(), a.Pointer, b.Pointer));

    /// <summary>a * b, element by element; b is repeated where it is smaller.</summary>
    public Tensor Multiply(Tensor a, Tensor b) => Own(GgmlApi.ggml_mul(Room(), a.Pointer, b.Pointer));

    /// <summary>a *= factor.</summary>
    public Tensor ScaleInPlace(Tensor a, float factor) => Own(GgmlApi.ggml_scale_inplace(Room(), a.Pointer, factor));

    /// <summary>a (k, m) of any type, b (k, n) F32 -> (m, n): dot products of rows.</summary>
    public Tensor MatMul(Tensor a, Tensor b) => Own(GgmlApi.ggml_mul_mat(Room(), a.Pointer, b.Pointer));

    /// <summary>Each row divided by its root mean square.</summary>
    public Tensor RmsNorm(Tensor a, float epsilon) => Own(GgmlApi.ggml_rms_norm(Room(), a.Pointer, epsilon));

    /// <summary>Gradient by a of <see cref="RmsNorm"/>.</summary>
    public Tensor RmsNormBack(Tensor gradient, Tensor a, float epsilon) =>
        Own(GgmlApi.ggml_rms_norm_back(Room(), gradient.Pointer, a.Pointer, epsilon));

    /// <summary>a * sigmoid(a).</summary>
    public Tensor Silu(Tensor a) => Own(GgmlApi.ggml_silu(Room(), a.Pointer));

    /// <summary>Gradient by a of <see cref="Silu"/>.</summary>
    public Tensor SiluBack(Tensor gradient, Tensor a) => Own(GgmlApi.ggml_silu_back(Room(), gradient.Pointer, a.Pointer));

    /// <summary>silu(gate) * up.</summary>
    public Tensor SwiGlu(Tensor gate, Tensor up) => Own(GgmlApi.ggml_swiglu_split(Room(), gate.Pointer, up.Pointer));

    /// <summary>Causal attention (native/nativesteer.h, ns_op_attention).</summary>
    /// <param name="q">(size, heads, n).</param>
    /// <param name="k">(size, key heads, n).</param>
    /// <param name="v">(size, key heads, n).</param>
    /// <param name="sees">(length, 3, rows, I32) the first place in its row that a token sees; from where to where it sees a stretch before that.</param>
    /// <param name="scratch">From <see cref="AttentionScratch(long, long, int)"/>.</param>
    public Tensor Attention(Tensor q, Tensor k, Tensor v, Tensor sees, Tensor scratch) =>
        Own(GgmlApi.ns_op_attention(Room(), q.Pointer, k.Pointer, v.Pointer, sees.Pointer, scratch.Pointer));

    /// <summary>The gradients by q, k and v of <see cref="Attention"/>, one after the other in one dimension.</summary>
    public Tensor AttentionBack(Tensor q, Tensor k, Tensor v, Tensor sees, Tensor gradient, Tensor scratch) =>
        Own(GgmlApi.ns_op_attention_back(Room(), q.Pointer, k.Pointer, v.Pointer, sees.Pointer, gradient.Pointer, scratch.Pointer));

    /// <summary>What the threads of <see cref="Attention"/> and its way back work in; one for all of them in a graph.</summary>
    public Tensor AttentionScratch(long size, long length, int threads) => Input(GgmlType.F32, AttentionScratch(size, length), threads);

    /// <summary>Numbers (F32) that one thread works in, for heads of a size and rows of a length.</summary>
    public static long AttentionScratch(long size, long length)
    {
        NativeRuntime.EnsureLoaded();
        return GgmlApi.ns_attention_scratch(size, length);
    }

    /// <summary>softmax(scale * a + mask), a row at a time; the mask is repeated where it is smaller.</summary>
    public Tensor SoftMax(Tensor a, Tensor mask, float scale) => Own(GgmlApi.ggml_soft_max_ext(Room(), a.Pointer, mask.Pointer, scale, 0));

    /// <summary>Rotary position embedding of a (head size, heads, tokens).</summary>
    public Tensor Rope(Tensor a, Tensor positions, in RopeOptions rope) => Own(GgmlApi.ggml_rope_ext(Room(), a.Pointer, positions.Pointer, rope.Factors.Pointer, rope.Dimensions, rope.Mode, 0, rope.Base, rope.Scale, 0, 1, 0, 0));

    /// <summary>Gradient by a of <see cref="Rope"/>.</summary>
    public Tensor RopeBack(Tensor gradient, Tensor positions, in RopeOptions rope) => Own(GgmlApi.ggml_rope_ext_back(Room(), gradient.Pointer, positions.Pointer, rope.Factors.Pointer, rope.Dimensions, rope.Mode, 0, rope.Base, rope.Scale, 0, 1, 0, 0));

    /// <summary>The rows of a, of any type, that the I32 vector names, as F32.</summary>
    public Tensor GetRows(Tensor a, Tensor rows) => Own(GgmlApi.ggml_get_rows(Room(), a.Pointer, rows.Pointer));

    /// <summary>Gradient by a of <see cref="GetRows"/>; <paramref name="like"/> has a's shape.</summary>
    public Tensor GetRowsBack(Tensor gradient, Tensor rows, Tensor like) =>
        Own(GgmlApi.ggml_get_rows_back(Room(), gradient.Pointer, rows.Pointer, like.Pointer));

    /// <summary>a, in place, with the rows named by the I32 vector replaced by those of b.</summary>
    public Tensor SetRows(Tensor a, Tensor b, Tensor rows) => Own(GgmlApi.ggml_set_rows(Room(), a.Pointer, b.Pointer, rows.Pointer));

    /// <summary>a and b one after the other along a dimension.</summary>
    public Tensor Concat(Tensor a, Tensor b, int dimension) => Own(GgmlApi.ggml_concat(Room(), a.Pointer, b.Pointer, dimension));

    /// <summary>A copy in another type.</summary>
    public Tensor Cast(Tensor a, GgmlType type) => Own(GgmlApi.ggml_cast(Room(), a.Pointer, (int)type));

    /// <summary>Copies a into the data of b, in b's type.</summary>
    public Tensor Copy(Tensor a, Tensor b) => Own(GgmlApi.ggml_cpy(Room(), a.Pointer, b.Pointer));

    /// <summary>A contiguous copy.</summary>
    public Tensor Contiguous(Tensor a) => Own(GgmlApi.ggml_cont(Room(), a.Pointer));

    /// <summary>A view of a contiguous tensor in another shape.</summary>
    public Tensor Reshape(Tensor a, long n0, long n1, long n2 = 1, long n3 = 1) =>
        Own(GgmlApi.ggml_reshape_4d(Room(), a.Pointer, n0, n1, n2, n3));

    /// <summary>A view of a with its i-th dimension as the <c>to</c><i>i</i>-th.</summary>
    public Tensor Permute(Tensor a, int to0, int to1, int to2, int to3) => Own(GgmlApi.ggml_permute(Room(), a.Pointer, to0, to1, to2, to3));

    /// <summary>A view of <paramref name="count"/> rows of a matrix.</summary>
    public Tensor Rows(Tensor a, long first, long count)
    {
        var columns = a.Shape.N0;
        var bytes = GgmlApi.ggml_row_size((int)a.Type, columns);
        return Own(GgmlApi.ggml_view_2d(Room(), a.Pointer, columns, count, bytes, bytes * (nuint)first));
    }

    /// <summary>A contiguous view of part of an F32 tensor, from an element on.</summary>
    public Tensor Slice(Tensor a, long first, long n0, long n1, long n2) => Own(GgmlApi.ggml_view_3d(Room(), a.Pointer, n0, n1, n2, (nuint)n0 * sizeof(float), (nuint)(n0 * n1) * sizeof(float), (nuint)first * sizeof(float)));

    /// <summary>A view of some columns of an F32 matrix.</summary>
    public Tensor Columns(Tensor a, long first, long count)
    {
        var (columns, rows, _, _) = a.Shape;
        return Own(GgmlApi.ggml_view_2d(Room(), a.Pointer, count, rows, (nuint)columns * sizeof(float), (nuint)first * sizeof(float)));
    }

    /// <summary>One AdamW update of a, in place. The parameters are (7): alpha, beta1, beta2, epsilon, decay, 1/(1-beta1^t), 1/(1-beta2^t).</summary>
    public Tensor AdamW(Tensor a, Tensor gradient, Tensor firstMoment, Tensor secondMoment, Tensor parameters)
    {
        GgmlApi.ggml_set_param(a.Pointer);
        return Own(GgmlApi.ggml_opt_step_adamw(Room(), a.Pointer, gradient.Pointer, firstMoment.Pointer, secondMoment.Pointer, parameters.Pointer));
    }

    /// <summary>a (n0, n1) F32 -> (n1, n0).</summary>
    public Tensor Transpose(Tensor a) => Own(GgmlApi.ns_op_transpose(Room(), a.Pointer));

    /// <summary>A factor of <see cref="Product"/>: an F32 matrix rounded to BF16, neighbours along the summed dimension in one word.</summary>
    public Tensor Pairs(Tensor a, PairsAlong along) => Own(GgmlApi.ns_op_pairs(Room(), a.Pointer, (int)along));

    /// <summary>a (k, m) or, turned, (m, k), b (n, k), both in pairs -> (n, m): sums over k of products, in 32 bits.</summary>
    /// <param name="a">One factor.</param>
    /// <param name="b">The other one.</param>
    /// <param name="turned">Whether a is turned.</param>
    /// <param name="portable">Without the processor's BF16 instructions, as where it has none.</param>
    public Tensor Product(Tensor a, Tensor b, bool turned = false, bool portable = false) =>
        Own(GgmlApi.ns_op_product(Room(), a.Pointer, b.Pointer, turned ? (byte)1 : (byte)0, portable ? (byte)1 : (byte)0));

    /// <summary>(n0, n1) -> (n0): the sum over rows of a, or of a * b.</summary>
    public Tensor SumRows(Tensor a, Tensor b = default) => Own(GgmlApi.ns_op_sum_rows(Room(), a.Pointer, b.Pointer));

    /// <summary>(64) parts of the sum of a's squares.</summary>
    public Tensor Squares(Tensor a) => Own(GgmlApi.ns_op_squares(Room(), a.Pointer));

    /// <summary>(4, n): log-probability of each row's target, loss, slope, log of the sum of exponentials (native/nativesteer.h).</summary>
    public Tensor TokenLoss(Tensor logits, Tensor targets, Tensor options) =>
        Own(GgmlApi.ns_op_token_loss(Room(), logits.Pointer, targets.Pointer, options.Pointer));

    /// <summary>The loss's gradient by the logits, written over them.</summary>
    public Tensor TokenLossBack(Tensor logits, Tensor targets, Tensor options, Tensor stats) =>
        Own(GgmlApi.ns_op_token_loss_back(Room(), logits.Pointer, targets.Pointer, options.Pointer, stats.Pointer));
}

/// <summary>Which neighbours of a matrix (n0, n1) are paired, and how the pairs lie (native/nativesteer.h).</summary>
internal enum PairsAlong
{
    /// <summary>(n0 / 2, n1).</summary>
    Columns = 0,

    /// <summary>(n0, n1 / 2).</summary>
    Rows = 1,

    /// <summary>(n1, n0 / 2): along columns, transposed.</summary>
    Turned = 2,
}

/// <summary>How positions are rotated into queries and keys.</summary>
/// <param name="Dimensions">Numbers of a head that are rotated.</param>
/// <param name="Mode">ggml's: 0 neighbouring pairs (llama), 2 halves (NEOX: qwen2).</param>
/// <param name="Base">The base of the frequencies.</param>
/// <param name="Scale">Positions are multiplied by this (linear scaling).</param>
/// <param name="Factors">(Dimensions / 2) divisors of the frequencies, or none (Llama 3.x has them).</param>
internal readonly record struct RopeOptions(int Dimensions, int Mode, float Base, float Scale, Tensor Factors);
