// What the operators of training share. Internal to native/.

#pragma once

#include "portion.h"

#include "ggml.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>

// One binary for every x86-64: the loader picks the clone for the processor it runs on. With FMA, so that the last bits of a
// result may differ from processor to processor (unlike NS_EXACT_CLONES of rows.cpp).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NS_FAST_CLONES __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define NS_FAST_CLONES
#endif

namespace training {

// Row i of an F32 matrix.
inline const float * row(const ggml_tensor * t, int64_t i) {
    return reinterpret_cast<const float *>(static_cast<const char *>(t->data) + i * t->nb[1]);
}

inline float * row(ggml_tensor * t, int64_t i) {
    return reinterpret_cast<float *>(static_cast<char *>(t->data) + i * t->nb[1]);
}

// A custom node that ggml calls on every thread.
inline ggml_tensor * node(ggml_context * ctx, ggml_type type, int64_t ne0, int64_t ne1, std::initializer_list<ggml_tensor *> arguments,
                          ggml_custom_op_t f) {
    ggml_tensor * list[GGML_MAX_SRC];
    const int n = (int) (std::copy(arguments.begin(), arguments.end(), list) - list);
    return ggml_custom_4d(ctx, type, ne0, ne1, 1, 1, list, n, f, GGML_N_TASKS_MAX, nullptr);
}

} // namespace training

// Round to nearest, ties to even. Infinities stay; not-a-number stays not-a-number.
static inline __attribute__((always_inline)) uint16_t to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t) ((bits >> 16) | 64);
    return (uint16_t) ((bits + (0x7fff + ((bits >> 16) & 1))) >> 16);
}

// exp(x) for x <= 0, to about 2e-7 relative; below -87 it is 0. Written so that compilers turn loops over it into vectors:
// 2^k from the exponent's bits, and a polynomial for what is left in [-ln 2 / 2, ln 2 / 2].
static inline __attribute__((always_inline)) float exp_negative(float x) {
    const float bounded = x < -87.0f ? -87.0f : x;
    const float k = __builtin_floorf(bounded * 1.44269504f + 0.5f);
    const float r = (bounded - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t bits = ((int32_t) k + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.0f ? 0.0f : p * scale;
}
