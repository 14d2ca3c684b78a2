#include "compute.h"
#include "nativesteer.h"
#include "runtime.h"

#include "ggml-alloc.h"

#include <algorithm>
#include <memory>

ns_status ns_compute_create(int32_t n_threads, ns_compute ** compute) {
    return runtime::guarded([&] {
        *compute = nullptr;
        n_threads = std::clamp(n_threads, 1, GGML_MAX_N_THREADS);
        auto made = std::make_unique<ns_compute>(n_threads);
        made->backend = cpu_backend(n_threads, made->pool);
        if (made->backend == nullptr) return runtime::fail("ggml's CPU backend cannot be started");
        *compute = made.release();
        return NS_OK;
    });
}

void ns_compute_free(ns_compute * compute) {
    delete compute;
}

ggml_backend * ns_compute_backend(ns_compute * compute) {
    return compute->backend;
}

ns_status ns_compute_run(ns_compute * compute, ggml_cgraph * graph) {
    return runtime::guarded([&] {
        const ThreadPool::Turn turn(compute->pool);
        const ggml_status status = ggml_backend_graph_compute(compute->backend, graph);
        if (status == GGML_STATUS_SUCCESS) return NS_OK;
        return runtime::fail(std::string("the training graph failed: ") + ggml_status_to_string(status));
    });
}

ggml_context * ns_tensors_new(int64_t n_tensors, int64_t n_nodes) {
    ggml_init_params params = {};
    params.mem_size = (size_t) n_tensors * ggml_tensor_overhead() + (n_nodes > 0 ? ggml_graph_overhead_custom((size_t) n_nodes, false) : 0);
    params.no_alloc = true;
    return ggml_init(params);
}

int32_t ns_tensor_shape(const ggml_tensor * tensor, int64_t * ne) {
    std::copy(tensor->ne, tensor->ne + GGML_MAX_DIMS, ne);
    return tensor->type;
}

ns_status ns_tensor_place(ggml_tensor * tensor, const ggml_tensor * where) {
    return runtime::guarded([&] {
        if (tensor->data != nullptr || tensor->view_src != nullptr) return runtime::fail("a tensor that has data cannot be placed elsewhere");
        if (where->buffer == nullptr || ggml_nbytes(tensor) != ggml_nbytes(where)) return runtime::fail("a tensor was placed where it does not fit");
        if (ggml_backend_tensor_alloc(where->buffer, tensor, where->data) != GGML_STATUS_SUCCESS) return runtime::fail("a tensor cannot be placed");
        return NS_OK;
    });
}

ns_status ns_graph_schedule(ggml_cgraph * graph, ggml_tensor * tensor) {
    return runtime::guarded([&] {
        runtime::Guard guard; // ggml asserts that there is room before it writes
        ggml_build_forward_expand(graph, tensor);
        return NS_OK;
    });
}
