// A sampler: llama.cpp's chain and, apart from it, a grammar. Internal to native/.

#pragma once

#include "nativesteer.h"

struct llama_sampler;

struct ns_sampler {
    llama_sampler * chain = nullptr;   // NULL: the most likely token
    llama_sampler * grammar = nullptr; // NULL: any text

    ns_sampler() = default;
    ns_sampler(const ns_sampler &) = delete;
    ns_sampler & operator=(const ns_sampler &) = delete;
    ~ns_sampler();
};
