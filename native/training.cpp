// Operators of the training graphs that ggml lacks, or has in a slower form. Each is a ggml custom node: ggml calls it on
// every thread with its number, and it takes its portion of the rows or columns. Results do not depend on the number of threads.

#include "nativesteer.h"
#include "training.h"

#include <algorithm>
#include <cmath>

namespace {

using training::row;

constexpr int64_t tile = 32; // columns and rows turned at a time: both sides stay in the first cache

void transpose(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor * a = dst->src[0];
    const Portion columns = portion(a->ne[0], tile, ith, nth);
    for (int64_t c0 = columns.from; c0 < columns.to; c0 += tile) {
        const int64_t width = std::min(tile, columns.to - c0);
        for (int64_t r0 = 0; r0 < a->ne[1]; r0 += tile) {
            const int64_t height = std::min(tile, a->ne[1] - r0);
            float turned[tile][tile];
            for (int64_t r = 0; r < height; r++) {
                const float * from = row(a, r0 + r) + c0;
                for (int64_t c = 0; c < width; c++) turned[c][r] = from[c];
            }
            for (int64_t c = 0; c < width; c++) std::copy(turned[c], turned[c] + height, row(dst, c0 + c) + r0);
        }
    }
}

// Sums over rows in double, a stretch of columns at a time.
NS_FAST_CLONES
void sum_columns(float * to, const ggml_tensor * a, const ggml_tensor * b, int64_t from, int64_t n) {
    double sums[tile] = {};
    for (int64_t r = 0; r < a->ne[1]; r++) {
        const float * x = reinterpret_cast<const float *>(static_cast<const char *>(a->data) + r * a->nb[1]) + from;
        if (b == nullptr) {
            for (int64_t c = 0; c < n; c++) sums[c] += x[c];
        } else {
            const float * y = reinterpret_cast<const float *>(static_cast<const char *>(b->data) + r * b->nb[1]) + from;
            for (int64_t c = 0; c < n; c++) sums[c] += (double) x[c] * y[c];
        }
    }
    for (int64_t c = 0; c < n; c++) to[from + c] = (float) sums[c];
}

void sum_rows(ggml_tensor * dst, int ith, int nth, void *) {
    const Portion columns = portion(dst->ne[0], tile, ith, nth);
    for (int64_t c = columns.from; c < columns.to; c += tile) {
        sum_columns(static_cast<float *>(dst->data), dst->src[0], dst->src[1], c, std::min(tile, columns.to - c));
    }
}

constexpr int square_parts = 64;

NS_FAST_CLONES
double squares_of(const float * x, int64_t n) {
    double lanes[16] = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int k = 0; k < 16; k++) lanes[k] += (double) x[i + k] * x[i + k];
    }
    double total = 0;
    for (double lane : lanes) total += lane;
    for (; i < n; i++) total += (double) x[i] * x[i];
    return total;
}

void squares(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor * a = dst->src[0];
    const int64_t n = ggml_nelements(a);
    for (int part = ith; part < square_parts; part += nth) {
        const Portion s = portion(n, 16, part, square_parts);
        static_cast<float *>(dst->data)[part] = (float) squares_of(static_cast<const float *>(a->data) + s.from, s.to - s.from);
    }
}

enum Option { option_weight, option_reference, option_kl, option_inverse_temperature };
enum Stat { stat_log_probability, stat_loss, stat_slope, stat_log_sum };

NS_FAST_CLONES
float largest(const float * x, int64_t n) {
    float lanes[16];
    std::fill(lanes, lanes + 16, -INFINITY);
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int k = 0; k < 16; k++) lanes[k] = x[i + k] > lanes[k] ? x[i + k] : lanes[k];
    }
    float best = -INFINITY;
    for (float lane : lanes) best = std::max(best, lane);
    for (; i < n; i++) best = std::max(best, x[i]);
    return best;
}

NS_FAST_CLONES
double sum_of_exponentials(const float * x, int64_t n, float factor, float most) {
    double lanes[16] = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int k = 0; k < 16; k++) lanes[k] += exp_negative((x[i + k] - most) * factor);
    }
    double total = 0;
    for (double lane : lanes) total += lane;
    for (; i < n; i++) total += exp_negative((x[i] - most) * factor);
    return total;
}

void token_loss(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor * logits = dst->src[0];
    const int32_t * targets = static_cast<const int32_t *>(dst->src[1]->data);
    const Portion rows = portion(dst->ne[1], 1, ith, nth);
    for (int64_t i = rows.from; i < rows.to; i++) {
        const float * x = row(logits, i);
        const float * options = row(dst->src[2], i);
        const float factor = options[option_inverse_temperature];
        const float most = largest(x, logits->ne[0]);
        const double log_sum = (double) most * factor + std::log(sum_of_exponentials(x, logits->ne[0], factor, most));
        const double log_probability = (double) x[targets[i]] * factor - log_sum;
        const double kl = options[option_kl];
        const double rho = kl == 0 ? 0 : (double) options[option_reference] - log_probability;
        float * stats = row(dst, i);
        stats[stat_log_probability] = (float) log_probability;
        stats[stat_loss] = (float) (-options[option_weight] * log_probability + kl * (std::expm1(rho) - rho));
        stats[stat_slope] = (float) (-options[option_weight] - kl * std::expm1(rho));
        stats[stat_log_sum] = (float) log_sum;
    }
}

NS_FAST_CLONES
void softmax_times(float * x, int64_t n, float factor, float log_sum, float by) {
    for (int64_t i = 0; i < n; i++) {
        const float exponent = x[i] * factor - log_sum;
        x[i] = by * exp_negative(exponent > 0 ? 0 : exponent);
    }
}

void token_loss_back(ggml_tensor * dst, int ith, int nth, void *) {
    const int32_t * targets = static_cast<const int32_t *>(dst->src[1]->data);
    const Portion rows = portion(dst->ne[1], 1, ith, nth);
    for (int64_t i = rows.from; i < rows.to; i++) {
        const float factor = row(dst->src[2], i)[option_inverse_temperature];
        const float * stats = row(dst->src[3], i);
        const float by = stats[stat_slope] * factor; // d loss / d logit_j = slope / temperature * (1[j = target] - p_j)
        float * x = row(dst, i);
        softmax_times(x, dst->ne[0], factor, stats[stat_log_sum], -by);
        x[targets[i]] += by;
    }
}

} // namespace

ggml_tensor * ns_op_transpose(ggml_context * ctx, ggml_tensor * a) {
    return training::node(ctx, GGML_TYPE_F32, a->ne[1], a->ne[0], { a }, transpose);
}

ggml_tensor * ns_op_sum_rows(ggml_context * ctx, ggml_tensor * a, ggml_tensor * b) {
    if (b == nullptr) return training::node(ctx, GGML_TYPE_F32, a->ne[0], 1, { a }, sum_rows);
    return training::node(ctx, GGML_TYPE_F32, a->ne[0], 1, { a, b }, sum_rows);
}

ggml_tensor * ns_op_squares(ggml_context * ctx, ggml_tensor * a) {
    return training::node(ctx, GGML_TYPE_F32, square_parts, 1, { a }, squares);
}

ggml_tensor * ns_op_token_loss(ggml_context * ctx, ggml_tensor * logits, ggml_tensor * target, ggml_tensor * options) {
    return training::node(ctx, GGML_TYPE_F32, 4, logits->ne[1], { logits, target, options }, token_loss);
}

ggml_tensor * ns_op_token_loss_back(ggml_context * ctx, ggml_tensor * logits, ggml_tensor * target, ggml_tensor * options, ggml_tensor * stats) {
    ggml_tensor * arguments[] = { target, options, stats };
    return ggml_custom_inplace(ctx, logits, arguments, 3, token_loss_back, GGML_N_TASKS_MAX, nullptr);
}
