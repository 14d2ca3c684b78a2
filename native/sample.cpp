#include "session.h"

#include "runtime.h"
#include "sampler.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <system_error>
#include <thread>

namespace {

// Below this many logits a second thread costs more than it saves.
constexpr int64_t logits_per_thread = 1 << 20;

// The first index of the largest value, as llama.cpp's greedy sampler has it.
int32_t argmax(const float * logits, int32_t n) {
    constexpr int32_t lanes = 16;
    float best[lanes];
    for (float & b : best) b = -INFINITY;
    int32_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (int32_t k = 0; k < lanes; k++) best[k] = logits[i + k] > best[k] ? logits[i + k] : best[k];
    }
    float top = *std::max_element(best, best + lanes);
    for (; i < n; i++) top = std::max(top, logits[i]);
    return (int32_t) (std::find(logits, logits + n, top) - logits) % n;
}

double log_sum_exp(const float * logits, int32_t n) {
    const float top = logits[argmax(logits, n)];
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += (double) std::exp(logits[i] - top);
    return (double) top + std::log(sum);
}

// A damaged model, or steering that is far too strong, yields NaN and infinities. llama.cpp's samplers make NaN of an
// infinity and sort NaN with an order that std::sort may run wild on. (Minus infinity is a token that is masked.)
bool are_numbers(const float * logits, int32_t n) {
    int32_t bad = 0, finite = 0;
    for (int32_t i = 0; i < n; i++) {
        bad += logits[i] != logits[i] || logits[i] == INFINITY;
        finite += logits[i] > -INFINITY;
    }
    return bad == 0 && finite > 0;
}

constexpr int32_t picked_none = -1, not_numbers = -2, grammar_ended = -3;

llama_token_data_array all_tokens(const float * logits, int32_t n, std::vector<llama_token_data> & candidates) {
    for (int32_t i = 0; i < n; i++) candidates[i] = { i, logits[i], 0.0f };
    return { candidates.data(), candidates.size(), -1, false };
}

int32_t draw(llama_sampler * chain, llama_token_data_array & list) {
    llama_sampler_apply(chain, &list);
    if (list.selected < 0 || list.selected >= (int64_t) list.size) return picked_none;
    const llama_token token = list.data[list.selected].id;
    llama_sampler_accept(chain, token);
    return token;
}

bool is_allowed(llama_sampler * grammar, llama_token token) {
    llama_token_data candidate{ token, 0.0f, 0.0f };
    llama_token_data_array one{ &candidate, 1, -1, false };
    llama_sampler_apply(grammar, &one);
    return candidate.logit > -INFINITY;
}

int32_t pick_allowed(const float * logits, int32_t n, const ns_sampler & sampler, std::vector<llama_token_data> & candidates) {
    llama_token_data_array list = all_tokens(logits, n, candidates);
    llama_sampler_apply(sampler.grammar, &list);
    const auto likelier = [](const llama_token_data & a, const llama_token_data & b) { return a.logit < b.logit; };
    const llama_token_data * best = std::max_element(list.data, list.data + list.size, likelier);
    if (best->logit == -INFINITY) return grammar_ended;
    return sampler.chain == nullptr ? best->id : draw(sampler.chain, list);
}

// The token, or one of the negative numbers above.
int32_t pick(const float * logits, int32_t n, ns_sampler * sampler, std::vector<llama_token_data> & candidates) {
    if (!are_numbers(logits, n)) return not_numbers;
    if (sampler == nullptr) return argmax(logits, n);
    int32_t token;
    if (sampler->chain == nullptr) {
        token = argmax(logits, n);
    } else {
        llama_token_data_array list = all_tokens(logits, n, candidates);
        token = draw(sampler->chain, list);
    }
    if (sampler->grammar == nullptr || token < 0) return token;
    // A grammar reads the text of every token it is asked about. So a free pick is tried first: taking it when it is allowed,
    // and else drawing from all that are, is the same distribution.
    if (!is_allowed(sampler->grammar, token)) token = pick_allowed(logits, n, *sampler, candidates);
    if (token >= 0) llama_sampler_accept(sampler->grammar, token);
    return token;
}

} // namespace

ns_status ns_sample(ns_session * session, int32_t n, const int32_t * rows, ns_sampler * const * samplers, int32_t * tokens, float * log_probs) {
    return runtime::guarded([&] {
        // Looked up on this thread: llama.cpp may reorder its output buffer on the first access.
        std::vector<const float *> logits(n);
        for (int32_t i = 0; i < n; i++) {
            const int32_t row = rows[i];
            if (row < 0 || row >= (int32_t) session->has_output.size() || !session->has_output[row]) {
                return runtime::fail("Row " + std::to_string(row) + " of the last batch has no logits to sample from");
            }
            logits[i] = llama_get_logits_ith(session->context, row);
            if (logits[i] == nullptr) return runtime::fail("llama.cpp has no logits for row " + std::to_string(row));
        }

        const int64_t work = (int64_t) n * session->n_vocab;
        const int32_t n_threads = (int32_t) std::clamp<int64_t>(work / logits_per_thread, 1, std::min(session->n_threads, n));
        session->candidates.resize(std::max((size_t) n_threads, session->candidates.size()));
        for (auto & candidates : session->candidates) candidates.resize(session->n_vocab);
        std::atomic<bool> failed{ false };
        const auto work_portion = [&](int32_t thread) {
            try {
                for (int32_t i = thread; i < n; i += n_threads) {
                    tokens[i] = pick(logits[i], session->n_vocab, samplers ? samplers[i] : nullptr, session->candidates[thread]);
                    if (log_probs != nullptr && tokens[i] >= 0) {
                        log_probs[i] = (float) (logits[i][tokens[i]] - log_sum_exp(logits[i], session->n_vocab));
                    }
                }
            } catch (...) {
                failed = true; // an exception that leaves a thread ends the process
            }
        };
        std::vector<std::thread> helpers;
        helpers.reserve(n_threads);
        int32_t started = 1;
        try {
            for (; started < n_threads; started++) helpers.emplace_back(work_portion, started);
        } catch (const std::system_error &) {
            // No more threads are to be had: the rest is done here.
        }
        work_portion(0);
        for (int32_t t = started; t < n_threads; t++) work_portion(t);
        for (std::thread & helper : helpers) helper.join();
        if (failed) return runtime::fail("Sampling failed; memory may be short");

        for (int32_t i = 0; i < n; i++) {
            if (tokens[i] == not_numbers) {
                return runtime::fail("The logits after row " + std::to_string(rows[i]) +
                                     " are not numbers: the model's weights are damaged, or a steering vector is far too large");
            }
            if (tokens[i] == grammar_ended) {
                return runtime::fail("No token of the vocabulary goes on as the grammar wants after row " + std::to_string(rows[i]) +
                                     "; a grammar that can end needs a vocabulary with an end token");
            }
            if (tokens[i] < 0) return runtime::fail("The sampler picked no token for row " + std::to_string(rows[i]));
        }
        return NS_OK;
    });
}
