// Arithmetic on rows of F32 tensors. Internal to native/.

#pragma once

#include <cstddef>
#include <cstdint>

namespace rows {

// Rows of a sum are taken eight at a time, and what 64 of them add up to is made before it is added to what was there: so threads can
// share the rows, and the order of additions does not depend on how many threads there are.
constexpr int32_t together = 8, chunk = 64;

// sum (n_embd) += ((x0 + x1) + x2) + ..., n rows, at most `together`.
void accumulate(double * sum, const float * const * x, int32_t n, int32_t n_embd);

// The same of `together` rows, with their L2 norms. next: (together) rows that are wanted after these; they are brought into the
// cache meanwhile.
void accumulate_with_norms(double * sum, double * norms, const float * const * x, const float * const * next, int32_t n_embd);

// L2 norm of x (n_embd).
double norm(const float * x, int32_t n_embd);

// x . y in double.
double dot(const float * x, const float * y, int32_t n_embd);

// h += scale * v, the product rounded before the sum, as llama.cpp's control vectors are.
void add(float * h, const float * v, float scale, int32_t n_embd);

// to = scale * v, or to += scale * v.
void scaled(float * to, const float * v, float scale, bool first, int32_t n_embd);

// h = (h + scale * v) * |h| / |h + scale * v|; h stays as it is where the sum has no length.
void add_keep_norm(float * h, const float * v, float scale, int32_t n_embd);

// h += scale * h / |h|; a zero row stays as it is.
void amplify(float * h, float scale, int32_t n_embd);

} // namespace rows
