#include "session.h"

#include "runtime.h"

#include "ggml-backend.h"

#include <algorithm>

namespace {

bool on_abort_check(void * user) {
    return static_cast<ns_session *>(user)->cancelled.load(std::memory_order_relaxed);
}

llama_context_params context_params(ns_session & session, const ns_session_options & options) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = options.n_ctx;
    params.n_batch = options.n_batch;
    params.n_ubatch = options.n_batch;
    params.n_seq_max = options.n_seq_max;
    params.n_threads = options.n_threads;
    params.n_threads_batch = options.n_threads_batch;
    params.flash_attn_type = static_cast<llama_flash_attn_type>(options.flash_attention);
    params.type_k = static_cast<ggml_type>(options.type_k);
    params.type_v = static_cast<ggml_type>(options.type_v);
    params.kv_unified = options.kv_unified != 0;
    params.no_perf = true;
    params.abort_callback = on_abort_check;
    params.abort_callback_data = &session;
    if (session.hook != nullptr) {
        params.cb_eval = Hook::callback;
        params.cb_eval_user_data = session.hook.get();
    }
    return params;
}

} // namespace

ns_session::~ns_session() {
    if (context == nullptr) return;
    llama_detach_threadpool(context);
    llama_free(context);
}

ns_status ns_session_create(llama_model * model, const ns_session_options * options, ns_session ** out) {
    *out = nullptr;
    return runtime::guarded([&] {
        if (options->size != (int32_t) sizeof(ns_session_options)) return runtime::fail("ns_session_options has another size than this library's");
        if (options->n_seq_max < 1 || options->n_seq_max > llama_max_parallel_sequences()) {
            return runtime::fail("a session holds 1 to " + std::to_string(llama_max_parallel_sequences()) + " sequences, not " +
                                 std::to_string(options->n_seq_max));
        }
        if (options->hook && !options->kv_unified) return runtime::fail("the hook needs kv_unified: without it rows are not in batch order");

        auto session = std::make_unique<ns_session>();
        session->model = model;
        session->n_batch = (int32_t) options->n_batch;
        session->n_seq_max = (int32_t) options->n_seq_max;
        session->n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
        session->n_threads = std::max(options->n_threads, options->n_threads_batch);
        if (options->hook) {
            session->hook = std::make_unique<Hook>(llama_model_n_layer(model), llama_model_n_embd(model), options->attention_by_weight != 0);
        }

        runtime::Guard guard;
        session->context = llama_init_from_model(model, context_params(*session, *options));
        if (session->context == nullptr) return runtime::fail(runtime::Guard::reason("llama.cpp could not create the context"));
        session->threads = std::make_unique<ThreadPool>(session->n_threads);
        if (session->hook != nullptr) session->hook->use(session->n_threads, *session->threads);
        if (ggml_threadpool * pool = session->threads->get()) llama_attach_threadpool(session->context, pool, pool);
        *out = session.release();
        return NS_OK;
    });
}

void ns_session_free(ns_session * session) {
    delete session;
}

llama_context * ns_session_context(ns_session * session) {
    return session->context;
}

void ns_session_cancel(ns_session * session) {
    session->cancelled.store(true);
}

void ns_session_resume(ns_session * session) {
    session->cancelled.store(false);
}

namespace {

ns_status check_batch(const ns_session & session, const ns_batch & batch) {
    if (batch.n_rows < 1 || batch.n_rows > session.n_batch) {
        return runtime::fail("A batch holds 1 to " + std::to_string(session.n_batch) + " rows, not " + std::to_string(batch.n_rows));
    }
    for (int32_t i = 0; i < batch.n_rows; i++) {
        if (batch.token[i] < 0 || batch.token[i] >= session.n_vocab) {
            return runtime::fail("Row " + std::to_string(i) + " has token " + std::to_string(batch.token[i]) + ", the vocabulary has " +
                                 std::to_string(session.n_vocab));
        }
        if (batch.sequence[i] < 0 || batch.sequence[i] >= session.n_seq_max) {
            return runtime::fail("Row " + std::to_string(i) + " has sequence " + std::to_string(batch.sequence[i]) + ", the session has " +
                                 std::to_string(session.n_seq_max));
        }
        if (batch.position[i] < 0) return runtime::fail("Row " + std::to_string(i) + " has a negative position");
    }
    return NS_OK;
}

// llama.cpp only reads these arrays; its struct has no const.
llama_batch view_of(ns_session & session, const ns_batch & batch) {
    session.sequence_counts.assign(batch.n_rows, 1);
    session.sequence_pointers.resize(batch.n_rows);
    for (int32_t i = 0; i < batch.n_rows; i++) session.sequence_pointers[i] = const_cast<llama_seq_id *>(batch.sequence + i);
    llama_batch view{};
    view.n_tokens = batch.n_rows;
    view.token = const_cast<llama_token *>(batch.token);
    view.pos = const_cast<llama_pos *>(batch.position);
    view.n_seq_id = session.sequence_counts.data();
    view.seq_id = session.sequence_pointers.data();
    view.logits = reinterpret_cast<int8_t *>(session.has_output.data());
    return view;
}

} // namespace

ns_status ns_decode(ns_session * session, const ns_batch * batch, const ns_plan * plan) {
    return runtime::guarded([&] {
        if (const ns_status status = check_batch(*session, *batch); status != NS_OK) return status;
        const bool hooked = plan != nullptr && (plan->n_edits > 0 || plan->n_read_slots > 0);
        std::string error;
        if (hooked) {
            if (plan->size != (int32_t) sizeof(ns_plan)) return runtime::fail("ns_plan has another size than this library's");
            if (session->hook == nullptr) return runtime::fail("This session was created without a hook");
            if (!session->hook->begin(*batch, *plan, error)) return runtime::fail(error);
        }
        // Whatever happens, the hook must not outlive the plan it points to.
        const struct Armed {
            Hook * hook;
            ~Armed() {
                if (hook != nullptr) hook->disarm();
            }
        } armed{ session->hook.get() };

        session->has_output.assign(batch->output, batch->output + batch->n_rows);
        int32_t result;
        {
            const ThreadPool::Turn turn(*session->threads);
            result = llama_decode(session->context, view_of(*session, *batch));
            llama_synchronize(session->context);
        }
        const bool seen = !hooked || session->hook->end(error);

        if (result != 0) session->has_output.clear();
        switch (result) {
            case 0: return seen ? NS_OK : runtime::fail(error);
            case 1:
                return runtime::fail("The KV cache (" + std::to_string(llama_n_ctx(session->context)) + " cells) has no room for " +
                                         std::to_string(batch->n_rows) + " more rows; give more with -c, or run fewer sequences",
                                     NS_FULL);
            case 2: return runtime::fail("Decoding was cancelled", NS_CANCELLED);
            case -1: return runtime::fail("llama.cpp refused the batch: a sequence's positions must go on from its last one without gaps; rewind the sequence or number its rows anew");
            default: return runtime::fail("llama.cpp could not compute the batch (code " + std::to_string(result) + ")");
        }
    });
}
