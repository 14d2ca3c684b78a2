#include "hook.h"

#include "edit.h"
#include "runtime.h"

#include "ggml-backend.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace {

struct Site {
    const char * prefix;
    size_t       length;
};

// In the order of ns_site.
constexpr Site sites[NS_SITE_COUNT] = { { "l_out-", 6 }, { "attn_out-", 9 }, { "ffn_out-", 8 } };

// The number that text is, or -1 when it is not digits up to the end.
int32_t layer_number(const char * text) {
    char * end = nullptr;
    const long layer = strtol(text, &end, 10);
    return end != text && *end == 0 && layer >= 0 && layer < std::numeric_limits<int32_t>::max() ? (int32_t) layer : -1;
}

ggml_backend_buffer_t buffer_of(const ggml_tensor * tensor) {
    return tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
}

const char * memory_name(const ggml_tensor * tensor) {
    return ggml_backend_buft_name(ggml_backend_buffer_get_type(buffer_of(tensor)));
}

// CUDA0, CUDA1, ...: the data of these buffers is a pointer into the device's memory. That of other backends need not be one.
bool is_cuda(const ggml_tensor * tensor) {
    const char * name = memory_name(tensor);
    return strncmp(name, "CUDA", 4) == 0 && layer_number(name + 4) >= 0;
}

void say_once_that_rows_are_copied(const ggml_tensor * tensor) {
    static std::atomic<bool> said{ false };
    if (said.exchange(true)) return;
    runtime::say(std::string("what is read or steered lies in ") + memory_name(tensor) +
                 " and is copied to the host and back at every decode; the CUDA build of llama.cpp needs no copies");
}

} // namespace

Hook::Hook(int32_t n_layer, int32_t n_embd, bool attention_by_weight)
    : n_layer_(n_layer), n_embd_(n_embd), attention_by_weight_(attention_by_weight), slots_((size_t) NS_SITE_COUNT * n_layer) {}

void Hook::use(int32_t n_threads, ThreadPool & threads) {
    sums_ = std::make_unique<RowSums>(n_embd_, n_threads, threads);
}

std::string Hook::slot_name(int32_t slot) const {
    return std::string(sites[slot / n_layer_].prefix) + std::to_string(slot % n_layer_);
}

bool Hook::begin(const ns_batch & batch, const ns_plan & plan, std::string & error) {
    for (int32_t slot : active_) slots_[slot] = SlotWork{};
    active_.clear();
    error_.clear();

    const auto bad = [&](const std::string & what) {
        error = "plan refused: " + what;
        return false;
    };
    const auto valid_slot = [&](int32_t slot) { return slot >= 0 && slot < (int32_t) slots_.size(); };
    const auto valid_row = [&](int32_t row) { return row >= 0 && row < batch.n_rows; };
    const auto want = [&](int32_t slot) -> SlotWork & {
        if (!slots_[slot].wanted) {
            slots_[slot].wanted = true;
            active_.push_back(slot);
        }
        return slots_[slot];
    };

    for (int32_t i = 0; i < plan.n_edits; i++) {
        const ns_edit & e = plan.edits[i];
        if (!valid_slot(e.slot) || !valid_row(e.row)) return bad("edit " + std::to_string(i) + " is out of range");
        if (e.op < NS_OP_ADD || e.op > NS_OP_SELF_AMPLIFY) return bad("edit " + std::to_string(i) + " has an unknown operation");
        if (e.op != NS_OP_SELF_AMPLIFY && (e.vector < 0 || e.vector >= plan.n_vectors)) {
            return bad("edit " + std::to_string(i) + " names a vector out of range");
        }
        if (i > 0 && e.slot < plan.edits[i - 1].slot) return bad("edits are not ordered by slot");
        if (i > 0 && e.slot == plan.edits[i - 1].slot && e.row < plan.edits[i - 1].row) return bad("edits of a slot are not ordered by row");
        SlotWork & work = want(e.slot);
        if (work.n_edits++ == 0) work.first_edit = i;
    }
    for (int32_t i = 0; i < plan.n_read_slots; i++) {
        const int32_t slot = plan.read_slots[i];
        if (!valid_slot(slot) || (i > 0 && slot <= plan.read_slots[i - 1])) return bad("slots to read are out of range or order");
        want(slot).read_index = i;
    }
    for (int32_t i = 0; i < plan.n_labels; i++) {
        const ns_label & l = plan.labels[i];
        if (!valid_row(l.row) || l.group < 0 || l.group >= plan.n_groups) return bad("label " + std::to_string(i) + " is out of range");
        if (i > 0 && l.group < plan.labels[i - 1].group) return bad("labels are not ordered by group");
    }
    for (int32_t i = 0; i < plan.n_copy_rows; i++) {
        if (!valid_row(plan.copy_rows[i])) return bad("a row to copy is out of range");
    }

    n_rows_ = batch.n_rows;
    n_outputs_ = 0;
    output_rank_.resize(n_rows_);
    for (int32_t i = (int32_t) identity_.size(); i < n_rows_; i++) identity_.push_back(i);
    for (int32_t i = 0; i < n_rows_; i++) output_rank_[i] = batch.output[i] ? n_outputs_++ : -1;

    n_pending_ = (int32_t) active_.size();
    plan_ = n_pending_ > 0 ? &plan : nullptr;
    return true;
}

bool Hook::end(std::string & error) {
    plan_ = nullptr;
    if (error_.empty() && n_pending_ > 0) {
        for (int32_t slot : active_) {
            if (slots_[slot].seen) continue;
            error_ = "the model's graph has no tensor " + slot_name(slot) + ", so it can be neither read nor steered there; "
                     "'nativesteer doctor -m MODEL' lists what this architecture offers";
            break;
        }
    }
    n_pending_ = 0;
    error = error_;
    return error_.empty();
}

int32_t Hook::find_slot(const ggml_tensor * tensor) const {
    const char * name = tensor->name;
    for (int32_t site = 0; site < NS_SITE_COUNT; site++) {
        if (name[0] != sites[site].prefix[0] || strncmp(name, sites[site].prefix, sites[site].length) != 0) continue;
        const int32_t layer = layer_number(name + sites[site].length);
        return layer >= 0 && layer < n_layer_ ? NS_SLOT(site, layer, n_layer_) : -1;
    }
    if (attention_by_weight_ && tensor->op == GGML_OP_MUL_MAT && tensor->src[0] != nullptr) {
        int layer = -1, end = 0;
        if (sscanf(tensor->src[0]->name, "blk.%d.attn_output.weight%n", &layer, &end) == 1 && end > 0 && layer >= 0 && layer < n_layer_) {
            return NS_SLOT(NS_SITE_ATTENTION, layer, n_layer_);
        }
    }
    return -1;
}

// Called by ggml's scheduler: with ask before a node is computed ("do you want it?"), and without once it is.
// What it returns the second time decides whether the graph goes on.
bool Hook::callback(ggml_tensor * tensor, bool ask, void * user) {
    Hook & hook = *static_cast<Hook *>(user);
    if (hook.plan_ == nullptr) return !ask;

    const int32_t slot = hook.find_slot(tensor);
    if (slot < 0) return !ask;
    SlotWork & work = hook.slots_[slot];
    // Some graphs give a second tensor the same name (llama's ffn_out with a control vector): the first is the one meant.
    if (ask) return work.wanted && !work.seen;
    if (!work.wanted || work.seen) return true;

    work.seen = true;
    hook.n_pending_--;
    if (!hook.process(tensor, work)) return false; // the decode has failed: what comes after would be computed for nothing
    return !(hook.plan_->stop_early && hook.n_pending_ == 0);
}

bool Hook::process(ggml_tensor * tensor, SlotWork & work) {
    if (!error_.empty()) return false;
    const auto fail = [&](const std::string & what) {
        error_ = std::string("tensor ") + tensor->name + " " + what;
        return false;
    };
    if (tensor->type != GGML_TYPE_F32) return fail(std::string("is ") + ggml_type_name(tensor->type) + ", F32 was expected");
    if (tensor->ne[0] != n_embd_ || tensor->ne[2] != 1 || tensor->ne[3] != 1 || tensor->nb[0] != sizeof(float)) {
        return fail("has " + std::to_string(tensor->ne[0]) + " columns, " + std::to_string(n_embd_) + " were expected");
    }

    const int64_t n = tensor->ne[1];
    const int32_t * row_map;
    if (n == n_rows_) {
        row_map = identity_.data();
    } else if (n == n_outputs_) {
        row_map = output_rank_.data();
    } else {
        return fail("has " + std::to_string(n) + " rows for a batch of " + std::to_string(n_rows_) + " with " + std::to_string(n_outputs_) +
                    " outputs");
    }
    if (n == 0) {
        if (work.read_index >= 0 && (plan_->n_labels > 0 || plan_->n_copy_rows > 0)) return fail("has no rows: flag the rows to read as outputs");
        return true;
    }

    if (work.read_index >= 0) {
        for (int32_t i = 0; i < plan_->n_labels; i++) {
            if (row_map[plan_->labels[i].row] < 0) return fail("lacks a labelled row: flag it as output to read it in the last block");
        }
        for (int32_t i = 0; i < plan_->n_copy_rows; i++) {
            if (row_map[plan_->copy_rows[i]] < 0) return fail("lacks a row to copy: flag it as output to read it in the last block");
        }
    }
    bool edits = work.n_edits > 0;
    bool sums = work.read_index >= 0 && plan_->n_labels > 0;
    const bool copies = work.read_index >= 0 && plan_->n_copy_rows > 0;
    if ((edits || sums) && plan_->device != nullptr && on_device(tensor)) {
        switch (hand_over(tensor, work, row_map)) {
            case NS_DEVICE_DONE: edits = sums = false; break;
            case NS_DEVICE_DECLINED: break;
            default: return fail("could not be worked on in the device's memory");
        }
    }
    if (!edits && !sums && !copies) return true;

    const bool on_host = ggml_backend_buffer_is_host(buffer_of(tensor));
    float * data;
    size_t stride;
    if (on_host) {
        data = static_cast<float *>(tensor->data);
        stride = tensor->nb[1] / sizeof(float);
    } else {
        if (plan_->device == nullptr || !is_cuda(tensor)) say_once_that_rows_are_copied(tensor);
        staging_.resize((size_t) n * n_embd_);
        if (tensor->nb[1] != (size_t) n_embd_ * sizeof(float)) return fail("is not contiguous in device memory");
        ggml_backend_tensor_get(tensor, staging_.data(), 0, staging_.size() * sizeof(float));
        data = staging_.data();
        stride = n_embd_;
    }

    if (edits) {
        const ns_edit * const first = plan_->edits + work.first_edit;
        edit_rows(data, stride, n_embd_, first, first + work.n_edits, plan_->vectors, row_map, scratch_);
        if (!on_host) ggml_backend_tensor_set(tensor, staging_.data(), 0, staging_.size() * sizeof(float));
    }
    if (sums) reduce(data, stride, (int32_t) n, work, row_map);
    if (copies) copy_out(data, stride, work, row_map);
    return true;
}

bool Hook::on_device(const ggml_tensor * tensor) const {
    return is_cuda(tensor) || (plan_->host_is_device && ggml_backend_buffer_is_host(buffer_of(tensor)));
}

// Gives the caller's kernels the slot's tables with the tensor's own rows.
int32_t Hook::hand_over(const ggml_tensor * tensor, const SlotWork & work, const int32_t * row_map) {
    device_edits_.clear();
    for (int32_t i = work.first_edit; i < work.first_edit + work.n_edits; i++) {
        ns_edit edit = plan_->edits[i];
        edit.row = row_map[edit.row];
        if (edit.row >= 0) device_edits_.push_back(edit);
    }
    device_labels_.clear();
    if (work.read_index >= 0) {
        for (int32_t i = 0; i < plan_->n_labels; i++) device_labels_.push_back({ row_map[plan_->labels[i].row], plan_->labels[i].group });
    }
    if (device_edits_.empty() && device_labels_.empty()) return NS_DEVICE_DONE;

    ns_device_work device{};
    device.size = sizeof device;
    device.n_rows = (int32_t) tensor->ne[1];
    device.data = tensor->data;
    device.stride = (int64_t) (tensor->nb[1] / sizeof(float));
    device.edits = device_edits_.data();
    device.n_edits = (int32_t) device_edits_.size();
    device.labels = device_labels_.data();
    device.n_labels = (int32_t) device_labels_.size();
    device.read_index = device_labels_.empty() ? -1 : work.read_index;
    return plan_->device(&device, plan_->device_user);
}

void Hook::reduce(const float * data, size_t stride, int32_t n_rows, const SlotWork & work, const int32_t * row_map) {
    const auto start = std::chrono::steady_clock::now();
    const size_t cell = (size_t) work.read_index * plan_->n_groups;
    sums_->add(data, stride, n_rows, plan_->labels, plan_->n_labels, row_map, plan_->sums + cell * n_embd_, plan_->norm_sums + cell, plan_->counts + cell);
    if (plan_->sum_time != nullptr) {
        *plan_->sum_time += std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
    }
}

void Hook::copy_out(const float * data, size_t stride, const SlotWork & work, const int32_t * row_map) const {
    for (int32_t i = 0; i < plan_->n_copy_rows; i++) {
        float * to = plan_->copies + ((size_t) i * plan_->n_read_slots + work.read_index) * n_embd_;
        memcpy(to, data + (size_t) row_map[plan_->copy_rows[i]] * stride, n_embd_ * sizeof(float));
    }
}
