// ggml's own training loop around a forward graph: what the explicit graphs of src/NativeSteer/Training are compared with.

#include "compute.h"
#include "nativesteer.h"
#include "runtime.h"

#include "ggml-backend.h"
#include "ggml-opt.h"
#include "ggml.h"

#include <memory>
#include <vector>

struct ns_autodiff {
    ~ns_autodiff() {
        if (result != nullptr) ggml_opt_result_free(result);
        if (context != nullptr) ggml_opt_free(context);
        if (scheduler != nullptr) ggml_backend_sched_free(scheduler);
    }

    ns_compute *              compute = nullptr;
    ggml_backend_sched_t      scheduler = nullptr;
    ggml_opt_context_t        context = nullptr;
    ggml_opt_result_t         result = nullptr;
    ggml_opt_optimizer_params optimizer = {};
    std::vector<size_t>       hot; // bytes into the labels where they are 1

    // Labels are a distribution a row. Only what the last step set is cleared: rows are as long as the vocabulary.
    void set_labels(const int32_t * targets) {
        ggml_tensor * labels = ggml_opt_labels(context);
        const float zero = 0, one = 1;
        for (const size_t place : hot) ggml_backend_tensor_set(labels, &zero, place, sizeof zero);
        hot.resize((size_t) labels->ne[1]);
        for (size_t i = 0; i < hot.size(); i++) {
            hot[i] = i * labels->nb[1] + (size_t) targets[i] * sizeof one;
            ggml_backend_tensor_set(labels, &one, hot[i], sizeof one);
        }
    }
};

static_assert(NS_AUTODIFF_NODES == GGML_DEFAULT_GRAPH_SIZE, "ggml_opt_init() makes its graphs of the default size");

ns_status ns_autodiff_create(ns_compute * compute, ggml_context * ctx, ggml_tensor * input, ggml_tensor * logits, ns_autodiff ** autodiff) {
    *autodiff = nullptr;
    return runtime::guarded([&] {
        auto made = std::make_unique<ns_autodiff>();
        made->compute = compute;
        made->scheduler = ggml_backend_sched_new(&compute->backend, nullptr, 1, 2 * NS_AUTODIFF_NODES, false, true);
        made->result = ggml_opt_result_init();

        ggml_opt_params params = ggml_opt_default_params(made->scheduler, GGML_OPT_LOSS_TYPE_CROSS_ENTROPY);
        params.ctx_compute = ctx;
        params.inputs = input;
        params.outputs = logits;
        params.get_opt_pars = ggml_opt_get_constant_optimizer_params;
        params.get_opt_pars_ud = &made->optimizer;

        runtime::Guard guard; // ggml asserts on what it cannot derive, and on a graph that is too large
        made->context = ggml_opt_init(params);
        ggml_tensor * labels = ggml_opt_labels(made->context);
        if (labels->data == nullptr) return runtime::fail("there is not enough memory for the moments of ggml's autodiff");
        ggml_backend_tensor_memset(labels, 0, 0, ggml_nbytes(labels));
        ggml_opt_alloc(made->context, true);
        if (ggml_backend_sched_get_buffer_size(made->scheduler, compute->backend) == 0) {
            return runtime::fail("there is not enough memory for the activations of ggml's autodiff");
        }
        *autodiff = made.release();
        return NS_OK;
    });
}

void ns_autodiff_free(ns_autodiff * autodiff) {
    delete autodiff;
}

ns_status ns_autodiff_step(ns_autodiff * autodiff, const int32_t * targets, const float * adamw, double * loss) {
    return runtime::guarded([&] {
        const ThreadPool::Turn turn(autodiff->compute->pool);
        autodiff->set_labels(targets);
        autodiff->optimizer.adamw = { adamw[0], adamw[1], adamw[2], adamw[3], adamw[4] };
        ggml_opt_result_reset(autodiff->result);
        ggml_opt_eval(autodiff->context, autodiff->result);
        ggml_opt_alloc(autodiff->context, true); // for the next step: the same graph, so this only marks it as ready
        ggml_opt_result_loss(autodiff->result, loss, nullptr);
        return NS_OK;
    });
}
