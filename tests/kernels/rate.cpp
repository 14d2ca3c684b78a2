// How fast rows are summed on the CPU, against how fast one thread reads memory: the activations that all layers of a model of width
// 4096 have for a prompt of 512 tokens. Prints the median of rounds, in each of which both run.

#include "../../native/rows.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

namespace {

constexpr int    tokens = 512, width = 4096, layers = 32, rounds = 15;
constexpr size_t values = (size_t) tokens * width * layers;

// Of this thread: on a machine that others use, waiting for a core is not counted.
double seconds() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
float read(const float * x) {
    float partial[128] = {};
    for (size_t i = 0; i < values; i += 128) {
        for (int k = 0; k < 128; k++) partial[k] += x[i + k];
    }
    float sum = 0;
    for (float p : partial) sum += p;
    return sum;
}

void reduce(const float * x, double * sum, double & norm_sum) {
    for (int first = 0; first < tokens; first += rows::together) {
        const float * row[rows::together];
        const float * next[rows::together];
        for (int r = 0; r < rows::together; r++) {
            row[r] = x + (size_t) (first + r) * width;
            next[r] = first + rows::together < tokens ? row[r] + rows::together * width : row[r];
        }
        double norms[rows::together];
        rows::accumulate_with_norms(sum, norms, row, next, width);
        for (double norm : norms) norm_sum += norm;
    }
}

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

} // namespace

int main() {
    const std::unique_ptr<float, decltype(&free)> memory((float *) aligned_alloc(4096, values * sizeof(float)), free);
    float * const x = memory.get();
    for (size_t i = 0; i < values; i++) x[i] = (float) (i % 1000) - 500;
    std::vector<double> sum(width), reads, reductions, shares;
    double norms = 0;
    volatile float sink = 0;
    for (int round = 0; round < rounds; round++) {
        const double start = seconds();
        sink = sink + read(x);
        const double middle = seconds();
        for (int l = 0; l < layers; l++) reduce(x + (size_t) l * tokens * width, sum.data(), norms);
        const double end = seconds();
        reads.push_back(1e-9 * sizeof(float) * values / (middle - start));
        reductions.push_back(1e-9 * sizeof(float) * values / (end - middle));
        shares.push_back((middle - start) / (end - middle));
    }
    printf("reading %.1f GB/s, summing %d layers x %d tokens x %d with norms %.1f GB/s: %.2f of reading (%.2f to %.2f in %d rounds)\n",
           median(reads), layers, tokens, width, median(reductions), median(shares), *std::min_element(shares.begin(), shares.end()),
           *std::max_element(shares.begin(), shares.end()), rounds);
}
