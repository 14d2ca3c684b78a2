// nativesteer: the part of NativeSteer that must sit inside llama.cpp's process and call stack.
//
// It loads models, runs batches, and while llama.cpp computes the graph it reads rows of the residual stream (to sum
// them or to copy them out) and edits rows in place (to steer). Everything else is done in C#, over this header and
// over llama.cpp's own functions, which libnativesteer's dependencies export.
//
// A worked example: add 8 x v to the residual of row 0 after block 10, and sum row 1 after block 10 as group 0.
//
//     ns_initialize("/folder/of/the/ggml/libraries", NULL);
//     struct llama_model * model;
//     ns_model_options mo = { .size = sizeof mo, .n_gpu_layers = 0, .use_mmap = 1 };
//     if (ns_model_load("model.gguf", &mo, &model) != NS_OK) { puts(ns_last_error()); return 1; }
//     ns_session * session;
//     ns_session_options so = { .size = sizeof so, .n_ctx = 512, .n_batch = 512, .n_seq_max = 2,
//                               .n_threads = 2, .n_threads_batch = 2, .flash_attention = -1,
//                               .type_k = 1, .type_v = 1, .kv_unified = 1, .hook = 1 };
//     ns_session_create(model, &so, &session);
//
//     int32_t token[2] = { 1, 1 }, position[2] = { 0, 0 }, sequence[2] = { 0, 1 };
//     uint8_t output[2] = { 1, 1 };
//     ns_batch batch = { .n_rows = 2, .token = token, .position = position, .sequence = sequence, .output = output };
//
//     ns_edit  edit  = { .slot = NS_SLOT(NS_SITE_RESIDUAL, 10, n_layer), .row = 0, .vector = 0, .op = NS_OP_ADD, .scale = 8 };
//     ns_label label = { .row = 1, .group = 0 };
//     int32_t  read  = NS_SLOT(NS_SITE_RESIDUAL, 10, n_layer);
//     ns_plan plan = { .size = sizeof plan, .vectors = v, .n_vectors = 1, .edits = &edit, .n_edits = 1,
//                      .read_slots = &read, .n_read_slots = 1,
//                      .labels = &label, .n_labels = 1, .n_groups = 1, .sums = sums, .norm_sums = norms, .counts = counts };
//     if (ns_decode(session, &batch, &plan) != NS_OK) puts(ns_last_error());
//
//     ns_session_free(session);
//     ns_model_free(model);
//
// Who owns what: the caller owns every array it passes and keeps it alive and unmoved until the function returns;
// nothing is kept after that, except the log callback. Models and sessions belong to the caller until freed; a session
// must be freed before its model. A session is used by one thread at a time. Functions that return ns_status leave a
// one-line message in ns_last_error() of the calling thread when they do not return NS_OK.

#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NS_API __attribute__((visibility("default")))

// Raised with every change of a struct or function below; the C# side refuses a library with another number.
#define NS_ABI_VERSION 9

struct llama_model;
struct llama_context;
struct llama_vocab;
struct llama_chat_message;
typedef struct ns_session ns_session;
typedef struct ns_sampler ns_sampler;

typedef enum {
    NS_OK        = 0,
    NS_ERROR     = 1, // see ns_last_error()
    NS_CANCELLED = 2, // ns_session_cancel() was called, or the progress callback returned 0
    NS_FULL      = 3, // the KV cache has no room for the batch: nothing was decoded
} ns_status;

// ---------------------------------------------------------------------------------------------------------------------
// The process

NS_API int32_t      ns_abi_version(void);
NS_API const char * ns_last_error(void);

// level: ggml_log_level (1 debug, 2 info, 3 warn, 4 error, 5 continuation), or NS_LOG_NOTICE. line: UTF-8, ends with a newline mostly.
#define NS_LOG_NOTICE 100 // a sentence of ours that a user should see, without a newline
typedef void (*ns_log_fn)(int32_t level, const char * line);

// Loads ggml's backends from library_dir (UTF-8) and checks that libllama is the version whose headers this library
// was built with. Call once, before anything else; later calls only replace the log function. log may be NULL.
NS_API ns_status ns_initialize(const char * library_dir, ns_log_fn log);

// "NAME: DESCRIPTION" of the i-th compute device that ggml found, NULL when i is out of range.
NS_API const char * ns_device_name(int32_t i);

// Bytes of memory that the i-th device has free, and has; 0 where it does not say, or i is out of range.
NS_API void ns_device_memory(int32_t i, int64_t * free, int64_t * total);

// ---------------------------------------------------------------------------------------------------------------------
// Models

// progress: 0 to 1; return 0 to stop loading.
typedef uint8_t (*ns_progress_fn)(float progress, void * user);

typedef struct {
    int32_t        size;         // sizeof(ns_model_options)
    int32_t        n_gpu_layers; // layers kept on the GPU, negative: all
    uint8_t        use_mmap;
    uint8_t        vocab_only;   // no weights: tokenizing only
    uint8_t        reserved[6];
    ns_progress_fn progress;     // may be NULL
    void *         progress_user;
} ns_model_options;

// The file must have been checked before (sizes, offsets, key types): ggml asserts on some malformed files. As a second
// line of defence an assertion inside this call is turned into NS_ERROR instead of ending the process.
NS_API ns_status ns_model_load(const char * path, const ns_model_options * options, struct llama_model ** model);
NS_API void      ns_model_free(struct llama_model * model);

// Weights as floats: n numbers of a ggml_type, whole blocks, from data as it lies in the file. values: (n).
NS_API ns_status ns_weights_decode(int32_t type, const void * data, int64_t n, float * values);

// The squares of a matrix's inputs, their mean over a text: which of its columns matter.
typedef struct {
    const char *  tensor;
    const float * values;   // (n_values): columns, or columns x experts
    int64_t       n_values;
} ns_importance;

typedef struct {
    int32_t               size;      // sizeof(ns_quantize_options)
    int32_t               file_type; // enum llama_ftype
    int32_t               n_threads; // 0: all
    int32_t               n_importances;
    const ns_importance * importances;
    uint8_t               allow_requantize; // of matrices that are quantised already
    uint8_t               pure;             // every matrix in the type's own number format, no mixture
    uint8_t               keep_output;      // leave the output matrix as it is
    uint8_t               reserved[5];
    ns_progress_fn        progress;         // may be NULL; told between matrices
    void *                progress_user;
} ns_quantize_options;

// Writes the model at input (checked as for ns_model_load) to output, another file, with its matrices in another number format.
// *n_fallback: matrices whose rows are no whole blocks of their format and got another one.
NS_API ns_status ns_quantize(const char * input, const char * output, const ns_quantize_options * options, int32_t * n_fallback);

// ---------------------------------------------------------------------------------------------------------------------
// Text: llama.cpp's functions of the same kind, whose exceptions and assertions become NS_ERROR here
//
// text is UTF-8 without an end mark. *count receives the length of the result; negative: the negated room it needs.

// tokens: (n_max). add_special: begin and end tokens where the model wants them; parse_special: read their spelling as tokens.
NS_API ns_status ns_tokenize(const struct llama_vocab * vocabulary, const char * text, int32_t n_bytes, int32_t * tokens, int32_t n_max,
                             uint8_t add_special, uint8_t parse_special, int32_t * count);

// tokens: (n), in the vocabulary. text: (n_max) bytes.
NS_API ns_status ns_detokenize(const struct llama_vocab * vocabulary, const int32_t * tokens, int32_t n, char * text, int32_t n_max,
                               uint8_t remove_special, uint8_t unparse_special, int32_t * count);

// The bytes of one token. special: spell out special tokens, which have none otherwise.
NS_API ns_status ns_token_piece(const struct llama_vocab * vocabulary, int32_t token, char * text, int32_t n_max, uint8_t special,
                                int32_t * count);

// messages: (n). *count: the whole length, also when it is more than n_max; -1 for a template llama.cpp does not know.
NS_API ns_status ns_chat_format(const char * chat_template, const struct llama_chat_message * messages, int32_t n, uint8_t add_assistant,
                                char * text, int32_t n_max, int32_t * count);

// ---------------------------------------------------------------------------------------------------------------------
// Sessions: a context with the hook installed

typedef struct {
    int32_t  size;            // sizeof(ns_session_options)
    uint32_t n_ctx;           // cells of the KV cache, all sequences together
    uint32_t n_batch;         // most rows of one ns_decode; also the physical batch, so that row order is batch order
    uint32_t n_seq_max;       // 1 to 256
    int32_t  n_threads;       // for batches of one row
    int32_t  n_threads_batch; // for larger batches
    int32_t  flash_attention; // -1 llama.cpp decides, 0 off, 1 on
    int32_t  type_k;          // ggml_type of the cache's keys
    int32_t  type_v;          // ggml_type of the cache's values
    uint8_t  kv_unified;      // 1: sequences share cells (forks are free); must be 1 when hook is 1
    uint8_t  hook;            // 0: no eval callback at all (plain llama.cpp, for comparison)
    uint8_t  attention_by_weight; // the model does not name attn_out: take the product with blk.N.attn_output.weight
    uint8_t  reserved[5];
} ns_session_options;

NS_API ns_status ns_session_create(struct llama_model * model, const ns_session_options * options, ns_session ** session);
NS_API void      ns_session_free(ns_session * session);

// The llama_context inside, for llama.cpp's own functions. Owned by the session.
NS_API struct llama_context * ns_session_context(ns_session * session);

// May be called from any thread, also while ns_decode runs, which then returns NS_CANCELLED soon after.
// The flag stays set until ns_session_resume().
NS_API void ns_session_cancel(ns_session * session);
NS_API void ns_session_resume(ns_session * session);

// ---------------------------------------------------------------------------------------------------------------------
// Decoding with a plan

typedef struct {
    int32_t         n_rows;
    const int32_t * token;    // (n_rows)
    const int32_t * position; // (n_rows), consecutive per sequence
    const int32_t * sequence; // (n_rows), 0 to n_seq_max - 1
    const uint8_t * output;   // (n_rows), 1: logits are wanted; in the last block only these rows go past attention
} ns_batch;

// Where in a block. All are F32 (n_rows, n_embd).
typedef enum {
    NS_SITE_RESIDUAL     = 0, // l_out-N: the residual stream after block N
    NS_SITE_ATTENTION    = 1, // attn_out-N: what attention yields, before a norm after it where there is one
    NS_SITE_FEED_FORWARD = 2, // ffn_out-N: what the feed-forward network yields, likewise
    NS_SITE_COUNT        = 3,
} ns_site;

#define NS_SLOT(site, layer, n_layer) ((site) * (n_layer) + (layer))

typedef enum {
    NS_OP_ADD           = 0, // h += scale * v
    NS_OP_PROJECT_OUT   = 1, // h -= scale * (h.v) v, v of unit length; scale 1 removes the direction
    NS_OP_CLAMP         = 2, // h += (scale - h.v) v, v of unit length; afterwards h.v = scale
    NS_OP_ADD_KEEP_NORM = 3, // h = (h + scale * v) * |h| / |h + scale * v|
    NS_OP_SELF_AMPLIFY  = 4, // h += scale * h / |h|, without a vector
} ns_op;

// Additions that follow each other on the same slot and row are summed first and added once, as llama.cpp does with
// several control vectors, so that v and -v cancel exactly.
typedef struct {
    int32_t slot;
    int32_t row;    // row of the batch
    int32_t vector; // row of ns_plan.vectors; not read by NS_OP_SELF_AMPLIFY
    int32_t op;     // ns_op
    float   scale;
} ns_edit;

typedef struct {
    int32_t row;   // row of the batch
    int32_t group; // 0 to n_groups - 1
} ns_label;

// What is to be done to one slot whose rows lie in a GPU's memory.
typedef struct {
    int32_t          size;       // sizeof(ns_device_work)
    int32_t          n_rows;     // of the tensor, in which the rows of edits and labels are
    void *           data;       // the first row, F32, in the memory of a CUDA device
    int64_t          stride;     // floats from one row to the next
    const ns_edit *  edits;      // (n_edits) of this slot, ordered by row, then order of application
    const ns_label * labels;     // (n_labels), ordered by group
    int32_t          n_edits;
    int32_t          n_labels;
    int32_t          read_index; // of the slot in ns_plan.read_slots, -1 when there are no labels
    int32_t          reserved;
} ns_device_work;

typedef enum {
    NS_DEVICE_DONE     = 0, // edits, then sums, both finished
    NS_DEVICE_DECLINED = 1, // nothing was done: the rows are copied to the host and worked on there
    NS_DEVICE_FAILED   = 2, // the decode ends with NS_ERROR
} ns_device_result;

// Called on the thread of ns_decode, when the backend has finished computing the rows; the backend goes on when it returns.
typedef int32_t (*ns_device_fn)(const ns_device_work * work, void * user);

typedef struct {
    int32_t           size;         // sizeof(ns_plan)
    int32_t           n_vectors;
    const float *     vectors;      // (n_vectors, n_embd)
    const ns_edit *   edits;        // (n_edits), ordered by slot, then row, then order of application
    int32_t           n_edits;
    int32_t           n_read_slots;
    const int32_t *   read_slots;   // (n_read_slots), ascending: the slots that are summed and copied
    const ns_label *  labels;       // (n_labels), ordered by group; a row may have several
    int32_t           n_labels;
    int32_t           n_groups;
    double *          sums;         // (n_read_slots, n_groups, n_embd), added to
    double *          norm_sums;    // (n_read_slots, n_groups), sums of the rows' L2 norms, added to
    int64_t *         counts;       // (n_read_slots, n_groups), rows, added to
    const int32_t *   copy_rows;    // (n_copy_rows), rows of the batch to copy out
    float *           copies;       // (n_copy_rows, n_read_slots, n_embd), overwritten
    int32_t           n_copy_rows;
    uint8_t           stop_early;   // no logits are wanted: leave the graph after the last slot of this plan
    uint8_t           host_is_device; // for tests: give `device` rows in the host's memory as well
    uint8_t           reserved[2];
    ns_device_fn      device;       // does edits and sums of rows in a CUDA device's memory; NULL: they are copied to the host
    void *            device_user;
    int64_t *         sum_time;     // nanoseconds that sums of rows in the host's memory took, added to; NULL: not wanted
} ns_plan;

// plan may be NULL: plain decoding. Edits come before reads: what is read is the steered residual.
// In the last block rows without output do not exist: their edits have no effect and are dropped; reading one is an error.
// With stop_early the KV cache of the blocks after the last slot is not written: clear the sequences afterwards.
NS_API ns_status ns_decode(ns_session * session, const ns_batch * batch, const ns_plan * plan);

// What ns_decode does with edits, on rows of the caller's: data (rows, stride), of each row n_embd floats. Nothing is checked.
NS_API void ns_edit_rows(float * data, int64_t stride, int32_t n_embd, const ns_edit * edits, int32_t n_edits, const float * vectors);

// ---------------------------------------------------------------------------------------------------------------------
// Sampling

typedef struct {
    int32_t      size;        // sizeof(ns_sampler_options)
    float        temperature; // 0: the most likely token, without a draw; then the next four mean nothing
    int32_t      top_k;       // 0 keeps all
    float        top_p;       // 1 keeps all
    float        min_p;       // 0 keeps all
    uint32_t     seed;
    const char * grammar;     // GBNF whose rule "root" the text as a whole must follow; NULL: any text
} ns_sampler_options;

// One sequence's sampler, with its random state and its place in the grammar. vocabulary is needed with a grammar alone, and
// must outlive the sampler then. llama.cpp writes what is wrong with a grammar to stderr itself.
NS_API ns_status ns_sampler_create(const struct llama_vocab * vocabulary, const ns_sampler_options * options, ns_sampler ** sampler);
NS_API void      ns_sampler_free(ns_sampler * sampler);

// Picks the next token of n rows with output of the last ns_decode. samplers: (n), one per row, NULL for the most likely token.
// log_probs: (n) natural log of the picked token's probability under the unmodified logits; may be NULL.
NS_API ns_status ns_sample(ns_session * session, int32_t n, const int32_t * rows, ns_sampler * const * samplers,
                           int32_t * tokens, float * log_probs);

// ---------------------------------------------------------------------------------------------------------------------
// For tests

typedef struct {
    const char * name;
    int64_t      value;
} ns_abi_entry;

// Sizes, offsets and enum values as the real headers have them; ends with a NULL name. Static memory.
NS_API const ns_abi_entry * ns_abi_table(void);

// ---------------------------------------------------------------------------------------------------------------------
// Training: what the graphs of src/NativeSteer/Tensors need beside ggml's own functions
//
// ggml tensors are opaque here. A context made by ns_tensors_new() holds descriptions only; the data lies in buffers that
// ggml_backend_alloc_ctx_tensors() or a graph allocator make. Shapes are ggml's: ne[0] lies contiguously.

struct ggml_context;
struct ggml_tensor;
struct ggml_cgraph;
struct ggml_backend;
typedef struct ns_compute ns_compute;

// The CPU with its own thread pool. Freed after every buffer and graph that was made with it.
NS_API ns_status             ns_compute_create(int32_t n_threads, ns_compute ** compute);
NS_API void                  ns_compute_free(ns_compute * compute);
NS_API struct ggml_backend * ns_compute_backend(ns_compute * compute);
NS_API ns_status             ns_compute_run(ns_compute * compute, struct ggml_cgraph * graph);

// A context with room for n_tensors descriptions and one graph of n_nodes (0: none). NULL when memory is short.
NS_API struct ggml_context * ns_tensors_new(int64_t n_tensors, int64_t n_nodes);

// ne: (4). Returns the ggml_type.
NS_API int32_t ns_tensor_shape(const struct ggml_tensor * tensor, int64_t * ne);

// Lets a tensor that has no data yet take the data of another one of the same size: its result is then written there.
NS_API ns_status ns_tensor_place(struct ggml_tensor * tensor, const struct ggml_tensor * where);

// ggml_build_forward_expand(), where a graph without room is an error and not the end of the process.
NS_API ns_status ns_graph_schedule(struct ggml_cgraph * graph, struct ggml_tensor * tensor);

// Operators for the CPU, as graph nodes. F32 unless said otherwise; rows are ne[1].

// a (n0, n1), any strides between rows -> (n1, n0).
NS_API struct ggml_tensor * ns_op_transpose(struct ggml_context * ctx, struct ggml_tensor * a);

// Matrix products in bfloat16. Factors are first made into pairs (I32): two neighbours along the summed dimension, rounded to
// bfloat16, in one word; a last one without neighbour is paired with 0.
enum {
    NS_PAIRS_COLUMNS = 0, // a (n0, n1) -> (n0 / 2, n1)
    NS_PAIRS_ROWS    = 1, // a (n0, n1) -> (n0, n1 / 2)
    NS_PAIRS_TURNED  = 2, // a (n0, n1) -> (n1, n0 / 2): along columns, transposed
};
NS_API struct ggml_tensor * ns_op_pairs(struct ggml_context * ctx, struct ggml_tensor * a, int32_t along);

// a (k, m) or, turned, (m, k); b (n, k); k pairs. -> (n, m): c[m][n] = sum over the pairs of a[m] * b[n].
// portable: 1 leaves the processor's bfloat16 instructions alone, as where it has none; sums may differ in their last bits.
NS_API struct ggml_tensor * ns_op_product(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b, uint8_t turned,
                                          uint8_t portable);

// a (n0, n1), b (n0, n1) or NULL -> (n0): the sum over rows of a, or of a * b element by element.
NS_API struct ggml_tensor * ns_op_sum_rows(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b);

// a, any contiguous shape -> (64): parts of the sum of squares, the same for any number of threads.
NS_API struct ggml_tensor * ns_op_squares(struct ggml_context * ctx, struct ggml_tensor * a);

// Causal attention over rows of tokens. q (size, heads, n), k and v (size, key heads, n), contiguous; n = length * rows, and
// heads share keys in groups. sees (length, 3, rows, I32): the first place in its row that a token sees, up to itself; and from
// where to where it sees a stretch before that place, which is empty where the two are equal.
// scratch (ns_attention_scratch(), threads): room for that many threads to work in, which all nodes of a graph may share; what is
// in it does not matter. softmax(q k / sqrt(size)) v -> (size * heads, n).
NS_API struct ggml_tensor * ns_op_attention(struct ggml_context * ctx, struct ggml_tensor * q, struct ggml_tensor * k, struct ggml_tensor * v,
                                            struct ggml_tensor * sees, struct ggml_tensor * scratch);

// Floats that a thread needs for heads of size and rows of length.
NS_API int64_t ns_attention_scratch(int64_t size, int64_t length);

// gradient: by the result. -> the gradients by q, k and v, each in its shape, one after the other.
NS_API struct ggml_tensor * ns_op_attention_back(struct ggml_context * ctx, struct ggml_tensor * q, struct ggml_tensor * k,
                                                 struct ggml_tensor * v, struct ggml_tensor * sees, struct ggml_tensor * gradient,
                                                 struct ggml_tensor * scratch);

// The loss of predicting target (n, I32) from logits (n_vocab, n), a row:
//   rho = reference - logp,  loss = -weight * logp + kl * (exp(rho) - rho - 1)
// options (4, n): weight, reference, kl, 1 / temperature. -> (4, n): logp, loss, d loss / d logp, log of the sum of exponentials.
NS_API struct ggml_tensor * ns_op_token_loss(struct ggml_context * ctx, struct ggml_tensor * logits, struct ggml_tensor * target,
                                             struct ggml_tensor * options);

// Turns logits into the loss's gradient by them, in place; stats is ns_op_token_loss()'s result for the same logits.
NS_API struct ggml_tensor * ns_op_token_loss_back(struct ggml_context * ctx, struct ggml_tensor * logits, struct ggml_tensor * target,
                                                  struct ggml_tensor * options, struct ggml_tensor * stats);

// ---------------------------------------------------------------------------------------------------------------------
// ggml's own way to train (ggml-opt.h), to compare with: it derives the backward graph from a forward graph by itself and
// updates with AdamW
//
//     ggml_set_param(w);                                         // of every tensor to be trained, before the graph is built
//     logits = ggml_mul_mat(ctx, w, ...);                        // (n_vocab, n), in a context of ns_tensors_new()
//     ns_autodiff_create(compute, ctx, input, logits, &autodiff);
//     float adamw[5] = { 1e-3f, 0.9f, 0.99f, 1e-8f, 0 };         // alpha, beta1, beta2, epsilon, weight decay
//     ns_autodiff_step(autodiff, targets, adamw, &loss);         // after the input has been written
//     ns_autodiff_free(autodiff);

typedef struct ns_autodiff ns_autodiff;

// ctx: where the forward graph was built, made by ns_tensors_new(4 * NS_AUTODIFF_NODES, 0): the backward graph goes there too.
// Both together have at most NS_AUTODIFF_NODES tensors. input: a tensor with data. ctx and compute must outlive the result.
#define NS_AUTODIFF_NODES 2048
NS_API ns_status ns_autodiff_create(ns_compute * compute, struct ggml_context * ctx, struct ggml_tensor * input, struct ggml_tensor * logits,
                                    ns_autodiff ** autodiff);
NS_API void      ns_autodiff_free(ns_autodiff * autodiff);

// One update. targets: (n), below n_vocab. adamw: (5), alpha above 0; the decay applies to every trained tensor. *loss: the
// mean over n of the cross-entropy before the update, natural logarithm.
NS_API ns_status ns_autodiff_step(ns_autodiff * autodiff, const int32_t * targets, const float * adamw, double * loss);

#ifdef __cplusplus
}
#endif
