// Sums of labelled rows in the host's memory, on all threads of a session. Internal to native/.

#pragma once

#include "nativesteer.h"

#include "ggml-backend.h"

#include <cstddef>
#include <memory>
#include <vector>

class ThreadPool;

class RowSums {
public:
    // threads: of the session that the rows come from, which computes nothing meanwhile.
    RowSums(int32_t n_embd, int32_t n_threads, ThreadPool & threads);
    ~RowSums();
    RowSums(const RowSums &) = delete;
    RowSums & operator=(const RowSums &) = delete;

    // Adds rows to sums (groups, n_embd), their L2 norms to norm_sums (groups), and counts them (groups). Labels are ordered by group;
    // row_map: from a label's row to that of the tensor, whose n_rows rows are `stride` floats apart.
    // The results do not depend on the number of threads.
    void add(const float * data, size_t stride, int32_t n_rows, const ns_label * labels, int32_t n_labels, const int32_t * row_map,
             double * sums, double * norm_sums, int64_t * counts);

private:
    // At most rows::chunk rows of a group. What they add up to is made apart and then added at once; what is made at once anyway, of few
    // rows, needs no room.
    struct Chunk {
        int32_t group, first, n; // rows [first, first + n) of data_
        double * sum;            // (n_embd), or NULL of at most rows::together rows
    };
    struct Graph;

    void prepare(const float * data, size_t stride, int32_t n_rows, const ns_label * labels, int32_t n_labels, const int32_t * row_map);
    void sum_chunk(const Chunk & chunk);
    void find_norms(int32_t first, int32_t n);
    void sum_chunks(int i, int count);
    void add_chunks(int i, int count);
    void run();

    const int32_t n_embd_;
    double *      sums_ = nullptr;

    std::vector<const float *> data_;      // (n_labels) where the rows lie
    std::vector<int32_t>       row_;       // (n_labels) which they are
    std::vector<uint8_t>       norm_here_; // (n_labels) whether the norm is computed at this place; a row may have several labels
    std::vector<double>        norms_;     // (n_rows)
    std::vector<Chunk>         chunks_;
    std::vector<double>        room_;      // for the chunks' sums

    std::unique_ptr<Graph> graph_; // NULL with one thread
};
