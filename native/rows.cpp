#include "rows.h"

// One binary for every x86-64: the loader picks the clone for the processor it runs on. -ffp-contract=off keeps products
// rounded before they are added, so that every clone gives the same bits.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ROWS_PLAIN)
#define NS_EXACT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NS_EXACT_CLONES
#endif

namespace rows {

NS_EXACT_CLONES
void add(float * h, const float * v, float scale, int32_t n_embd) {
    for (int32_t i = 0; i < n_embd; i++) {
        const float scaled = scale * v[i];
        h[i] = h[i] + scaled;
    }
}

NS_EXACT_CLONES
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
