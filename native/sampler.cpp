#include "sampler.h"

#include "runtime.h"

#include "llama.h"

#include <memory>

namespace {

// The order is that of llama.cpp's own programs.
llama_sampler * create_chain(const ns_sampler_options & options) {
    llama_sampler * chain = llama_sampler_chain_init({ /*no_perf*/ true });
    if (options.top_k > 0) llama_sampler_chain_add(chain, llama_sampler_init_top_k(options.top_k));
    if (options.top_p < 1) llama_sampler_chain_add(chain, llama_sampler_init_top_p(options.top_p, 1));
    if (options.min_p > 0) llama_sampler_chain_add(chain, llama_sampler_init_min_p(options.min_p, 1));
    llama_sampler_chain_add(chain, llama_sampler_init_temp(options.temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(options.seed));
    return chain;
}

} // namespace

ns_sampler::~ns_sampler() {
    if (chain != nullptr) llama_sampler_free(chain);
    if (grammar != nullptr) llama_sampler_free(grammar);
}

ns_status ns_sampler_create(const llama_vocab * vocabulary, const ns_sampler_options * options, ns_sampler ** sampler) {
    return runtime::guarded([&] {
        *sampler = nullptr;
        auto result = std::make_unique<ns_sampler>();
        if (options->temperature > 0) result->chain = create_chain(*options);
        if (options->grammar != nullptr) {
            if (vocabulary == nullptr) return runtime::fail("A grammar needs the vocabulary whose tokens it is to judge");
            runtime::Guard guard;
            result->grammar = llama_sampler_init_grammar(vocabulary, options->grammar, "root");
            if (result->grammar == nullptr) return runtime::fail("The grammar cannot be used: " + guard.reason("llama.cpp refused it"));
        }
        *sampler = result.release();
        return NS_OK;
    });
}

void ns_sampler_free(ns_sampler * sampler) {
    delete sampler;
}
