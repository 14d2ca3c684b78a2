#include "nativesteer.h"

#include "ggml.h"
#include "llama.h"

#include <cstddef>

#define SIZE(type)         { "sizeof(" #type ")", (int64_t) sizeof(type) }
#define OFFSET(type, field) { #type "." #field, (int64_t) offsetof(type, field) }
#define VALUE(name)        { #name, (int64_t) (name) }
#define TYPE(name)         VALUE(name), { "ggml_blck_size(" #name ")", ggml_blck_size(name) }, { "ggml_type_size(" #name ")", (int64_t) ggml_type_size(name) }

static const ns_abi_entry table[] = {
    SIZE(ns_model_options),
    OFFSET(ns_model_options, n_gpu_layers),
    OFFSET(ns_model_options, use_mmap),
    OFFSET(ns_model_options, vocab_only),
    OFFSET(ns_model_options, progress),
    OFFSET(ns_model_options, progress_user),

    SIZE(ns_session_options),
    OFFSET(ns_session_options, n_ctx),
    OFFSET(ns_session_options, n_batch),
    OFFSET(ns_session_options, n_seq_max),
    OFFSET(ns_session_options, n_threads),
    OFFSET(ns_session_options, n_threads_batch),
    OFFSET(ns_session_options, flash_attention),
    OFFSET(ns_session_options, type_k),
    OFFSET(ns_session_options, type_v),
    OFFSET(ns_session_options, kv_unified),
    OFFSET(ns_session_options, hook),
    OFFSET(ns_session_options, attention_by_weight),

    SIZE(ns_batch),
    OFFSET(ns_batch, token),
    OFFSET(ns_batch, position),
    OFFSET(ns_batch, sequence),
    OFFSET(ns_batch, output),

    SIZE(ns_edit),
    OFFSET(ns_edit, slot),
    OFFSET(ns_edit, row),
    OFFSET(ns_edit, vector),
    OFFSET(ns_edit, op),
    OFFSET(ns_edit, scale),

    SIZE(ns_label),
    OFFSET(ns_label, row),
    OFFSET(ns_label, group),

    SIZE(ns_plan),
    OFFSET(ns_plan, n_vectors),
    OFFSET(ns_plan, vectors),
    OFFSET(ns_plan, edits),
    OFFSET(ns_plan, n_edits),
    OFFSET(ns_plan, n_read_slots),
    OFFSET(ns_plan, read_slots),
    OFFSET(ns_plan, labels),
    OFFSET(ns_plan, n_labels),
    OFFSET(ns_plan, n_groups),
    OFFSET(ns_plan, sums),
    OFFSET(ns_plan, norm_sums),
    OFFSET(ns_plan, counts),
    OFFSET(ns_plan, copy_rows),
    OFFSET(ns_plan, copies),
    OFFSET(ns_plan, n_copy_rows),
    OFFSET(ns_plan, stop_early),

    SIZE(llama_chat_message),
    OFFSET(llama_chat_message, role),
    OFFSET(llama_chat_message, content),
    SIZE(llama_token),
    SIZE(llama_pos),
    SIZE(llama_seq_id),

    VALUE(NS_OK),
    VALUE(NS_ERROR),
    VALUE(NS_CANCELLED),
    VALUE(NS_FULL),
    VALUE(NS_SITE_RESIDUAL),
    VALUE(NS_SITE_ATTENTION),
    VALUE(NS_SITE_FEED_FORWARD),
    VALUE(NS_OP_ADD),
    VALUE(NS_OP_PROJECT_OUT),
    VALUE(NS_OP_CLAMP),
    VALUE(NS_OP_ADD_KEEP_NORM),
    VALUE(NS_OP_SELF_AMPLIFY),

    VALUE(GGML_LOG_LEVEL_DEBUG),
    VALUE(GGML_LOG_LEVEL_INFO),
    VALUE(GGML_LOG_LEVEL_WARN),
    VALUE(GGML_LOG_LEVEL_ERROR),
    VALUE(GGML_LOG_LEVEL_CONT),

    TYPE(GGML_TYPE_F32),
    TYPE(GGML_TYPE_F16),
    TYPE(GGML_TYPE_Q4_0),
    TYPE(GGML_TYPE_Q4_1),
    TYPE(GGML_TYPE_Q5_0),
    TYPE(GGML_TYPE_Q5_1),
    TYPE(GGML_TYPE_Q8_0),
    TYPE(GGML_TYPE_Q8_1),
    TYPE(GGML_TYPE_Q2_K),
    TYPE(GGML_TYPE_Q3_K),
    TYPE(GGML_TYPE_Q4_K),
    TYPE(GGML_TYPE_Q5_K),
    TYPE(GGML_TYPE_Q6_K),
    TYPE(GGML_TYPE_Q8_K),
    TYPE(GGML_TYPE_IQ2_XXS),
    TYPE(GGML_TYPE_IQ2_XS),
    TYPE(GGML_TYPE_IQ3_XXS),
    TYPE(GGML_TYPE_IQ1_S),
    TYPE(GGML_TYPE_IQ4_NL),
    TYPE(GGML_TYPE_IQ3_S),
    TYPE(GGML_TYPE_IQ2_S),
    TYPE(GGML_TYPE_IQ4_XS),
    TYPE(GGML_TYPE_I8),
    TYPE(GGML_TYPE_I16),
    TYPE(GGML_TYPE_I32),
    TYPE(GGML_TYPE_I64),
    TYPE(GGML_TYPE_F64),
    TYPE(GGML_TYPE_IQ1_M),
    TYPE(GGML_TYPE_BF16),
    TYPE(GGML_TYPE_TQ1_0),
    TYPE(GGML_TYPE_TQ2_0),
    TYPE(GGML_TYPE_MXFP4),
    TYPE(GGML_TYPE_NVFP4),
    TYPE(GGML_TYPE_Q1_0),
    TYPE(GGML_TYPE_Q2_0),
    VALUE(GGML_TYPE_COUNT),
    { nullptr, 0 },
};

const ns_abi_entry * ns_abi_table(void) {
    return table;
}
