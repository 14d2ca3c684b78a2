#include "nativesteer.h"

#include "runtime.h"

#include "llama.h"

#include <stdexcept>

// llama.cpp's own functions of these kinds throw (a vocabulary without byte tokens meets a byte) or assert (a vocabulary
// that wants a begin token and has none): both must end here, for a C# caller would end the process.

namespace {

template <typename F> ns_status counted(int32_t * count, F && f) {
    return runtime::guarded([&] {
        runtime::Guard guard;
        *count = f();
        return NS_OK;
    });
}

} // namespace

ns_status ns_tokenize(const llama_vocab * vocabulary, const char * text, int32_t n_bytes, int32_t * tokens, int32_t n_max,
                      uint8_t add_special, uint8_t parse_special, int32_t * count) {
    return counted(count, [&] {
        try {
            return llama_tokenize(vocabulary, text, n_bytes, tokens, n_max, add_special != 0, parse_special != 0);
        } catch (const std::out_of_range &) {
            throw std::runtime_error("it has no tokens for single bytes, and the text has letters that its other tokens do not spell");
        }
    });
}

ns_status ns_detokenize(const llama_vocab * vocabulary, const int32_t * tokens, int32_t n, char * text, int32_t n_max,
                        uint8_t remove_special, uint8_t unparse_special, int32_t * count) {
    return counted(count, [&] { return llama_detokenize(vocabulary, tokens, n, text, n_max, remove_special != 0, unparse_special != 0); });
}

ns_status ns_token_piece(const llama_vocab * vocabulary, int32_t token, char * text, int32_t n_max, uint8_t special, int32_t * count) {
    return counted(count, [&] { return llama_token_to_piece(vocabulary, token, text, n_max, 0, special != 0); });
}

ns_status ns_chat_format(const char * chat_template, const llama_chat_message * messages, int32_t n, uint8_t add_assistant, char * text,
                         int32_t n_max, int32_t * count) {
    return counted(count, [&] { return llama_chat_apply_template(chat_template, messages, (size_t) n, add_assistant != 0, text, n_max); });
}
