// Edits of rows in the host's memory. Internal to native/.

#pragma once

#include "nativesteer.h"

#include <cstddef>
#include <vector>

// Applies edits [e, end), ordered by row, to rows of n_embd floats that are `stride` apart. vectors: (any, n_embd).
// row_map: from an edit's row to the tensor's, or -1 where it has none and the edit is dropped; NULL: rows are the tensor's own.
// scratch: memory to use.
void edit_rows(float * data, size_t stride, int32_t n_embd, const ns_edit * e, const ns_edit * end, const float * vectors,
               const int32_t * row_map, std::vector<float> & scratch);
