#include "sums.h"

#include "compute.h"
#include "portion.h"
#include "rows.h"

#include <algorithm>

// Fewer values than this are summed by the calling thread: waking the others would take longer.
static constexpr int64_t values_worth_threads = 1 << 16;

// Two nodes that ggml runs on every thread, one after the other.
struct RowSums::Graph {
    Graph(RowSums & sums, int32_t n_threads, ThreadPool & threads) : backend(cpu_backend(n_threads, threads)) {
        ggml_init_params params = {};
        params.mem_size = 4 * ggml_tensor_overhead() + ggml_graph_overhead_custom(2, false);
        params.no_alloc = true;
        context = ggml_init(params);
        const auto node = [&](ggml_tensor * after, ggml_custom_op_t f) {
            return ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, &after, after != nullptr ? 1 : 0, f, GGML_N_TASKS_MAX, &sums);
        };
        ggml_tensor * const first = node(nullptr, [](ggml_tensor *, int i, int n, void * user) { static_cast<RowSums *>(user)->sum_chunks(i, n); });
        ggml_tensor * const second = node(first, [](ggml_tensor *, int i, int n, void * user) { static_cast<RowSums *>(user)->add_chunks(i, n); });
        nodes = ggml_new_graph_custom(context, 2, false);
        ggml_build_forward_expand(nodes, second);
    }

    ~Graph() {
        ggml_free(context);
        if (backend != nullptr) ggml_backend_free(backend);
    }

    ggml_backend_t backend;
    ggml_context * context = nullptr;
    ggml_cgraph *  nodes = nullptr;
};

RowSums::RowSums(int32_t n_embd, int32_t n_threads, ThreadPool & threads) : n_embd_(n_embd) {
    if (threads.get() == nullptr) return;
    graph_ = std::make_unique<Graph>(*this, n_threads, threads);
    if (graph_->backend == nullptr) graph_.reset();
}

RowSums::~RowSums() = default;

void RowSums::add(const float * data, size_t stride, int32_t n_rows, const ns_label * labels, int32_t n_labels, const int32_t * row_map,
                  double * sums, double * norm_sums, int64_t * counts) {
    sums_ = sums;
    prepare(data, stride, n_rows, labels, n_labels, row_map);
    run();
    for (const Chunk & chunk : chunks_) {
        double norms = 0;
        for (int32_t first = 0; first < chunk.n; first += rows::together) {
            double partial = 0;
            for (int32_t i = first; i < std::min(first + rows::together, chunk.n); i++) partial += norms_[row_[chunk.first + i]];
            norms += partial;
        }
        norm_sums[chunk.group] += norms;
        counts[chunk.group] += chunk.n;
    }
}

void RowSums::prepare(const float * data, size_t stride, int32_t n_rows, const ns_label * labels, int32_t n_labels, const int32_t * row_map) {
    data_.clear();
    row_.clear();
    norm_here_.assign(n_labels, 0);
    norms_.assign(n_rows, -1);
    chunks_.clear();
    for (int32_t i = 0; i < n_labels; i++) {
        const int32_t row = row_map[labels[i].row];
        row_.push_back(row);
        data_.push_back(data + (size_t) row * stride);
        norm_here_[i] = norms_[row] < 0;
        norms_[row] = 0;
        if (chunks_.empty() || chunks_.back().group != labels[i].group || chunks_.back().n == rows::chunk) {
            chunks_.push_back({ labels[i].group, i, 0, nullptr });
        }
        chunks_.back().n++;
    }
    const auto is_large = [](const Chunk & chunk) { return chunk.n > rows::together; };
    const size_t room = (size_t) std::count_if(chunks_.begin(), chunks_.end(), is_large) * n_embd_;
    if (room_.size() < room) room_.resize(room);
    double * next = room_.data();
    for (Chunk & chunk : chunks_) {
        if (!is_large(chunk)) continue;
        chunk.sum = next;
        next += n_embd_;
    }
}

void RowSums::run() {
    if (graph_ != nullptr && chunks_.size() > 1 && (int64_t) data_.size() * n_embd_ >= values_worth_threads &&
        ggml_backend_graph_compute(graph_->backend, graph_->nodes) == GGML_STATUS_SUCCESS) {
        return;
    }
    sum_chunks(0, 1);
    add_chunks(0, 1);
}

void RowSums::sum_chunks(int i, int count) {
    const Portion mine = portion((int64_t) chunks_.size(), 1, i, count);
    for (int64_t c = mine.from; c < mine.to; c++) sum_chunk(chunks_[c]);
}

// A norm counts as one more column: what is read from memory is read once.
void RowSums::sum_chunk(const Chunk & chunk) {
    if (chunk.sum == nullptr) {
        find_norms(chunk.first, chunk.n);
        return;
    }
    std::fill_n(chunk.sum, n_embd_, 0.0);
    for (int32_t first = chunk.first, n; first < chunk.first + chunk.n; first += n) {
        n = std::min(rows::together, chunk.first + chunk.n - first);
        const float * const * const x = data_.data() + first;
        const uint8_t * const norm_here = norm_here_.data() + first;
        if (n == rows::together && std::all_of(norm_here, norm_here + n, [](uint8_t here) { return here != 0; })) {
            double norms[rows::together];
            const bool more = first + 2 * n <= (int32_t) data_.size();
            rows::accumulate_with_norms(chunk.sum, norms, x, more ? x + n : x, n_embd_);
            for (int32_t k = 0; k < n; k++) norms_[row_[first + k]] = norms[k];
        } else {
            rows::accumulate(chunk.sum, x, n, n_embd_);
            find_norms(first, n);
        }
    }
}

void RowSums::find_norms(int32_t first, int32_t n) {
    for (int32_t i = first; i < first + n; i++) {
        if (norm_here_[i]) norms_[row_[i]] = rows::norm(data_[i], n_embd_);
    }
}

// Columns of all chunks, in the order of the chunks.
void RowSums::add_chunks(int i, int count) {
    const Portion columns = portion(n_embd_, 16, i, count);
    for (const Chunk & chunk : chunks_) {
        double * const to = sums_ + (size_t) chunk.group * n_embd_;
        if (chunk.sum != nullptr) {
            for (int64_t c = columns.from; c < columns.to; c++) to[c] += chunk.sum[c];
            continue;
        }
        const float * part[rows::together];
        for (int32_t k = 0; k < chunk.n; k++) part[k] = data_[chunk.first + k] + columns.from;
        rows::accumulate(to + columns.from, part, chunk.n, (int32_t) (columns.to - columns.from));
    }
}
