// Dot products or cosines of rows with directions.
//
// There is no kernel for a lens's norm and top-k: a lens is one product with the vocabulary's matrix, which ggml does, for a vector or
// for a token at a time; picking the largest of its logits on the host takes a hundredth of that product.

#include "row.h"

namespace ns {

template <bool fours> static __device__ __forceinline__ double project(const float * h, const float * v, int width, int cosine) {
    const double along = dot<fours>(h, v, width);
    if (!cosine) return along;
    const double lengths = norm<fours>(h, width) * norm<fours>(v, width);
    return lengths > 0 ? along / lengths : 0;
}

} // namespace ns

// to (n, k) = the row's dot product with each of directions (k, width), or their cosine, 0 where either has no length.
// A warp for each pair. Blocks: (n, ceil(k / warps)).
NS_KERNEL __launch_bounds__(256, 4) ns_project(const float * data, long long stride, int width, const int * rows, const float * directions,
                                               int k, int cosine, float * to) {
    const int j = (int) (blockIdx.y * ns::warps + threadIdx.y);
    if (j >= k) return;
    const float * const h = data + rows[blockIdx.x] * stride;
    const float * const v = directions + (long long) j * width;
    const bool fours = ns::in_fours(h, width) && ns::in_fours(v, width);
    const double value = fours ? ns::project<true>(h, v, width, cosine) : ns::project<false>(h, v, width, cosine);
    if (threadIdx.x == 0) to[(long long) blockIdx.x * k + j] = (float) value;
}
