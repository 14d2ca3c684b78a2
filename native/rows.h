// Arithmetic on rows of F32 tensors. Internal to native/.

#pragma once

#include <cstddef>
#include <cstdint>

namespace rows {

// sum (n_embd) += rows[0..n) of data; stride in floats.
void accumulate(double * sum, const float * data, size_t stride, const int32_t * rows, int32_t n, int32_t n_embd);

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
