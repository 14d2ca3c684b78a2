#include "runtime.h"

#include "ggml-backend.h"
#include "llama.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <unistd.h>

namespace {

thread_local std::string last_error;
thread_local std::string logged_error;
thread_local int         guard_depth = 0;
thread_local const std::function<void(const char *)> * line_listener = nullptr;

std::atomic<ns_log_fn> log_function{ nullptr };

// What llama.cpp puts before the cause: "llama_model_load: error loading model: ".
constexpr const char * before_cause[] = { "error loading model: ", "failed to quantize: " };

void keep_error_line(const char * line) {
    std::string text(line);
    bool cause = logged_error.empty(); // reported once per stack level otherwise: the first line names the cause
    for (const char * prefix : before_cause) {
        const size_t at = text.find(prefix);
        if (at == std::string::npos) continue;
        text.erase(0, at + strlen(prefix));
        cause = cause || prefix == before_cause[1]; // before it come lines that are there to be looked at
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    for (char & c : text) {
        if (c == '\n') c = ' ';
    }
    if (!text.empty() && cause) logged_error = text;
}

void on_log(ggml_log_level level, const char * line, void *) {
    if (level == GGML_LOG_LEVEL_ERROR && guard_depth > 0) keep_error_line(line);
    if (ns_log_fn log = log_function.load()) log((int32_t) level, line);
    if (line_listener != nullptr) (*line_listener)(line);
}

// ggml's message begins with FILE:LINE: of the machine it was built on; the folders say nothing here.
const char * without_folders(const char * message) {
    const char * end = strchr(message, ':');
    for (const char * c = end; c != nullptr && c > message; c--) {
        if (c[-1] == '/' || c[-1] == '\\') return c;
    }
    return message;
}

void on_abort(const char * message) {
    message = without_folders(message);
    if (guard_depth > 0) throw std::runtime_error(std::string("llama.cpp's own check failed: ") + message);
    fprintf(stderr, "nativesteer: llama.cpp stopped on its own check: %s\n", message);
    fflush(nullptr);
    _exit(1);
}

} // namespace

ns_status runtime::fail(const std::string & message, ns_status status) {
    last_error = message;
    return status;
}

void runtime::say(const std::string & line) {
    if (ns_log_fn log = log_function.load()) log(NS_LOG_NOTICE, line.c_str());
}

runtime::Guard::Guard() {
    guard_depth++;
    logged_error.clear();
}

runtime::Guard::Guard(std::function<void(const char *)> lines) : lines_(std::move(lines)) {
    guard_depth++;
    logged_error.clear();
    line_listener = &lines_;
}

runtime::Guard::~Guard() {
    guard_depth--;
    if (line_listener == &lines_) line_listener = nullptr;
}

std::string runtime::Guard::reason(const char * fallback) {
    return logged_error.empty() ? fallback : logged_error;
}

int32_t ns_abi_version(void) {
    return NS_ABI_VERSION;
}

const char * ns_last_error(void) {
    return last_error.c_str();
}

ns_status ns_initialize(const char * library_dir, ns_log_fn log) {
    return runtime::guarded([&] {
        log_function.store(log);
        static bool ready = false;
        if (ready) return NS_OK;

        // llama.cpp passes its structs by value: another version of the library would read and write past ours.
        const std::string built = NS_LLAMA_VERSION;
        const std::string found = llama_version();
        if (found.compare(0, built.size(), built) != 0 || (found.size() > built.size() && found[built.size()] != '-')) {
            return runtime::fail("libllama is version " + found + ", but libnativesteer was built with the headers of " + built +
                                 "; rebuild libnativesteer with -DLLAMA_DIR pointing at that llama.cpp");
        }
        llama_log_set(on_log, nullptr);
        ggml_set_abort_callback(on_abort);
        ggml_backend_load_all_from_path(library_dir);
        if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) {
            return runtime::fail(std::string("no ggml CPU backend (libggml-cpu*.so) could be loaded from ") + library_dir);
        }
        llama_backend_init();
        ready = true;
        return NS_OK;
    });
}

const char * ns_device_name(int32_t i) {
    static thread_local std::string name;
    if (i < 0 || (size_t) i >= ggml_backend_dev_count()) return nullptr;
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    name = std::string(ggml_backend_dev_name(device)) + ": " + ggml_backend_dev_description(device);
    return name.c_str();
}

void ns_device_memory(int32_t i, int64_t * free, int64_t * total) {
    *free = *total = 0;
    if (i < 0 || (size_t) i >= ggml_backend_dev_count()) return;
    size_t has_free = 0, has = 0;
    ggml_backend_dev_memory(ggml_backend_dev_get(i), &has_free, &has);
    *free = (int64_t) has_free;
    *total = (int64_t) has;
}
