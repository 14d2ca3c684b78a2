using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>
/// The functions of ggml's headers, and of native/nativesteer.h's part for training, that tensor graphs are built with. Tensors,
/// contexts, graphs, buffers and allocators are opaque pointers. C's bool is a byte.
/// </summary>
internal static unsafe partial class GgmlApi
{
    private const string Library = ShimApi.Library;

    // Computing (nativesteer.h)

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_compute_create(int threads, out nint compute);

    [LibraryImport(Library)]
    internal static partial void ns_compute_free(nint compute);

    [LibraryImport(Library)]
    internal static partial nint ns_compute_backend(nint compute);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_compute_run(nint compute, nint graph);

    [LibraryImport(Library)]
    internal static partial nint ns_tensors_new(long tensors, long nodes);

    [LibraryImport(Library)]
    internal static partial int ns_tensor_shape(nint tensor, long* shape);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_tensor_place(nint tensor, nint where);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_graph_schedule(nint graph, nint tensor);

    [LibraryImport(Library)]
    internal static partial nint ns_op_transpose(nint context, nint a);

    [LibraryImport(Library)]
    internal static partial nint ns_op_pairs(nint context, nint a, int along);

    [LibraryImport(Library)]
    internal static partial nint ns_op_product(nint context, nint a, nint b, byte turned, byte portable);

    [LibraryImport(Library)]
    internal static partial nint ns_op_sum_rows(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ns_op_squares(nint context, nint a);

    [LibraryImport(Library)]
    internal static partial nint ns_op_attention(nint context, nint q, nint k, nint v, nint sees, nint scratch);

    [LibraryImport(Library)]
    internal static partial long ns_attention_scratch(long size, long length);

    [LibraryImport(Library)]
    internal static partial nint ns_op_attention_back(nint context, nint q, nint k, nint v, nint sees, nint gradient, nint scratch);

    [LibraryImport(Library)]
    internal static partial nint ns_op_token_loss(nint context, nint logits, nint target, nint options);

    [LibraryImport(Library)]
    internal static partial nint ns_op_token_loss_back(nint context, nint logits, nint target, nint options, nint stats);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_autodiff_create(nint compute, nint context, nint input, nint logits, out nint autodiff);

    [LibraryImport(Library)]
    internal static partial void ns_autodiff_free(nint autodiff);

    [LibraryImport(Library)]
    internal static partial ShimStatus ns_autodiff_step(nint autodiff, int* targets, float* adamw, out double loss);

    // Contexts and tensors (ggml.h)

    [LibraryImport(Library)]
    internal static partial void ggml_free(nint context);

    [LibraryImport(Library)]
    internal static partial nint ggml_new_tensor(nint context, int type, int dimensions, long* shape);

    [LibraryImport(Library)]
    internal static partial nuint ggml_nbytes(nint tensor);

    [LibraryImport(Library)]
    internal static partial nuint ggml_row_size(int type, long count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint ggml_set_name(nint tensor, string name);

    [LibraryImport(Library)]
    internal static partial void ggml_set_input(nint tensor);

    [LibraryImport(Library)]
    internal static partial void ggml_set_output(nint tensor);

    [LibraryImport(Library)]
    internal static partial void ggml_set_param(nint tensor);

    // Operators (ggml.h)

    [LibraryImport(Library)]
    internal static partial nint ggml_add(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ggml_add_inplace(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ggml_mul(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ggml_scale_inplace(nint context, nint a, float factor);

    [LibraryImport(Library)]
    internal static partial nint ggml_mul_mat(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ggml_rms_norm(nint context, nint a, float epsilon);

    [LibraryImport(Library)]
    internal static partial nint ggml_rms_norm_back(nint context, nint gradient, nint a, float epsilon);

    [LibraryImport(Library)]
    internal static partial nint ggml_silu(nint context, nint a);

    [LibraryImport(Library)]
    internal static partial nint ggml_silu_back(nint context, nint gradient, nint a);

    [LibraryImport(Library)]
    internal static partial nint ggml_swiglu_split(nint context, nint gate, nint up);

    [LibraryImport(Library)]
    internal static partial nint ggml_soft_max_ext(nint context, nint a, nint mask, float scale, float bias);

    [LibraryImport(Library)]
    internal static partial nint ggml_permute(nint context, nint a, int to0, int to1, int to2, int to3);

    [LibraryImport(Library)]
    internal static partial nint ggml_rope_ext(
        nint context, nint a, nint positions, nint factors, int dimensions, int mode, int originalContext, float frequencyBase,
        float frequencyScale, float extension, float attention, float betaFast, float betaSlow);

    [LibraryImport(Library)]
    internal static partial nint ggml_rope_ext_back(
        nint context, nint gradient, nint positions, nint factors, int dimensions, int mode, int originalContext, float frequencyBase,
        float frequencyScale, float extension, float attention, float betaFast, float betaSlow);

    [LibraryImport(Library)]
    internal static partial nint ggml_get_rows(nint context, nint a, nint rows);

    [LibraryImport(Library)]
    internal static partial nint ggml_get_rows_back(nint context, nint gradient, nint rows, nint like);

    [LibraryImport(Library)]
    internal static partial nint ggml_set_rows(nint context, nint a, nint b, nint rows);

    [LibraryImport(Library)]
    internal static partial nint ggml_concat(nint context, nint a, nint b, int dimension);

    [LibraryImport(Library)]
    internal static partial nint ggml_cast(nint context, nint a, int type);

    [LibraryImport(Library)]
    internal static partial nint ggml_cpy(nint context, nint a, nint b);

    [LibraryImport(Library)]
    internal static partial nint ggml_cont(nint context, nint a);

    [LibraryImport(Library)]
    internal static partial nint ggml_reshape_4d(nint context, nint a, long n0, long n1, long n2, long n3);

    [LibraryImport(Library)]
    internal static partial nint ggml_view_2d(nint context, nint a, long n0, long n1, nuint rowBytes, nuint offset);

    [LibraryImport(Library)]
    internal static partial nint ggml_view_3d(
        nint context, nint a, long n0, long n1, long n2, nuint bytes1, nuint bytes2, nuint offset);

    [LibraryImport(Library)]
    internal static partial nint ggml_opt_step_adamw(nint context, nint a, nint gradient, nint firstMoment, nint secondMoment, nint parameters);

    // Graphs, buffers, allocators (ggml.h, ggml-backend.h, ggml-alloc.h)

    [LibraryImport(Library)]
    internal static partial nint ggml_new_graph_custom(nint context, nuint nodes, byte gradients);

    [LibraryImport(Library)]
    internal static partial nint ggml_backend_get_default_buffer_type(nint backend);

    [LibraryImport(Library)]
    internal static partial nint ggml_backend_alloc_ctx_tensors(nint context, nint backend);

    [LibraryImport(Library)]
    internal static partial void ggml_backend_buffer_free(nint buffer);

    [LibraryImport(Library)]
    internal static partial nuint ggml_backend_buffer_get_size(nint buffer);

    [LibraryImport(Library)]
    internal static partial void ggml_backend_buffer_clear(nint buffer, byte value);

    [LibraryImport(Library)]
    internal static partial void ggml_backend_tensor_set(nint tensor, void* data, nuint offset, nuint size);

    [LibraryImport(Library)]
    internal static partial void ggml_backend_tensor_get(nint tensor, void* data, nuint offset, nuint size);

    [LibraryImport(Library)]
    internal static partial nint ggml_gallocr_new(nint bufferType);

    [LibraryImport(Library)]
    internal static partial void ggml_gallocr_free(nint allocator);

    [LibraryImport(Library)]
    internal static partial byte ggml_gallocr_alloc_graph(nint allocator, nint graph);

    [LibraryImport(Library)]
    internal static partial nuint ggml_gallocr_get_buffer_size(nint allocator, int buffer);
}
