// Process-wide state: messages, the log, and ggml's abort. Internal to native/.

#pragma once

#include "nativesteer.h"

#include <exception>
#include <functional>
#include <string>

namespace runtime {

// Keeps message for ns_last_error() of this thread and returns status.
ns_status fail(const std::string & message, ns_status status = NS_ERROR);

// A line for the user, once the log function has been given; see NS_LOG_NOTICE.
void say(const std::string & line);

// Runs f and turns every C++ exception into a status with a message, so that none reaches a C caller.
template <typename F> ns_status guarded(F && f) noexcept {
    try {
        return f();
    } catch (const std::exception & e) {
        return fail(e.what());
    } catch (...) {
        return fail("unknown C++ exception");
    }
}

// While one is alive, a ggml assertion on this thread throws std::runtime_error instead of ending the process, and
// llama.cpp's error log lines are kept. Only for work that runs on the calling thread alone (loading, creating).
class Guard {
public:
    Guard();
    // lines: told every log line of this thread. It may throw where llama.cpp's caller catches.
    explicit Guard(std::function<void(const char *)> lines);
    ~Guard();
    Guard(const Guard &) = delete;
    Guard & operator=(const Guard &) = delete;

    // The error line that names the cause, of those that llama.cpp logged since the guard began, or fallback when there was none.
    static std::string reason(const char * fallback);

private:
    const std::function<void(const char *)> lines_;
};

} // namespace runtime
