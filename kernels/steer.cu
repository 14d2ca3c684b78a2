// Edits rows of a tensor where it lies, from a table of (row, vector, scale, operation). The arithmetic is that of native/rows.cpp.

#include "row.h"

namespace ns {

// As ns_edit and ns_op in native/nativesteer.h.
struct Edit {
    int   slot; // not read
    int   row;
    int   vector;
    int   op;
    float scale;
};

enum Operation { Add = 0, ProjectOut = 1, Clamp = 2, AddKeepNorm = 3, SelfAmplify = 4 };

static __device__ __forceinline__ float4 scaled(float scale, float4 v) {
    v.x = scale * v.x;
    v.y = scale * v.y;
    v.z = scale * v.z;
    v.w = scale * v.w;
    return v;
}

static __device__ __forceinline__ float4 sum(float4 a, float4 b) {
    a.x = a.x + b.x;
    a.y = a.y + b.y;
    a.z = a.z + b.z;
    a.w = a.w + b.w;
    return a;
}

// h += scale * v
template <bool fours> static __device__ __forceinline__ void add_scaled(float * __restrict__ h, const float * __restrict__ v, float scale, int width) {
#pragma unroll fours ? 4 : 1
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) {
        store<fours>(h, c, width, sum(load<fours>(h, c, width), scaled(scale, load<fours>(v, c, width))));
    }
}

// h += the sum of n scaled vectors, which is made first, so that v and -v cancel exactly.
template <bool fours>
static __device__ __forceinline__ void add_together(float * __restrict__ h, const float * __restrict__ vectors, const Edit * edits, int n, int width) {
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) {
        float4 total = scaled(edits[0].scale, load<fours>(vectors + (long long) edits[0].vector * width, c, width));
        for (int i = 1; i < n; i++) {
            total = sum(total, scaled(edits[i].scale, load<fours>(vectors + (long long) edits[i].vector * width, c, width)));
        }
        store<fours>(h, c, width, sum(load<fours>(h, c, width), total));
    }
}

template <bool fours> static __device__ __forceinline__ void multiply(float * h, float factor, int width) {
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) store<fours>(h, c, width, scaled(factor, load<fours>(h, c, width)));
}

template <bool fours> static __device__ __forceinline__ void add_keep_norm(float * h, const float * v, float scale, int width) {
    const double before = norm<fours>(h, width);
    add_scaled<fours>(h, v, scale, width);
    const double after = norm<fours>(h, width);
    if (after == 0) add_scaled<fours>(h, v, -scale, width);
    else multiply<fours>(h, (float) (before / after), width);
}

template <bool fours> static __device__ __forceinline__ void amplify(float * h, float scale, int width) {
    const double before = norm<fours>(h, width);
    if (before == 0) return;
    const double factor = (before + (double) scale) / before;
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) {
        float4 v = load<fours>(h, c, width);
        v.x = (float) (factor * (double) v.x);
        v.y = (float) (factor * (double) v.y);
        v.z = (float) (factor * (double) v.z);
        v.w = (float) (factor * (double) v.w);
        store<fours>(h, c, width, v);
    }
}

// All edits of a row. A lane reads back only what it wrote itself, so nothing has to be waited for between them.
template <bool fours>
static __device__ __forceinline__ void steer(float * h, int width, const float * vectors, const Edit * edit, const Edit * end) {
    while (edit < end) {
        const int op = edit->op;
        const float scale = edit->scale;
        const float * const v = vectors + (long long) (op == SelfAmplify ? 0 : edit->vector) * width;
        const Edit * next = edit + 1;
        if (op == Add) {
            while (next < end && next->op == Add) next++;
        }
        if (op == Add && next > edit + 1) {
            add_together<fours>(h, vectors, edit, (int) (next - edit), width);
        } else if (op == SelfAmplify) {
            amplify<fours>(h, scale, width);
        } else if (op == AddKeepNorm) {
            add_keep_norm<fours>(h, v, scale, width);
        } else {
            float by = scale;
            if (op != Add) {
                const double along = dot<fours>(h, v, width);
                by = (float) (op == ProjectOut ? -(double) scale * along : (double) scale - along);
            }
            add_scaled<fours>(h, v, by, width);
        }
        edit = next;
    }
}

} // namespace ns

// A warp a row: the edits first[i] to first[i + 1] - 1 are of one row, in the order they are applied. vectors (.., width).
// Blocks: ceil(n / warps).
NS_KERNEL __launch_bounds__(256, 3) ns_steer(float * data, long long stride, int width, const float * vectors, const ns::Edit * edits,
                                             const int * first, int n) {
    const int i = (int) (blockIdx.x * ns::warps + threadIdx.y);
    if (i >= n) return;
    const ns::Edit * const edit = edits + first[i];
    const ns::Edit * const end = edits + first[i + 1];
    float * const h = data + edit->row * stride;
    if (ns::in_fours(h, width) && ns::in_fours(vectors, width)) ns::steer<true>(h, width, vectors, edit, end);
    else ns::steer<false>(h, width, vectors, edit, end);
}
