// The eval callback and its state. Internal to native/.

#pragma once

#include "nativesteer.h"
#include "sums.h"

#include "ggml.h"

#include <memory>
#include <string>
#include <vector>

// What the callback needs while one batch is decoded, and its scratch memory between batches.
class Hook {
public:
    Hook(int32_t n_layer, int32_t n_embd, bool attention_by_weight);

    // The threads that sums are made on, which outlive the hook. To be called before the first plan.
    void use(int32_t n_threads, ThreadPool & threads);

    // Checks the plan against the batch and arms the callback. Returns false with a message in error.
    bool begin(const ns_batch & batch, const ns_plan & plan, std::string & error);

    // Disarms the callback. Returns false with a message in error when a wanted tensor was missing or malformed.
    bool end(std::string & error);

    // Forgets the plan, if one is armed.
    void disarm() { plan_ = nullptr; }

    static bool callback(ggml_tensor * tensor, bool ask, void * user);

private:
    struct SlotWork {
        int32_t first_edit = 0, n_edits = 0;
        int32_t read_index = -1;
        bool wanted = false, seen = false;
    };

    int32_t find_slot(const ggml_tensor * tensor) const;
    bool    process(ggml_tensor * tensor, SlotWork & work);
    void    reduce(const float * data, size_t stride, int32_t n_rows, const SlotWork & work, const int32_t * row_map);
    bool    on_device(const ggml_tensor * tensor) const;
    int32_t hand_over(const ggml_tensor * tensor, const SlotWork & work, const int32_t * row_map);
    void    copy_out(const float * data, size_t stride, const SlotWork & work, const int32_t * row_map) const;
    std::string slot_name(int32_t slot) const;

    const int32_t n_layer_;
    const int32_t n_embd_;
    const bool    attention_by_weight_;

    const ns_plan *       plan_ = nullptr; // armed when not null
    int32_t               n_rows_ = 0;
    int32_t               n_outputs_ = 0;
    int32_t               n_pending_ = 0;  // wanted slots not seen yet
    std::vector<SlotWork> slots_;
    std::vector<int32_t>  active_;         // slots with work, to reset quickly
    std::vector<int32_t>  identity_;       // row -> row
    std::vector<int32_t>  output_rank_;    // row -> row among those with output, or -1
    std::vector<float>    staging_;        // copy of a tensor that is not in host memory
    std::vector<float>    scratch_;        // sum of consecutive additions
    std::vector<ns_edit>  device_edits_;   // with rows of the tensor
    std::vector<ns_label> device_labels_;
    std::string           error_;

    std::unique_ptr<RowSums> sums_;
};
