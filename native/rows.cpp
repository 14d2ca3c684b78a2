#include "rows.h"

#include <cmath>

// One binary for every x86-64: the loader picks the clone for the processor it runs on. Sums keep the same order of
// additions per lane in every clone; -ffp-contract=off keeps products rounded before they are added.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NS_CLONES
#endif

namespace rows {

namespace {
constexpr int32_t lanes = 16; // independent partial sums: hides the latency of the additions
constexpr int32_t block = 32; // columns kept in registers while all rows of a group are added
} // namespace

NS_CLONES
void accumulate(double * sum, const float * data, size_t stride, const int32_t * rows, int32_t n, int32_t n_embd) {
    int32_t c = 0;
    for (; c + block <= n_embd; c += block) {
        double partial[block];
        for (int32_t k = 0; k < block; k++) partial[k] = sum[c + k];
        for (int32_t r = 0; r < n; r++) {
            const float * x = data + (size_t) rows[r] * stride + c;
            for (int32_t k = 0; k < block; k++) partial[k] += (double) x[k];
        }
        for (int32_t k = 0; k < block; k++) sum[c + k] = partial[k];
    }
    for (; c < n_embd; c++) {
        double partial = sum[c];
        for (int32_t r = 0; r < n; r++) partial += (double) data[(size_t) rows[r] * stride + c];
        sum[c] = partial;
    }
}

NS_CLONES
double dot(const float * x, const float * y, int32_t n_embd) {
    double partial[lanes] = {};
    int32_t i = 0;
    for (; i + lanes <= n_embd; i += lanes) {
        for (int32_t k = 0; k < lanes; k++) partial[k] += (double) x[i + k] * (double) y[i + k];
    }
    double total = 0;
    for (int32_t k = 0; k < lanes; k++) total += partial[k];
    for (; i < n_embd; i++) total += (double) x[i] * (double) y[i];
    return total;
}

double norm(const float * x, int32_t n_embd) {
    return std::sqrt(dot(x, x, n_embd));
}

NS_CLONES
void add(float * h, const float * v, float scale, int32_t n_embd) {
    for (int32_t i = 0; i < n_embd; i++) {
        const float scaled = scale * v[i];
        h[i] = h[i] + scaled;
    }
}

NS_CLONES
void scaled(float * to, const float * v, float scale, bool first, int32_t n_embd) {
    if (first) {
        for (int32_t i = 0; i < n_embd; i++) to[i] = scale * v[i];
    } else {
        for (int32_t i = 0; i < n_embd; i++) to[i] += scale * v[i];
    }
}

void add_keep_norm(float * h, const float * v, float scale, int32_t n_embd) {
    const double before = norm(h, n_embd);
    add(h, v, scale, n_embd);
    const double after = norm(h, n_embd);
    if (after == 0) {
        add(h, v, -scale, n_embd);
        return;
    }
    const float factor = (float) (before / after);
    for (int32_t i = 0; i < n_embd; i++) h[i] *= factor;
}

void amplify(float * h, float scale, int32_t n_embd) {
    const double before = norm(h, n_embd);
    if (before == 0) return;
    const double factor = (before + scale) / before;
    for (int32_t i = 0; i < n_embd; i++) h[i] = (float) (factor * h[i]);
}

} // namespace rows
