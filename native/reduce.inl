// The reductions of reduce.cpp, included once per instruction set. `columns`: doubles in a register; WIDENED reads as many floats.

typedef float  floats __attribute__((vector_size(columns * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef double doubles __attribute__((vector_size(columns * sizeof(double))));
typedef double doubles_anywhere __attribute__((vector_size(columns * sizeof(double)), aligned(sizeof(double)), may_alias));
constexpr int32_t vectors = step / columns; // of the partial sums of a row

static double dot(const float * x, const float * y, int32_t n_embd) {
    doubles partial[vectors] = {};
    int32_t i = 0;
    for (; i + step <= n_embd; i += step) {
#pragma GCC unroll 16
        for (int32_t k = 0; k < vectors; k++) partial[k] += WIDENED(x + i + columns * k) * WIDENED(y + i + columns * k);
    }
    double parts[step];
    memcpy(parts, partial, sizeof parts);
    for (int32_t k = 0; i < n_embd; i++, k++) parts[k] += (double) x[i] * (double) y[i];
    return total(parts);
}

static void accumulate(double * sum, const float * const * x, int32_t n, int32_t n_embd) {
    int32_t i = 0;
    if (n == together) {
        for (; i + columns <= n_embd; i += columns) {
            doubles partial = {};
#pragma GCC unroll 8
            for (int32_t r = 0; r < together; r++) partial += WIDENED(x[r] + i);
            *(doubles_anywhere *) (sum + i) += partial;
        }
    }
    for (; i < n_embd; i++) {
        double partial = 0;
        for (int32_t r = 0; r < n; r++) partial += (double) x[r][i];
        sum[i] += partial;
    }
}

// Both at once: what is read from memory is read once.
static void accumulate_with_norms(double * sum, double * norms, const float * const * x, const float * const * next, int32_t n_embd) {
    doubles squares[together][vectors] = {};
    int32_t i = 0, ahead = 0, at = 0;
    for (; i + step <= n_embd; i += step) {
        doubles partial[vectors] = {};
        for (int32_t r = 0; r < together; r++) {
            const float * const row = x[r] + i;
            for (int32_t k = 0; k < step; k += 16) __builtin_prefetch(next[ahead] + at + k, 0, 3);
            at += step;
            if (at + step > n_embd) {
                at = 0;
                ahead++;
            }
#pragma GCC unroll 16
            for (int32_t k = 0; k < vectors; k++) {
                const doubles value = WIDENED(row + columns * k);
                partial[k] += value;
                squares[r][k] += value * value;
            }
        }
#pragma GCC unroll 16
        for (int32_t k = 0; k < vectors; k++) *(doubles_anywhere *) (sum + i + columns * k) += partial[k];
    }
    double parts[together][step];
    memcpy(parts, squares, sizeof parts);
    for (int32_t k = 0; i < n_embd; i++, k++) {
        double partial = 0;
        for (int32_t r = 0; r < together; r++) {
            const double value = (double) x[r][i];
            partial += value;
            parts[r][k] += value * value;
        }
        sum[i] += partial;
    }
    for (int32_t r = 0; r < together; r++) norms[r] = std::sqrt(total(parts[r]));
}
