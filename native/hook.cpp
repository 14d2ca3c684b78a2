#include "hook.h"

#include "rows.h"

#include "ggml-backend.h"

#include <cmath>
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

// The number that text begins with, or -1 when it is not digits up to the end.
int32_t layer_number(const char * text) {
    char * end = nullptr;
    const long layer = strtol(text, &end, 10);
    return end != text && *end == 0 && layer >= 0 && layer < std::numeric_limits<int32_t>::max() ? (int32_t) layer : -1;
}

} // namespace

Hook::Hook(int32_t n_layer, int32_t n_embd, bool attention_by_weight)
    : n_layer_(n_layer), n_embd_(n_embd), attention_by_weight_(attention_by_weight), slots_((size_t) NS_SITE_COUNT * n_layer),
      scratch_((size_t) n_embd) {}

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
    if (!hook.process(tensor, work)) return true;
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

    const bool on_host = ggml_backend_buffer_is_host(tensor->view_src ? tensor->view_src->buffer : tensor->buffer);
    float * data;
    size_t stride;
    if (on_host) {
        data = static_cast<float *>(tensor->data);
        stride = tensor->nb[1] / sizeof(float);
    } else {
        staging_.resize((size_t) n * n_embd_);
        if (tensor->nb[1] != (size_t) n_embd_ * sizeof(float)) return fail("is not contiguous in device memory");
        ggml_backend_tensor_get(tensor, staging_.data(), 0, staging_.size() * sizeof(float));
        data = staging_.data();
        stride = n_embd_;
    }

    if (work.n_edits > 0) {
        edit(data, stride, work, row_map);
        if (!on_host) ggml_backend_tensor_set(tensor, staging_.data(), 0, staging_.size() * sizeof(float));
    }
    if (work.read_index >= 0) {
        for (int32_t i = 0; i < plan_->n_labels; i++) {
            if (row_map[plan_->labels[i].row] < 0) return fail("lacks a labelled row: flag it as output to read it in the last block");
        }
        for (int32_t i = 0; i < plan_->n_copy_rows; i++) {
            if (row_map[plan_->copy_rows[i]] < 0) return fail("lacks a row to copy: flag it as output to read it in the last block");
        }
        if (plan_->n_labels > 0) reduce(data, stride, work, row_map);
        if (plan_->n_copy_rows > 0) copy_out(data, stride, work, row_map);
    }
    return true;
}

void Hook::edit(float * data, size_t stride, const SlotWork & work, const int32_t * row_map) {
    const ns_edit * const end = plan_->edits + work.first_edit + work.n_edits;
    for (const ns_edit * e = plan_->edits + work.first_edit; e < end;) {
        const ns_edit * next = e + 1;
        if (e->op == NS_OP_ADD) {
            while (next < end && next->row == e->row && next->op == NS_OP_ADD) next++;
        }
        const int32_t row = row_map[e->row];
        if (row >= 0) {
            float * h = data + (size_t) row * stride;
            const float * v = e->op == NS_OP_SELF_AMPLIFY ? nullptr : plan_->vectors + (size_t) e->vector * n_embd_;
            switch (e->op) {
                case NS_OP_ADD:
                    if (next == e + 1) {
                        rows::add(h, v, e->scale, n_embd_);
                    } else {
                        for (const ns_edit * a = e; a < next; a++) {
                            rows::scaled(scratch_.data(), plan_->vectors + (size_t) a->vector * n_embd_, a->scale, a == e, n_embd_);
                        }
                        rows::add(h, scratch_.data(), 1.0f, n_embd_);
                    }
                    break;
                case NS_OP_PROJECT_OUT:
                    rows::add(h, v, (float) (-(double) e->scale * rows::dot(h, v, n_embd_)), n_embd_);
                    break;
                case NS_OP_CLAMP:
                    rows::add(h, v, (float) ((double) e->scale - rows::dot(h, v, n_embd_)), n_embd_);
                    break;
                case NS_OP_SELF_AMPLIFY:
                    rows::amplify(h, e->scale, n_embd_);
                    break;
                default:
                    rows::add_keep_norm(h, v, e->scale, n_embd_);
                    break;
            }
        }
        e = next;
    }
}

void Hook::reduce(const float * data, size_t stride, const SlotWork & work, const int32_t * row_map) {
    row_norms_.assign(n_rows_, std::numeric_limits<double>::quiet_NaN());
    for (int32_t i = 0; i < plan_->n_labels;) {
        const int32_t group = plan_->labels[i].group;
        double norms = 0;
        group_rows_.clear();
        for (; i < plan_->n_labels && plan_->labels[i].group == group; i++) {
            const int32_t row = row_map[plan_->labels[i].row];
            if (std::isnan(row_norms_[row])) row_norms_[row] = rows::norm(data + (size_t) row * stride, n_embd_);
            norms += row_norms_[row];
            group_rows_.push_back(row);
        }
        const size_t cell = (size_t) work.read_index * plan_->n_groups + group;
        rows::accumulate(plan_->sums + cell * n_embd_, data, stride, group_rows_.data(), (int32_t) group_rows_.size(), n_embd_);
        plan_->norm_sums[cell] += norms;
        plan_->counts[cell] += (int64_t) group_rows_.size();
    }
}

void Hook::copy_out(const float * data, size_t stride, const SlotWork & work, const int32_t * row_map) const {
    for (int32_t i = 0; i < plan_->n_copy_rows; i++) {
        float * to = plan_->copies + ((size_t) i * plan_->n_read_slots + work.read_index) * n_embd_;
        memcpy(to, data + (size_t) row_map[plan_->copy_rows[i]] * stride, n_embd_ * sizeof(float));
    }
}
