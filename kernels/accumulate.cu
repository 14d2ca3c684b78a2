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

// Chunks of rows: chunks (n_chunks, 3) names a group (not read here), the chunk's first place in `rows`, and how many rows it has there, 1
// to 64. partial (n_chunks, width + 1) = what each adds up to, the sum of its norms being one more column. norms: of ns_row_norms.
// Blocks: (n_chunks, ceil(width / 64)).
//
// Each warp sums eight rows; then one thread a column adds what the warps have, in order. No atomics: the same bits every time. A group's
// chunks are apart so that a difference of two means has work for every multiprocessor.
NS_KERNEL __launch_bounds__(256, 4) ns_sum_chunks(const float * data, long long stride, int width, const int * rows, const int * chunks,
                                                  const double * norms, double * partial) {
    __shared__ double part[ns::warps][ns::columns];
    __shared__ double norm_part[ns::warps];
    const int lane = (int) threadIdx.x, warp = (int) threadIdx.y, thread = 32 * warp + lane;
    const int first = chunks[3 * blockIdx.x + 1], n = chunks[3 * blockIdx.x + 2];
    const int begin = (int) blockIdx.y * ns::columns, column = begin + 2 * lane;
    const bool twos = ((unsigned long long) data % sizeof(float2)) == 0 && stride % 2 == 0 && width % 2 == 0;
    const bool with_norms = blockIdx.y == 0;

    const int from = warp * ns::together;
    const int here = n - from < ns::together ? n - from : ns::together;
    const int * const row = rows + first + from;
    const double2 sum = twos ? ns::sum_of_rows<true>(data, stride, width, column, row, here)
                             : ns::sum_of_rows<false>(data, stride, width, column, row, here);
    if (with_norms && lane == 0) {
        double norm = 0;
        for (int r = 0; r < here; r++) norm += norms[row[r]];
        norm_part[warp] = norm;
    }
    part[warp][2 * lane] = sum.x;
    part[warp][2 * lane + 1] = sum.y;
    __syncthreads();

    const bool of_column = thread < ns::columns && begin + thread < width, of_norm = with_norms && thread == ns::columns;
    if (!of_column && !of_norm) return;
    double chunk = 0;
    for (int w = 0; w < ns::warps && w * ns::together < n; w++) chunk += of_norm ? norm_part[w] : part[w][thread];
    partial[(long long) blockIdx.x * (width + 1) + (of_norm ? width : begin + thread)] = chunk;
}

// Groups of chunks: groups (n_groups, 3) names the group, its first chunk, and how many it has. sums (groups, width) and norm_sums (groups)
// are added to, chunk after chunk. Blocks: (n_groups, ceil((width + 1) / 256)) of 256.
NS_KERNEL __launch_bounds__(256, 4) ns_add_chunks(const double * partial, int width, const int * groups, double * sums, double * norm_sums) {
    const int column = (int) (blockIdx.y * 256 + threadIdx.x);
    if (column > width) return;
    const int group = groups[3 * blockIdx.x], first = groups[3 * blockIdx.x + 1], n = groups[3 * blockIdx.x + 2];
    const double * const from = partial + (long long) first * (width + 1) + column;
    double * const to = column < width ? sums + (long long) group * width + column : norm_sums + group;
    double total = *to;
#pragma unroll 4
    for (int c = 0; c < n; c++) total += from[(long long) c * (width + 1)];
    *to = total;
}
