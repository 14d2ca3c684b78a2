// Sums of labelled rows: what a difference of means is made of.

#include "row.h"

namespace ns {

constexpr int together = 8; // rows that a warp sums; what the warps have together is added at once: native/rows.h, together and chunk
constexpr int columns = 64; // of a block, two a lane

template <bool twos> static __device__ __forceinline__ float2 load_two(const float * row, int column, int width) {
    float2 v = { 0, 0 };
    if (twos) {
        if (column < width) v = *(const float2 *) (row + column);
        return v;
    }
    v.x = column < width ? row[column] : 0.0f;
    v.y = column + 1 < width ? row[column + 1] : 0.0f;
    return v;
}

// What a warp adds up: at most `together` rows, two columns a lane.
template <bool twos>
static __device__ __forceinline__ double2 sum_of_rows(const float * data, long long stride, int width, int column, const int * row, int n) {
    double2 sum = { 0, 0 };
    if (n == together) {
        float2 v[together]; // all on their way at once
#pragma unroll
        for (int r = 0; r < together; r++) v[r] = load_two<twos>(data + row[r] * stride, column, width);
#pragma unroll
        for (int r = 0; r < together; r++) {
            sum.x += (double) v[r].x;
            sum.y += (double) v[r].y;
        }
        return sum;
    }
    for (int r = 0; r < n; r++) {
        const float2 v = load_two<twos>(data + row[r] * stride, column, width);
        sum.x += (double) v.x;
        sum.y += (double) v.y;
    }
    return sum;
}

} // namespace ns

// norms[row] = L2 norm of the row, for each of n rows listed. Blocks: ceil(n / warps).
NS_KERNEL __launch_bounds__(256, 4) ns_row_norms(const float * data, long long stride, int width, const int * rows, int n, double * norms) {
    const int i = (int) (blockIdx.x * ns::warps + threadIdx.y);
    if (i >= n) return;
    const int row = rows[i];
    const float * const h = data + row * stride;
    const double norm = ns::in_fours(h, width) ? ns::norm<true>(h, width) : ns::norm<false>(h, width);
    if (threadIdx.x == 0) norms[row] = norm;
}

// Groups of rows: ranges (n_groups, 3) names the group, its first place in `rows`, and how many rows it has there.
// sums (groups, width) and norm_sums (groups) are added to. norms: of ns_row_norms. Blocks: (n_groups, ceil(width / 64)).
//
// Each warp sums eight rows; then one thread a column adds what the warps have, in order.
// The norm counts as one more column. No atomics: the same bits every time.
NS_KERNEL __launch_bounds__(256, 4) ns_accumulate(const float * data, long long stride, int width, const int * rows, const int * ranges,
                                                  const double * norms, double * sums, double * norm_sums) {
    __shared__ double part[2][ns::warps][ns::columns];
    __shared__ double norm_part[2][ns::warps];
    const int lane = (int) threadIdx.x, warp = (int) threadIdx.y, thread = 32 * warp + lane;
    const int group = ranges[3 * blockIdx.x], first = ranges[3 * blockIdx.x + 1], n = ranges[3 * blockIdx.x + 2];
    const int begin = (int) blockIdx.y * ns::columns, column = begin + 2 * lane;
    const bool twos = ((unsigned long long) data % sizeof(float2)) == 0 && stride % 2 == 0 && width % 2 == 0;
    const bool with_norms = blockIdx.y == 0;

    double * const to = thread < ns::columns ? sums + (long long) group * width + begin + thread : norm_sums + group;
    const bool adds = thread < ns::columns ? begin + thread < width : with_norms && thread == ns::columns;
    double total = adds ? *to : 0.0;

    int turn = 0;
    for (int base = 0; base < n; base += ns::warps * ns::together, turn ^= 1) {
        const int from = base + warp * ns::together;
        const int here = n - from < ns::together ? n - from : ns::together;
        const int * const row = rows + first + from;
        const double2 sum = twos ? ns::sum_of_rows<true>(data, stride, width, column, row, here)
                                 : ns::sum_of_rows<false>(data, stride, width, column, row, here);
        if (with_norms && lane == 0) {
            double norm = 0;
            for (int r = 0; r < here; r++) norm += norms[row[r]];
            norm_part[turn][warp] = norm;
        }
        part[turn][warp][2 * lane] = sum.x;
        part[turn][warp][2 * lane + 1] = sum.y;
        __syncthreads(); // one is enough: the next turn writes the other half, and the one after that comes after its barrier
        if (adds) {
            double chunk = 0;
            for (int w = 0; w < ns::warps && base + w * ns::together < n; w++) {
                chunk += thread < ns::columns ? part[turn][w][thread] : norm_part[turn][w];
            }
            total += chunk;
        }
    }
    if (adds) *to = total;
}
