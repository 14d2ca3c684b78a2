// Where training graphs are computed. Internal to native/.

#pragma once

#include "threads.h"

#include "ggml-backend.h"

// The CPU backend of one trainer, and its threads.
struct ns_compute {
    explicit ns_compute(int32_t n_threads) : pool(n_threads) {}
    ~ns_compute() {
        if (backend != nullptr) ggml_backend_free(backend);
    }

    ggml_backend_t backend = nullptr;
    ThreadPool     pool;
};
