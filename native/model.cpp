#include "nativesteer.h"

#include "runtime.h"

#include "ggml.h"
#include "llama.h"

#include <cstring>

namespace {

struct Progress {
    ns_progress_fn function;
    void *         user;
    bool           stopped = false;
};

bool on_progress(float value, void * user) {
    auto & progress = *static_cast<Progress *>(user);
    if (progress.function != nullptr && progress.function(value, progress.user) == 0) progress.stopped = true;
    return !progress.stopped;
}

} // namespace

ns_status ns_model_load(const char * path, const ns_model_options * options, llama_model ** model) {
    *model = nullptr;
    return runtime::guarded([&] {
        if (options->size != (int32_t) sizeof(ns_model_options)) return runtime::fail("ns_model_options has another size than this library's");

        Progress progress{ options->progress, options->progress_user };
        llama_model_params params = llama_model_default_params();
        params.n_gpu_layers = options->n_gpu_layers;
        params.load_mode = options->use_mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
        params.vocab_only = options->vocab_only != 0;
        params.progress_callback = on_progress;
        params.progress_callback_user_data = &progress;

        runtime::Guard guard;
        *model = llama_model_load_from_file(path, params);
        if (*model != nullptr) return NS_OK;
        if (progress.stopped) return runtime::fail("Loading was stopped", NS_CANCELLED);
        return runtime::fail(runtime::Guard::reason("llama.cpp gave no reason"));
    });
}

void ns_model_free(llama_model * model) {
    if (model != nullptr) llama_model_free(model);
}

ns_status ns_weights_decode(int32_t type, const void * data, int64_t n, float * values) {
    return runtime::guarded([&] {
        if (type < 0 || type >= GGML_TYPE_COUNT) return runtime::fail("ggml has no type " + std::to_string(type));
        if (type == GGML_TYPE_F32) {
            memcpy(values, data, (size_t) n * sizeof(float));
            return NS_OK;
        }
        const ggml_type_traits * traits = ggml_get_type_traits((ggml_type) type);
        if (traits->to_float == nullptr || traits->blck_size < 1 || n % traits->blck_size != 0) {
            return runtime::fail(std::to_string(n) + " numbers of type " + (traits->type_name ? traits->type_name : "?") + " cannot be read as floats");
        }
        traits->to_float(data, values, n);
        return NS_OK;
    });
}
