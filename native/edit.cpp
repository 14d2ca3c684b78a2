#include "edit.h"

#include "rows.h"

namespace {

// Consecutive additions are one: their sum is made first, so that v and -v cancel exactly. The result is what one control vector
// with the sum would give.
void add_together(float * h, const ns_edit * e, const ns_edit * end, const float * vectors, int32_t n_embd, std::vector<float> & scratch) {
    if (end == e + 1) {
        rows::add(h, vectors + (size_t) e->vector * n_embd, e->scale, n_embd);
        return;
    }
    scratch.resize((size_t) n_embd);
    for (const ns_edit * a = e; a < end; a++) {
        rows::scaled(scratch.data(), vectors + (size_t) a->vector * n_embd, a->scale, a == e, n_embd);
    }
    rows::add(h, scratch.data(), 1.0f, n_embd);
}

void edit_row(float * h, const ns_edit & e, const float * v, int32_t n_embd) {
    switch (e.op) {
        case NS_OP_PROJECT_OUT: rows::add(h, v, (float) (-(double) e.scale * rows::dot(h, v, n_embd)), n_embd); break;
        case NS_OP_CLAMP: rows::add(h, v, (float) ((double) e.scale - rows::dot(h, v, n_embd)), n_embd); break;
        case NS_OP_SELF_AMPLIFY: rows::amplify(h, e.scale, n_embd); break;
        default: rows::add_keep_norm(h, v, e.scale, n_embd); break;
    }
}

} // namespace

void edit_rows(float * data, size_t stride, int32_t n_embd, const ns_edit * e, const ns_edit * end, const float * vectors,
               const int32_t * row_map, std::vector<float> & scratch) {
    while (e < end) {
        const ns_edit * next = e + 1;
        if (e->op == NS_OP_ADD) {
            while (next < end && next->row == e->row && next->op == NS_OP_ADD) next++;
        }
        const int32_t row = row_map != nullptr ? row_map[e->row] : e->row;
        if (row >= 0) {
            float * const h = data + (size_t) row * stride;
            if (e->op == NS_OP_ADD) add_together(h, e, next, vectors, n_embd, scratch);
            else edit_row(h, *e, e->op == NS_OP_SELF_AMPLIFY ? nullptr : vectors + (size_t) e->vector * n_embd, n_embd);
        }
        e = next;
    }
}

void ns_edit_rows(float * data, int64_t stride, int32_t n_embd, const ns_edit * edits, int32_t n_edits, const float * vectors) {
    std::vector<float> scratch;
    edit_rows(data, (size_t) stride, n_embd, edits, edits + n_edits, vectors, nullptr, scratch);
}
