// Where graphs of our own are computed. Internal to native/.

#pragma once

#include "threads.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

// ggml's CPU backend with threads of ours, to be freed by ggml_backend_free; NULL where it cannot be started.
inline ggml_backend_t cpu_backend(int32_t n_threads, const ThreadPool & threads) {
    ggml_backend_t backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    if (backend == nullptr) return nullptr;
    if (const auto set = cpu_function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads")) set(backend, n_threads);
    const auto set_pool = cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool");
    if (set_pool != nullptr && threads.get() != nullptr) set_pool(backend, threads.get());
    return backend;
}

// The CPU backend of one trainer, and its threads.
struct ns_compute {
    explicit ns_compute(int32_t n_threads) : pool(n_threads) {}
    ~ns_compute() {
        if (backend != nullptr) ggml_backend_free(backend);
    }

    ggml_backend_t backend = nullptr;
    ThreadPool     pool;
};
