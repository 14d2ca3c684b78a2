#include "nativesteer.h"

#include "runtime.h"

#include "llama.h"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// llama.cpp reports what it does in its log alone: a line for each tensor, and one for each that has to become another type.
struct Watch {
    const ns_quantize_options & options;
    int32_t n_fallback = 0;
    bool    stopped = false;

    void line(const char * text) {
        int done = 0, of = 0;
        if (sscanf(text, "[%d/%d]", &done, &of) == 2 && of > 0 && options.progress != nullptr) {
            stopped = options.progress((float) (done - 1) / (float) of, options.progress_user) == 0;
            // Between two tensors no other thread is at work, and llama_model_quantize catches what its own code throws.
            if (stopped) throw std::runtime_error("stopped");
        }
        if (std::string(text).find("-> falling back to") != std::string::npos) n_fallback++;
    }
};

std::vector<llama_model_imatrix_data> importances(const ns_quantize_options & options) {
    std::vector<llama_model_imatrix_data> list;
    for (int32_t i = 0; i < options.n_importances; i++) {
        const ns_importance & entry = options.importances[i];
        list.push_back({ entry.tensor, entry.values, (size_t) entry.n_values });
    }
    list.push_back({ nullptr, nullptr, 0 });
    return list;
}

} // namespace

ns_status ns_quantize(const char * input, const char * output, const ns_quantize_options * options, int32_t * n_fallback) {
    *n_fallback = 0;
    return runtime::guarded([&] {
        if (options->size != (int32_t) sizeof(ns_quantize_options)) return runtime::fail("ns_quantize_options has another size than this library's");

        const std::vector<llama_model_imatrix_data> imatrix = importances(*options);
        llama_model_quantize_params params = llama_model_quantize_default_params();
        params.nthread = options->n_threads;
        params.ftype = (llama_ftype) options->file_type;
        params.allow_requantize = options->allow_requantize != 0;
        params.quantize_output_tensor = options->keep_output == 0;
        params.pure = options->pure != 0;
        params.imatrix = options->n_importances > 0 ? imatrix.data() : nullptr;

        Watch watch{ *options };
        runtime::Guard guard([&](const char * text) { watch.line(text); });
        const uint32_t result = llama_model_quantize(input, output, &params);
        *n_fallback = watch.n_fallback;
        if (watch.stopped) return runtime::fail("Quantizing was stopped", NS_CANCELLED);
        return result == 0 ? NS_OK : runtime::fail(runtime::Guard::reason("llama.cpp gave no reason"));
    });
}
