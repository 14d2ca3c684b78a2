// Matrix products in bfloat16 with sums in 32 bits, for training. ggml's mul_mat sums across each row of factors, which costs as
// much as the products themselves when rows are short, and needs transposed copies for the two products of the way back. Here
// factors are kept as pairs: two neighbours along the summed dimension in one 32-bit word. A vector of words times one word
// is then 32 products for 16 sums, and every product of training finds its pairs without a transposed copy.

#include "nativesteer.h"
#include "training.h"


#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define NS_X86 1
#endif

namespace {

using training::row;

constexpr int64_t slab = 64;   // columns of results done together
constexpr int64_t depth = 128; // pairs summed before results go back to memory: a slab of them stays in the first cache
constexpr int tall = 6;        // rows of results kept in registers

uint32_t pair(float low, float high) {
    return (uint32_t) to_bf16(low) | (uint32_t) to_bf16(high) << 16;
}

NS_FAST_CLONES
void pair_along_columns(uint32_t * to, const float * from, int64_t n) {
    for (int64_t i = 0; i < n / 2; i++) to[i] = pair(from[2 * i], from[2 * i + 1]);
    if (n % 2 != 0) to[n / 2] = pair(from[n - 1], 0);
}

NS_FAST_CLONES
void pair_along_rows(uint32_t * to, const float * low, const float * high, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = pair(low[i], high != nullptr ? high[i] : 0);
}

void pairs_columns(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor * a = dst->src[0];
    const Portion rows = portion(a->ne[1], 1, ith, nth);
    for (int64_t r = rows.from; r < rows.to; r++) pair_along_columns(static_cast<uint32_t *>(dst->data) + r * dst->ne[0], row(a, r), a->ne[0]);
}

void pairs_rows(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor * a = dst->src[0];
    const Portion rows = portion(dst->ne[1], 1, ith, nth);
    for (int64_t r = rows.from; r < rows.to; r++) {
        const float * high = 2 * r + 1 < a->ne[1] ? row(a, 2 * r + 1) : nullptr;
        pair_along_rows(static_cast<uint32_t *>(dst->data) + r * dst->ne[0], row(a, 2 * r), high, a->ne[0]);
    }
}

// (n0, n1) -> (n1, n0 / 2)
void pairs_turned(ggml_tensor * dst, int ith, int nth, void *) {
    constexpr int64_t tile = 16;
    const ggml_tensor * a = dst->src[0];
    const int64_t columns = a->ne[0], rows = a->ne[1];
    const Portion pairs = portion(dst->ne[1], tile, ith, nth);
    for (int64_t p0 = pairs.from; p0 < pairs.to; p0 += tile) {
        for (int64_t r0 = 0; r0 < rows; r0 += tile) {
            for (int64_t r = r0; r < std::min(r0 + tile, rows); r++) {
                const float * from = row(a, r);
                for (int64_t p = p0; p < std::min(p0 + tile, pairs.to); p++) {
                    static_cast<uint32_t *>(dst->data)[p * rows + r] = pair(from[2 * p], 2 * p + 1 < columns ? from[2 * p + 1] : 0);
                }
            }
        }
    }
}

// c (M, slab) += a (M, n) * b (n, slab), in pairs; a is read with any strides, b is packed.
typedef void (*block_fn)(float * c, int64_t ldc, const uint32_t * a, int64_t row, int64_t column, const uint32_t * b, int64_t n);

#if NS_X86
template <int M>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
void block_bf16(float * c, int64_t ldc, const uint32_t * a, int64_t row, int64_t column, const uint32_t * b, int64_t n) {
    __m512 sums[M][4];
    for (int m = 0; m < M; m++) {
        for (int v = 0; v < 4; v++) sums[m][v] = _mm512_loadu_ps(c + m * ldc + 16 * v);
    }
    for (int64_t k = 0; k < n; k++) {
        __m512bh factors[4];
        for (int v = 0; v < 4; v++) factors[v] = (__m512bh) _mm512_loadu_si512(b + k * slab + 16 * v);
        for (int m = 0; m < M; m++) {
            const __m512bh by = (__m512bh) _mm512_set1_epi32((int32_t) a[m * row + k * column]);
            for (int v = 0; v < 4; v++) sums[m][v] = _mm512_dpbf16_ps(sums[m][v], factors[v], by);
        }
    }
    for (int m = 0; m < M; m++) {
        for (int v = 0; v < 4; v++) _mm512_storeu_ps(c + m * ldc + 16 * v, sums[m][v]);
    }
}
#endif

float low_of(uint32_t pair) {
    const uint32_t bits = pair << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float high_of(uint32_t pair) {
    const uint32_t bits = pair & 0xffff0000u;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// For processors without bfloat16 products: a bfloat16 is the upper half of a float.
NS_FAST_CLONES
void block_row(float * c, const uint32_t * a, int64_t column, const uint32_t * b, int64_t n) {
    float sums[slab];
    for (int i = 0; i < slab; i++) sums[i] = c[i];
    for (int64_t k = 0; k < n; k++) {
        const float low = low_of(a[k * column]), high = high_of(a[k * column]);
        for (int i = 0; i < slab; i++) sums[i] += low * low_of(b[k * slab + i]) + high * high_of(b[k * slab + i]);
    }
    for (int i = 0; i < slab; i++) c[i] = sums[i];
}

template <int M> void block_plain(float * c, int64_t ldc, const uint32_t * a, int64_t row, int64_t column, const uint32_t * b, int64_t n) {
    for (int m = 0; m < M; m++) block_row(c + m * ldc, a + m * row, column, b, n);
}

struct Blocks {
    block_fn of_rows[tall + 1];
};

Blocks choose_blocks(bool portable) {
#if NS_X86
    if (!portable && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return { { nullptr, block_bf16<1>, block_bf16<2>, block_bf16<3>, block_bf16<4>, block_bf16<5>, block_bf16<6> } };
    }
#endif
    return { { nullptr, block_plain<1>, block_plain<2>, block_plain<3>, block_plain<4>, block_plain<5>, block_plain<6> } };
}

// b's columns [column, column + width) of n pairs, packed together and filled up with zeros.
void pack(uint32_t * to, const uint32_t * b, int64_t stride, int64_t width, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        memcpy(to + k * slab, b + k * stride, (size_t) width * sizeof *b);
        if (width < slab) memset(to + k * slab + width, 0, (size_t) (slab - width) * sizeof *b);
    }
}

// The rows of one slab of results. A slab that is not whole is summed aside.
void slab_rows(float * c, int64_t ldc, int64_t width, const uint32_t * a, int64_t row, int64_t column, const uint32_t * packed, int64_t n,
               Portion rows, bool first, const Blocks & blocks) {
    float aside[tall * slab];
    for (int64_t m = rows.from; m < rows.to; m += tall) {
        const int64_t height = std::min<int64_t>(tall, rows.to - m);
        float * const results = c + m * ldc;
        float * const sums = width == slab ? results : aside;
        const int64_t ld = width == slab ? ldc : slab;
        for (int64_t i = 0; i < height; i++) {
            if (first) memset(sums + i * ld, 0, slab * sizeof(float));
            else if (width < slab) memcpy(sums + i * ld, results + i * ldc, (size_t) width * sizeof(float));
        }
        blocks.of_rows[height](sums, ld, a + m * row, row, column, packed, n);
        for (int64_t i = 0; i < height && width < slab; i++) memcpy(results + i * ldc, sums + i * ld, (size_t) width * sizeof(float));
    }
}

void multiply(ggml_tensor * dst, int ith, int nth, bool turned, const Blocks & blocks) {
    const ggml_tensor * a = dst->src[0];
    const ggml_tensor * b = dst->src[1];
    const int64_t columns = dst->ne[0], rows = dst->ne[1], pairs = b->ne[1];
    const int64_t slabs = (columns + slab - 1) / slab;
    const bool by_slab = slabs >= 2 * nth; // else every thread does some rows of every slab
    const Portion mine = by_slab ? portion(slabs, 1, ith, nth) : Portion{ 0, slabs };
    const Portion my_rows = by_slab ? Portion{ 0, rows } : portion(rows, tall, ith, nth);
    if (my_rows.from == my_rows.to) return;
    uint32_t packed[depth * slab];
    for (int64_t s = mine.from; s < mine.to; s++) {
        const int64_t width = std::min(slab, columns - s * slab);
        for (int64_t k = 0; k < pairs; k += depth) {
            const int64_t n = std::min(depth, pairs - k);
            pack(packed, static_cast<const uint32_t *>(b->data) + k * columns + s * slab, columns, width, n);
            const uint32_t * from = static_cast<const uint32_t *>(a->data) + (turned ? k * rows : k);
            slab_rows(static_cast<float *>(dst->data) + s * slab, columns, width, from, turned ? 1 : pairs, turned ? rows : 1, packed, n,
                      my_rows, k == 0, blocks);
        }
    }
}

template <bool turned, bool portable> void product(ggml_tensor * dst, int ith, int nth, void *) {
    static const Blocks blocks = choose_blocks(portable);
    multiply(dst, ith, nth, turned, blocks);
}

} // namespace

ggml_tensor * ns_op_pairs(ggml_context * ctx, ggml_tensor * a, int32_t along) {
    if (along == NS_PAIRS_COLUMNS) return training::node(ctx, GGML_TYPE_I32, (a->ne[0] + 1) / 2, a->ne[1], { a }, pairs_columns);
    if (along == NS_PAIRS_ROWS) return training::node(ctx, GGML_TYPE_I32, a->ne[0], (a->ne[1] + 1) / 2, { a }, pairs_rows);
    return training::node(ctx, GGML_TYPE_I32, a->ne[1], (a->ne[0] + 1) / 2, { a }, pairs_turned);
}

ggml_tensor * ns_op_product(ggml_context * ctx, ggml_tensor * a, ggml_tensor * b, uint8_t turned, uint8_t portable) {
    const ggml_custom_op_t f = turned ? (portable ? product<true, true> : product<true, false>) : portable ? product<false, true> : product<false, false>;
    return training::node(ctx, GGML_TYPE_F32, b->ne[0], turned ? a->ne[0] : a->ne[1], { a, b }, f);
}
