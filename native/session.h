// A llama_context with its hook, threads and cancel flag. Internal to native/.

#pragma once

#include "hook.h"
#include "threads.h"

#include "llama.h"

#include <atomic>
#include <memory>
#include <vector>

struct ns_session {
    llama_model *   model = nullptr;
    llama_context * context = nullptr;

    std::unique_ptr<ThreadPool> threads; // freed after the hook and the context, which the destructor frees
    std::unique_ptr<Hook>       hook;
    std::atomic<bool>           cancelled{ false };

    int32_t n_threads = 1;
    int32_t n_batch = 0;
    int32_t n_seq_max = 0;
    int32_t n_vocab = 0;

    // The last decoded batch: which rows have logits.
    std::vector<uint8_t> has_output;

    // llama_batch wants pointers per row; kept between calls.
    std::vector<int32_t>        sequence_counts;
    std::vector<llama_seq_id *> sequence_pointers;

    // One candidate list per sampling thread.
    std::vector<std::vector<llama_token_data>> candidates;

    ns_session() = default;
    ns_session(const ns_session &) = delete;
    ns_session & operator=(const ns_session &) = delete;
    ~ns_session();
};
