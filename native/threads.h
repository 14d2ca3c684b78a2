// The CPU threads of a session. Internal to native/.

#pragma once

#include <cstdint>
#include <mutex>

#include "ggml-backend.h"

struct ggml_threadpool;

// The CPU backend is a library of its own, loaded at run time: its functions are reached by name.
template <typename F> F cpu_function(const char * name) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    ggml_backend_reg_t registry = device != nullptr ? ggml_backend_dev_backend_reg(device) : nullptr;
    return registry != nullptr ? reinterpret_cast<F>(ggml_backend_reg_get_proc_address(registry, name)) : nullptr;
}

// A ggml thread pool of a session's own. Without one ggml starts threads anew for every piece of graph, and a hook cuts
// the graph into pieces. Idle pools poll for a while before they sleep, which would take a core from another session's
// work: a pool that takes its turn puts the one before it to sleep.
class ThreadPool {
public:
    explicit ThreadPool(int32_t n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    // NULL with one thread, and where the CPU backend has no pools.
    ggml_threadpool * get() const { return pool_; }

    // Held while the session computes.
    class Turn {
    public:
        explicit Turn(ThreadPool & pool);

    private:
        std::lock_guard<std::mutex> lock_;
    };

private:
    ggml_threadpool * pool_ = nullptr;
    std::mutex        busy_;
};
