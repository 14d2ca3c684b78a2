#include "rows.h"

#include <cmath>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ROWS_PLAIN)
#define ROWS_X86
#include <immintrin.h>
#endif

// The order of additions is that of kernels/row.h and kernels/accumulate.cu, so that host and device give the same bits. Products of
// two floats are exact in double, so this file is compiled with them fused into the additions.
namespace rows {

namespace {

constexpr int32_t lanes = 32;       // of a warp
constexpr int32_t step = 4 * lanes; // columns a warp takes at a time, four a lane

// step partial sums to one: four a lane, then lanes that are 16, 8, 4, 2, 1 apart.
double total(const double * partial) {
    double lane[lanes];
    for (int32_t l = 0; l < lanes; l++) lane[l] = (partial[4 * l] + partial[4 * l + 1]) + (partial[4 * l + 2] + partial[4 * l + 3]);
    for (int32_t apart = lanes / 2; apart > 0; apart /= 2) {
        for (int32_t l = 0; l < apart; l++) lane[l] += lane[l + apart];
    }
    return lane[0];
}

struct Reductions {
    double (*dot)(const float *, const float *, int32_t);
    void (*accumulate)(double *, const float * const *, int32_t, int32_t);
    void (*accumulate_with_norms)(double *, double *, const float * const *, const float * const *, int32_t);
};

#define WIDENED(x) __builtin_convertvector(*(const floats *) (x), doubles)

namespace any_processor {
constexpr int32_t columns = 2;
#include "reduce.inl"
} // namespace any_processor

#ifdef ROWS_X86
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
constexpr int32_t columns = 4;
#include "reduce.inl"
} // namespace avx2
#pragma GCC pop_options

// GCC 12 makes two halves of a conversion to eight doubles, at half the speed.
#undef WIDENED
#define WIDENED(x) ((doubles) _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(x)))
#pragma GCC push_options
#pragma GCC target("avx512f")
namespace avx512 {
constexpr int32_t columns = 8;
#include "reduce.inl"
} // namespace avx512
#pragma GCC pop_options

Reductions of_this_processor() {
    if (__builtin_cpu_supports("avx512f")) return { avx512::dot, avx512::accumulate, avx512::accumulate_with_norms };
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return { avx2::dot, avx2::accumulate, avx2::accumulate_with_norms };
    return { any_processor::dot, any_processor::accumulate, any_processor::accumulate_with_norms };
}
#else
Reductions of_this_processor() {
    return { any_processor::dot, any_processor::accumulate, any_processor::accumulate_with_norms };
}
#endif

const Reductions chosen = of_this_processor();

} // namespace

double dot(const float * x, const float * y, int32_t n_embd) {
    return chosen.dot(x, y, n_embd);
}

double norm(const float * x, int32_t n_embd) {
    return std::sqrt(dot(x, x, n_embd));
}

void accumulate(double * sum, const float * const * x, int32_t n, int32_t n_embd) {
    chosen.accumulate(sum, x, n, n_embd);
}

void accumulate_with_norms(double * sum, double * norms, const float * const * x, const float * const * next, int32_t n_embd) {
    chosen.accumulate_with_norms(sum, norms, x, next, n_embd);
}

} // namespace rows
