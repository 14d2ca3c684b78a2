#include "threads.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

namespace {

// The pool that may poll. ggml puts a backend's pool to sleep when the backend is given another one; this backend computes
// nothing and exists to be given pools.
struct Polling {
    std::mutex     mutex;
    ggml_backend_t backend = nullptr;
    ThreadPool *   pool = nullptr;

    void give(ThreadPool * next) {
        static const auto set = cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool");
        if (set == nullptr) return;
        if (backend == nullptr) backend = ggml_backend_dev_init(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU), nullptr);
        if (backend == nullptr) return;
        set(backend, next != nullptr ? next->get() : nullptr);
        pool = next;
    }
};

Polling & polling() {
    static Polling instance;
    return instance;
}

} // namespace

ThreadPool::ThreadPool(int32_t n_threads) {
    const auto create = cpu_function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new");
    if (create == nullptr || n_threads < 2) return;
    ggml_threadpool_params params = ggml_threadpool_params_default(n_threads);
    pool_ = create(&params);
}

ThreadPool::~ThreadPool() {
    {
        std::lock_guard<std::mutex> lock(polling().mutex);
        if (polling().pool == this) polling().give(nullptr);
    }
    if (pool_ == nullptr) return;
    if (const auto release = cpu_function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")) release(pool_);
}

ThreadPool::Turn::Turn(ThreadPool & pool) : lock_(pool.busy_) {
    std::lock_guard<std::mutex> lock(polling().mutex);
    ThreadPool * const before = polling().pool;
    if (before == &pool) return;
    // A pool that computes for another thread must not be put to sleep in the middle.
    if (before != nullptr && !before->busy_.try_lock()) return;
    polling().give(&pool);
    if (before != nullptr) before->busy_.unlock();
}
