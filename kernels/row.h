// A row (width floats) as a warp holds it: lane l has the columns 128 s + 4 l to 128 s + 4 l + 3 for s = 0, 1, ...
// The order of additions is that of native/reduce.cpp, so that the results are the same bits.

#pragma once

#include "cuda.h"

namespace ns {

constexpr int warps = 8;           // of a block; blocks are (32, warps)
constexpr int lane_columns = 4;
constexpr int step = 32 * lane_columns;

// Whether four columns can be read at once everywhere in the row. Asked once, before the loops: inside, it would cost the wide loads.
static __device__ __forceinline__ bool in_fours(const float * row, int width) {
    return ((unsigned long long) row % sizeof(float4)) == 0 && width % lane_columns == 0;
}

// Columns past the end are 0, which no sum notices.
template <bool fours> static __device__ __forceinline__ float4 load(const float * row, int column, int width) {
    if (fours) return *(const float4 *) (row + column);
    float4 v;
    v.x = row[column];
    v.y = column + 1 < width ? row[column + 1] : 0.0f;
    v.z = column + 2 < width ? row[column + 2] : 0.0f;
    v.w = column + 3 < width ? row[column + 3] : 0.0f;
    return v;
}

template <bool fours> static __device__ __forceinline__ void store(float * row, int column, int width, float4 v) {
    if (fours) {
        *(float4 *) (row + column) = v;
        return;
    }
    row[column] = v.x;
    if (column + 1 < width) row[column + 1] = v.y;
    if (column + 2 < width) row[column + 2] = v.z;
    if (column + 3 < width) row[column + 3] = v.w;
}

// The four partial sums of a dot product that a lane has.
struct Partial {
    double x = 0, y = 0, z = 0, w = 0;

    __device__ __forceinline__ void take(float4 a, float4 b) {
        x = add_product(x, a.x, b.x);
        y = add_product(y, a.y, b.y);
        z = add_product(z, a.z, b.z);
        w = add_product(w, a.w, b.w);
    }

    // Every lane gets the sum over the warp.
    __device__ __forceinline__ double total() const {
        double sum = (x + y) + (z + w);
#pragma unroll
        for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
        return sum;
    }
};

template <bool fours> static __device__ __forceinline__ double dot(const float * a, const float * b, int width) {
    Partial partial;
#pragma unroll fours ? 4 : 1
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) partial.take(load<fours>(a, c, width), load<fours>(b, c, width));
    return partial.total();
}

template <bool fours> static __device__ __forceinline__ double norm(const float * a, int width) {
    Partial partial;
#pragma unroll fours ? 4 : 1
    for (int c = (int) threadIdx.x * lane_columns; c < width; c += step) {
        const float4 v = load<fours>(a, c, width);
        partial.take(v, v);
    }
    return square_root(partial.total());
}

} // namespace ns
