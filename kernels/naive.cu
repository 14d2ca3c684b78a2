// The same work written the simplest way, one thread for each result: what the kernels are timed against and checked with.
// Sums here are in plain order, so they agree within rounding. Blocks are (256).

#include "row.h"

// As ns_sum_chunks and ns_add_chunks together, without norms. Blocks: (n_groups, ceil(width / 256)).
NS_KERNEL ns_naive_accumulate(const float * data, long long stride, int width, const int * rows, const int * ranges, double * sums) {
    const int column = (int) (blockIdx.y * blockDim.x + threadIdx.x);
    if (column >= width) return;
    const int * const range = ranges + 3 * blockIdx.x;
    double total = sums[(long long) range[0] * width + column];
    for (int i = 0; i < range[2]; i++) total += (double) data[rows[range[1] + i] * stride + column];
    sums[(long long) range[0] * width + column] = total;
}

// data[rows[i]] += scales[i] * vectors[which[i]]. Blocks: (n, ceil(width / 256)).
NS_KERNEL ns_naive_add(float * data, long long stride, int width, const int * rows, const float * vectors, const int * which,
                       const float * scales) {
    const int column = (int) (blockIdx.y * blockDim.x + threadIdx.x);
    if (column >= width) return;
    float * const h = data + rows[blockIdx.x] * stride + column;
    *h = *h + scales[blockIdx.x] * vectors[(long long) which[blockIdx.x] * width + column];
}

// As ns_project, dot products alone. Blocks: ceil(n * k / 256).
NS_KERNEL ns_naive_project(const float * data, long long stride, int width, const int * rows, int n, const float * directions, int k,
                           float * to) {
    const long long i = (long long) blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long) n * k) return;
    double sum = 0;
    for (int c = 0; c < width; c++) sum = ns::add_product(sum, data[rows[i / k] * stride + c], directions[i % k * width + c]);
    to[i] = (float) sum;
}
