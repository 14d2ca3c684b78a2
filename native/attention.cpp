// Attention over a batch of rows for training, forward and back, without a table of length x length weights: a block of
// queries is taken against the keys it sees, and the way back computes the weights anew. A token sees a stretch of its row,
// from where its sequence starts to itself, and before it one more stretch, the beginning that its sequence goes on from: so a
// row may hold several sequences, and several that begin alike hold their beginning once. Little is spent on what is not seen.
//
// One task is one row and one key-value head with all query heads that share it, forward also a part of their blocks: no two
// tasks write to the same place. What a thread needs besides lies in a tensor of the graph, so that memory that is short is
// known before anything is computed.

#include "nativesteer.h"
#include "training.h"

#include <algorithm>

namespace {

constexpr int lanes = 16; // floats of a vector register: AVX-512; the compiler makes two or four of it elsewhere
constexpr int wide = 4;   // registers of columns kept at a time
constexpr int tall = 4;   // rows of results kept at a time
constexpr int block = 32; // queries taken together

typedef float vec __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));

#define NS_INLINE static inline __attribute__((always_inline))

// c (M, N * lanes) = or += a (M, depth) * b (depth, N * lanes). a is read with any strides.
template <int M, int N>
NS_INLINE void product_block(float * c, int64_t ldc, const float * a, int64_t row, int64_t column, const float * b, int64_t ldb, int64_t depth, bool add) {
    vec sums[M][N];
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) sums[m][n] = add ? *(const vec *) (c + m * ldc + n * lanes) : vec{};
    }
    for (int64_t k = 0; k < depth; k++) {
        vec factors[N];
        for (int n = 0; n < N; n++) factors[n] = *(const vec *) (b + k * ldb + n * lanes);
        for (int m = 0; m < M; m++) {
            const float by = a[m * row + k * column];
            for (int n = 0; n < N; n++) sums[m][n] += factors[n] * by;
        }
    }
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) *(vec *) (c + m * ldc + n * lanes) = sums[m][n];
    }
}

template <int M>
NS_INLINE void product_rows(float * c, int64_t ldc, const float * a, int64_t row, int64_t column, const float * b, int64_t ldb, int64_t width,
                            int64_t depth, bool add) {
    int64_t n = 0;
    for (; n + wide * lanes <= width; n += wide * lanes) product_block<M, wide>(c + n, ldc, a, row, column, b + n, ldb, depth, add);
    switch ((width - n) / lanes) {
    case 3: product_block<M, 3>(c + n, ldc, a, row, column, b + n, ldb, depth, add); break;
    case 2: product_block<M, 2>(c + n, ldc, a, row, column, b + n, ldb, depth, add); break;
    case 1: product_block<M, 1>(c + n, ldc, a, row, column, b + n, ldb, depth, add); break;
    default: break;
    }
}

// c (height, width) = or += a * b; width is a multiple of lanes.
NS_INLINE void product(float * c, int64_t ldc, const float * a, int64_t row, int64_t column, const float * b, int64_t ldb, int64_t height,
                       int64_t width, int64_t depth, bool add) {
    int64_t m = 0;
    for (; m + tall <= height; m += tall) product_rows<tall>(c + m * ldc, ldc, a + m * row, row, column, b, ldb, width, depth, add);
    for (; m < height; m++) product_rows<1>(c + m * ldc, ldc, a + m * row, row, column, b, ldb, width, depth, add);
}

int64_t padded(int64_t n) {
    return (n + lanes - 1) / lanes * lanes;
}

// What the tokens of a row see: [from, to) of what comes before their sequence, and from start to themselves.
struct Sight {
    const int32_t * start, * from, * to;

    Sight(const int32_t * sees, int64_t length) : start(sees), from(sees + length), to(sees + 2 * length) {}

    int64_t first(int64_t i) const { return from[i] < to[i] ? std::min(from[i], start[i]) : start[i]; }
};

struct Problem {
    const ggml_tensor * q;      // (size, heads, n)
    const ggml_tensor * k;      // (size, key heads, n)
    const ggml_tensor * v;      // (size, key heads, n)
    const ggml_tensor * sees; // (length, 3, rows)

    int64_t size() const { return q->ne[0]; }
    int64_t heads() const { return q->ne[1]; }
    int64_t key_heads() const { return k->ne[1]; }
    int64_t length() const { return sees->ne[0]; }
    int64_t rows() const { return sees->ne[2]; }
    int64_t group() const { return heads() / key_heads(); }
    Sight sight_of(int64_t r) const { return Sight(static_cast<const int32_t *>(sees->data) + 3 * r * length(), length()); }
};

// Where one head of one row lies in a tensor (size, heads, n) that is contiguous.
struct Head {
    float * data;
    int64_t stride; // floats between tokens

    Head(const void * tensor, int64_t size, int64_t heads, int64_t length, int64_t r, int64_t head)
        : data(const_cast<float *>(static_cast<const float *>(tensor)) + (r * length * heads + head) * size), stride(heads * size) {}

    // From a token on.
    Head from(int64_t token) const {
        Head later = *this;
        later.data += token * stride;
        return later;
    }
};

// Tokens of one head copied together, each padded with zeros to a multiple of lanes.
NS_INLINE void gather(float * to, int64_t width, const Head & head, int64_t size, int64_t length) {
    for (int64_t t = 0; t < length; t++) {
        const float * from = head.data + t * head.stride;
        for (int64_t i = 0; i < size; i++) to[t * width + i] = from[i];
        for (int64_t i = size; i < width; i++) to[t * width + i] = 0;
    }
}

NS_INLINE void scatter(const Head & head, const float * from, int64_t width, int64_t size, int64_t length) {
    for (int64_t t = 0; t < length; t++) {
        for (int64_t i = 0; i < size; i++) head.data[t * head.stride + i] = from[t * width + i];
    }
}

// (length, width) -> (width, across), across being the padded length.
NS_INLINE void turn(float * to, int64_t across, const float * from, int64_t width, int64_t length) {
    for (int64_t t = 0; t < length; t++) {
        for (int64_t i = 0; i < width; i++) to[i * across + t] = from[t * width + i];
    }
    for (int64_t i = 0; i < width; i++) {
        for (int64_t t = length; t < across; t++) to[i * across + t] = 0;
    }
}

// Scores of one query in columns [0, width) to weights: softmax over [from, to) and [start, end), to <= start, zero elsewhere.
NS_INLINE void soften(float * scores, int64_t width, int64_t from, int64_t to, int64_t start, int64_t end, float scale) {
    float most = scores[start];
    for (int64_t j = from; j < to; j++) most = scores[j] > most ? scores[j] : most;
    for (int64_t j = start; j < end; j++) most = scores[j] > most ? scores[j] : most;
    for (int64_t j = 0; j < from; j++) scores[j] = 0;
    for (int64_t j = from; j < to; j++) scores[j] = exp_negative((scores[j] - most) * scale);
    for (int64_t j = to; j < start; j++) scores[j] = 0;
    for (int64_t j = start; j < end; j++) scores[j] = exp_negative((scores[j] - most) * scale);
    float sum = 0;
    for (int64_t j = from; j < end; j++) sum += scores[j];
    const float by = 1 / sum;
    for (int64_t j = from; j < end; j++) scores[j] *= by;
    for (int64_t j = end; j < width; j++) scores[j] = 0;
}

// The queries [first, last) and the keys that any of them sees, [low, high), low and the width a multiple of lanes.
struct Block {
    int64_t first, last, low, width;

    Block(const Sight & sight, int64_t begin, int64_t length) : first(begin), last(std::min(begin + block, length)), low(begin) {
        for (int64_t i = first; i < last; i++) low = std::min(low, sight.first(i));
        low = low / lanes * lanes;
        width = padded(last - low);
    }
};

// q: of the block's first query on. weights (queries of the block, across): softmax(q k^T / sqrt(size)).
NS_INLINE void block_weights(float * weights, int64_t across, const Block & b, const float * q, const float * turned_k, int64_t width,
                             const Sight & sight, float scale) {
    product(weights, across, q, width, 1, turned_k + b.low, across, b.last - b.first, b.width, width, false);
    for (int64_t i = b.first; i < b.last; i++) {
        const bool goes_on = sight.from[i] < sight.to[i];
        const int64_t start = sight.start[i] - b.low, from = goes_on ? sight.from[i] - b.low : start, to = goes_on ? sight.to[i] - b.low : start;
        soften(weights + (i - b.first) * across, b.width, from, to, start, i + 1 - b.low, scale);
    }
}

// Row length of a table of keys: a block's columns begin at a multiple of lanes.
int64_t across_of(int64_t length) {
    return padded(length) + lanes;
}

// Floats that a task needs besides.
int64_t forward_floats(int64_t size, int64_t length) {
    const int64_t width = padded(size);
    return 2 * (length + block) * width + (width + block) * across_of(length);
}

int64_t backward_floats(int64_t size, int64_t length) {
    const int64_t width = padded(size);
    return 7 * length * width + 2 * (width + block) * across_of(length);
}

// The blocks part, part + parts, ...: later ones see more keys, so neighbours go to different threads.
NS_FAST_CLONES
void forward_task(float * out, float * scratch, const Problem & p, int64_t r, int64_t key_head, int64_t part, int64_t parts) {
    const int64_t size = p.size(), width = padded(size), length = p.length(), across = across_of(length);
    const float scale = 1 / __builtin_sqrtf((float) size);
    float * const k = scratch;
    float * const v = k + length * width;
    float * const q = v + length * width;
    float * const o = q + block * width;
    float * const turned_k = o + block * width;
    float * const weights = turned_k + width * across;
    gather(k, width, Head(p.k->data, size, p.key_heads(), length, r, key_head), size, length);
    gather(v, width, Head(p.v->data, size, p.key_heads(), length, r, key_head), size, length);
    turn(turned_k, across, k, width, length);
    const Sight sight = p.sight_of(r);
    for (int64_t head = key_head * p.group(); head < (key_head + 1) * p.group(); head++) {
        const Head queries(p.q->data, size, p.heads(), length, r, head), results(out, size, p.heads(), length, r, head);
        for (int64_t begin = part * block; begin < length; begin += parts * block) {
            const Block b(sight, begin, length);
            gather(q, width, queries.from(b.first), size, b.last - b.first);
            block_weights(weights, across, b, q, turned_k, width, sight, scale);
            const int64_t seen = std::min(b.width, length - b.low);
            product(o, width, weights, across, 1, v + b.low * width, width, b.last - b.first, width, seen, false);
            scatter(results.from(b.first), o, width, size, b.last - b.first);
        }
    }
}

// Gradients of the weights, in place, to those of the scores: w * (g - sum(w * g)) * scale.
NS_INLINE void soften_back(float * gradient, const float * weights, int64_t width, float scale) {
    float sum = 0;
    for (int64_t j = 0; j < width; j++) sum += weights[j] * gradient[j];
    for (int64_t j = 0; j < width; j++) gradient[j] = weights[j] * (gradient[j] - sum) * scale;
}

NS_FAST_CLONES
void backward_task(float * dq_out, float * dk_out, float * dv_out, float * scratch, const Problem & p, const float * gradient, int64_t r,
                   int64_t key_head) {
    const int64_t size = p.size(), width = padded(size), length = p.length(), across = across_of(length);
    const float scale = 1 / __builtin_sqrtf((float) size);
    float * const k = scratch;
    float * const v = k + length * width;
    float * const q = v + length * width;
    float * const d_o = q + length * width;
    float * const dq = d_o + length * width;
    float * const dk = dq + length * width;
    float * const dv = dk + length * width;
    float * const turned_k = dv + length * width;
    float * const turned_v = turned_k + width * across;
    float * const weights = turned_v + width * across;
    float * const d_scores = weights + block * across;
    gather(k, width, Head(p.k->data, size, p.key_heads(), length, r, key_head), size, length);
    gather(v, width, Head(p.v->data, size, p.key_heads(), length, r, key_head), size, length);
    turn(turned_k, across, k, width, length);
    turn(turned_v, across, v, width, length);
    std::fill(dk, dk + 2 * length * width, 0.0f);
    const Sight sight = p.sight_of(r);
    for (int64_t head = key_head * p.group(); head < (key_head + 1) * p.group(); head++) {
        gather(q, width, Head(p.q->data, size, p.heads(), length, r, head), size, length);
        gather(d_o, width, Head(gradient, size, p.heads(), length, r, head), size, length);
        for (int64_t begin = 0; begin < length; begin += block) {
            const Block b(sight, begin, length);
            const int64_t queries = b.last - b.first;
            const int64_t seen = std::min(b.width, length - b.low);
            block_weights(weights, across, b, q + b.first * width, turned_k, width, sight, scale);
            product(d_scores, across, d_o + b.first * width, width, 1, turned_v + b.low, across, queries, b.width, width, false);
            for (int64_t i = 0; i < queries; i++) soften_back(d_scores + i * across, weights + i * across, b.width, scale);
            product(dq + b.first * width, width, d_scores, across, 1, k + b.low * width, width, queries, width, seen, false);
            product(dk + b.low * width, width, d_scores, 1, across, q + b.first * width, width, seen, width, queries, true);
            product(dv + b.low * width, width, weights, 1, across, d_o + b.first * width, width, seen, width, queries, true);
        }
        scatter(Head(dq_out, size, p.heads(), length, r, head), dq, width, size, length);
    }
    scatter(Head(dk_out, size, p.key_heads(), length, r, key_head), dk, width, size, length);
    scatter(Head(dv_out, size, p.key_heads(), length, r, key_head), dv, width, size, length);
}

// The floats of one thread.
float * slice_of(const ggml_tensor * scratch, int ith) {
    return static_cast<float *>(scratch->data) + ith * scratch->ne[0];
}

void attention(ggml_tensor * dst, int ith, int nth, void *) {
    const Problem p = { dst->src[0], dst->src[1], dst->src[2], dst->src[3] };
    const ggml_tensor * scratch = dst->src[4];
    const int64_t workers = std::min<int64_t>(nth, scratch->ne[1]);
    if (ith >= workers) return;
    const int64_t heads = p.rows() * p.key_heads(), blocks = (p.length() + block - 1) / block;
    const int64_t parts = std::min(blocks, (workers + heads - 1) / heads); // fewer heads than threads: blocks are shared out too
    for (int64_t task = ith; task < heads * parts; task += workers) {
        const int64_t head = task / parts;
        forward_task(static_cast<float *>(dst->data), slice_of(scratch, ith), p, head / p.key_heads(), head % p.key_heads(), task % parts, parts);
    }
}

void attention_back(ggml_tensor * dst, int ith, int nth, void *) {
    const Problem p = { dst->src[0], dst->src[1], dst->src[2], dst->src[3] };
    float * const dq = static_cast<float *>(dst->data);
    float * const dk = dq + ggml_nelements(p.q);
    float * const dv = dk + ggml_nelements(p.k);
    const ggml_tensor * scratch = dst->src[5];
    const int64_t workers = std::min<int64_t>(nth, scratch->ne[1]);
    if (ith >= workers) return;
    for (int64_t task = ith; task < p.rows() * p.key_heads(); task += workers) {
        backward_task(dq, dk, dv, slice_of(scratch, ith), p, static_cast<const float *>(dst->src[4]->data), task / p.key_heads(), task % p.key_heads());
    }
}

} // namespace

int64_t ns_attention_scratch(int64_t size, int64_t length) {
    return std::max(forward_floats(size, length), backward_floats(size, length));
}

ggml_tensor * ns_op_attention(ggml_context * ctx, ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, ggml_tensor * sees,
                              ggml_tensor * scratch) {
    return training::node(ctx, GGML_TYPE_F32, q->ne[0] * q->ne[1], q->ne[2], { q, k, v, sees, scratch }, attention);
}

ggml_tensor * ns_op_attention_back(ggml_context * ctx, ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, ggml_tensor * sees,
                                   ggml_tensor * gradient, ggml_tensor * scratch) {
    const int64_t count = ggml_nelements(q) + ggml_nelements(k) + ggml_nelements(v);
    return training::node(ctx, GGML_TYPE_F32, count, 1, { q, k, v, sees, gradient, scratch }, attention_back);
}
