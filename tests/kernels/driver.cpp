// A stand-in for libcuda.so.1 that runs the kernels on the CPU: for tests of everything that calls the driver.
//
// What it is stricter about than a real one, so that mistakes show every time:
//   - work given to a stream happens when something waits for the stream, not before;
//   - a kernel gets only pointers into live memory of its device or pinned memory (or, with host=1, any other address: then the host's
//     memory stands in for the device's, as when llama.cpp runs on its CPU backend); a foreign one is CUDA_ERROR_ILLEGAL_ADDRESS,
//     after which every call fails, as with a real context;
//   - memory ends at a page that cannot be touched, and is full of NaN at first;
//   - a module's PTX must have exactly the kernels of this build, with parameters of the same sizes.
// It does not execute PTX: that it computes what the source says is shown on a GPU.
//
// Settings: stand_in_set("name", value), or NATIVESTEER_STAND_IN=name=value,name=value when it is loaded. See `settings` below.

#include "registry.h"

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Result {
    Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, NoDevice = 100, InvalidDevice = 101, InvalidContext = 201,
    InvalidPtx = 218, InvalidHandle = 400, NotFound = 500, NotReady = 600, IllegalAddress = 700, LaunchFailed = 719,
};

std::map<std::string, long long> settings = {
    { "driver", 12040 },           // what cuDriverGetVersion says
    { "devices", 1 },
    { "memory", 1ll << 30 },       // of each device
    { "host", 0 },                 // 1: addresses that are not known count as device memory
    { "refuse_ptx", 0 },           // 1: as if the driver's compiler did not like it
    { "fail_launch", 0 },          // a launch returns this
    { "fail_kernel", 0 },          // a kernel ends with this, and the context is lost
    { "init", 0 },                 // what cuInit returns
    { "lost", 0 },                 // the error that all calls give since a kernel failed; set to 0 to begin anew
    { "launches0", 0 }, { "launches1", 0 }, // kernels run so far, by device
    { "allocated", 0 },            // bytes, all devices together
};

struct Stream {
    int                               device;
    std::deque<std::function<void()>> work;
};
struct Allocation {
    char * pages;
    size_t mapped, bytes;
    int    device;
};
struct Module { std::map<std::string, const registry::Kernel *> kernels; };

std::recursive_mutex         lock;
bool                         ready = false;
int                          contexts[8]; // a device's primary context is the address of its element
thread_local std::vector<int *> current;
std::map<char *, Allocation> allocations;
std::map<char *, size_t>     pinned;
std::vector<Stream *>        streams;

// Kept apart from ordinary calls: the settings of a process are read before its first call.
struct FromEnvironment {
    FromEnvironment() {
        const char * text = getenv("NATIVESTEER_STAND_IN");
        for (std::string rest = text == nullptr ? "" : text; !rest.empty();) {
            const size_t comma = rest.find(','), equals = rest.find('=');
            settings[rest.substr(0, equals)] = atoll(rest.c_str() + equals + 1);
            rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
        }
    }
} from_environment;

// Runs a call under the lock, after what every call is checked for.
template <typename F> int call(bool needs_context, F && f) {
    const std::lock_guard<std::recursive_mutex> guard(lock);
    if (!ready) return NotInitialized;
    if (settings["lost"] != 0) return (int) settings["lost"];
    if (needs_context && (current.empty() || current.back() == nullptr)) return InvalidContext;
    return f();
}

int device() { return (int) (current.back() - contexts); }

const std::pair<char * const, Allocation> * find(const void * p) {
    auto i = allocations.upper_bound((char *) p);
    if (i == allocations.begin()) return nullptr;
    --i;
    return (char *) p < i->first + i->second.bytes ? &*i : nullptr;
}

bool is_pinned(const void * p, size_t bytes = 1) {
    auto i = pinned.upper_bound((char *) p);
    return i != pinned.begin() && (--i, (char *) p + bytes <= i->first + i->second);
}

// Whether the device may touch these bytes.
bool reachable(const void * p, size_t bytes, int on) {
    if (const auto * a = find(p)) return a->second.device == on && (char *) p + bytes <= a->first + a->second.bytes;
    return is_pinned(p, bytes) || settings["host"] != 0;
}

int drain(Stream * s) {
    while (!s->work.empty() && settings["lost"] == 0) {
        auto work = std::move(s->work.front());
        s->work.pop_front();
        work();
    }
    return (int) settings["lost"];
}

int copy(void * to, const void * from, size_t bytes, const void * on_device, Stream * s) {
    if (!reachable(on_device, bytes, s->device)) return InvalidValue;
    if (to != on_device && !is_pinned(to, bytes)) { // to pageable memory: a driver waits
        const int result = drain(s);
        memcpy(to, from, bytes);
        return result;
    }
    if (from != on_device && !is_pinned(from, bytes)) { // from pageable memory: it has been read when the call returns
        std::vector<char> kept((const char *) from, (const char *) from + bytes);
        s->work.push_back([=] { memcpy(to, kept.data(), bytes); });
    } else {
        s->work.push_back([=] { memcpy(to, from, bytes); });
    }
    return Success;
}

// The bytes of each parameter of the entry that begins at text.
std::vector<size_t> parameters(const char * text) {
    std::vector<size_t> sizes;
    const char * const end = strchr(text, ')');
    for (const char * p = text; (p = strstr(p, ".param .")) != nullptr && p < end; p += 8) sizes.push_back((size_t) atoi(p + 9) / 8);
    return sizes;
}

std::string load(const char * ptx, Module & module) {
    if (settings["refuse_ptx"] != 0) return "ptxas application ptx input, line 9; fatal : Unsupported .version";
    for (const char * p = ptx; (p = strstr(p, ".entry ")) != nullptr;) {
        p += 7;
        const std::string name(p, strchr(p, '('));
        const registry::Kernel * kernel = registry::find(name);
        if (kernel == nullptr) return "the host build has no kernel " + name;
        if (parameters(p) != kernel->sizes) return "kernel " + name + " has other parameters in the host build";
        module.kernels[name] = kernel;
    }
    return module.kernels.size() == registry::count() ? "" : "the PTX lacks a kernel of the host build";
}

} // namespace

API void stand_in_set(const char * name, long long value) {
    const std::lock_guard<std::recursive_mutex> guard(lock);
    settings[name] = value;
}
API long long stand_in_get(const char * name) {
    const std::lock_guard<std::recursive_mutex> guard(lock);
    return settings[name];
}

API int cuInit(unsigned) {
    if (settings["init"] != 0) return (int) settings["init"];
    ready = true;
    return settings["devices"] == 0 ? NoDevice : Success;
}
API int cuDriverGetVersion(int * version) {
    *version = (int) settings["driver"];
    return Success;
}
API int cuDeviceGetCount(int * n) {
    return call(false, [&] { return *n = (int) settings["devices"], Success; });
}
API int cuDeviceGet(int * device, int ordinal) {
    return call(false, [&] { return *device = ordinal, ordinal >= 0 && ordinal < settings["devices"] ? Success : InvalidDevice; });
}
API int cuDeviceGetName(char * name, int n, int device) {
    return call(false, [&] { return snprintf(name, (size_t) n, "stand-in %d", device), Success; });
}
API int cuDeviceGetAttribute(int * value, int attribute, int) {
    return call(false, [&] { return *value = attribute == 75 ? 6 : 0, Success; });
}
API int cuDeviceTotalMem_v2(size_t * bytes, int) {
    return call(false, [&] { return *bytes = (size_t) settings["memory"], Success; });
}
API int cuDevicePrimaryCtxRetain(void ** context, int device) {
    return call(false, [&] { return contexts[device]++, *context = &contexts[device], Success; });
}
API int cuDevicePrimaryCtxRelease_v2(int device) {
    return call(false, [&] { return contexts[device] > 0 ? (contexts[device]--, Success) : InvalidContext; });
}
API int cuCtxPushCurrent_v2(void * context) {
    return call(false, [&] { return current.push_back((int *) context), Success; });
}
API int cuCtxPopCurrent_v2(void ** context) {
    if (current.empty()) return InvalidContext;
    if (context != nullptr) *context = current.back();
    current.pop_back();
    return Success;
}

API int cuModuleLoadDataEx(void ** module, const void * image, unsigned n, int * options, void ** values) {
    return call(true, [&]() -> int {
        auto loaded = std::make_unique<Module>();
        const std::string error = load((const char *) image, *loaded);
        if (!error.empty()) {
            char * log = nullptr;
            size_t size = 0;
            for (unsigned i = 0; i < n; i++) {
                if (options[i] == 5) log = (char *) values[i];
                if (options[i] == 6) size = (size_t) values[i];
            }
            if (log != nullptr && size > 0) snprintf(log, size, "%s\n", error.c_str());
            return InvalidPtx;
        }
        *module = loaded.release();
        return Success;
    });
}
API int cuModuleUnload(void * module) {
    return call(true, [&] { return delete (Module *) module, Success; });
}
API int cuModuleGetFunction(void ** function, void * module, const char * name) {
    return call(true, [&]() -> int {
        const auto & kernels = ((Module *) module)->kernels;
        const auto i = kernels.find(name);
        if (i == kernels.end()) return NotFound;
        *function = (void *) i->second;
        return Success;
    });
}
API int cuLaunchKernel(void * function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                       void * stream, void ** parameters, void ** extra) {
    return call(true, [&]() -> int {
        if (settings["fail_launch"] != 0) return (int) settings["fail_launch"];
        if (gx < 1 || gy < 1 || gz < 1 || gy > 65535 || gz > 65535 || bx < 1 || by < 1 || bz < 1 || bx * by * bz > 1024) return InvalidValue;
        if (shared > 0 || extra != nullptr || ((Stream *) stream)->device != device()) return InvalidValue;
        const auto * const kernel = (const registry::Kernel *) function;
        const registry::Bound bound = kernel->bind(parameters);
        const int on = device();
        ((Stream *) stream)->work.push_back([=] {
            for (const void * p : bound.pointers) {
                if (!reachable(p, 1, on)) settings["lost"] = IllegalAddress;
            }
            if (settings["fail_kernel"] != 0) settings["lost"] = settings["fail_kernel"];
            if (settings["lost"] != 0) return;
            settings[on == 0 ? "launches0" : "launches1"]++;
            host_gpu::launch(kernel->name, { gx, gy, gz }, { bx, by, bz }, bound.run);
        });
        return Success;
    });
}

API int cuMemAlloc_v2(void ** p, size_t bytes) {
    return call(true, [&]() -> int {
        if (bytes == 0) return InvalidValue;
        size_t used = 0;
        for (const auto & a : allocations) used += a.second.device == device() ? a.second.bytes : 0;
        if (used + bytes > (size_t) settings["memory"]) return OutOfMemory;
        const size_t page = (size_t) sysconf(_SC_PAGESIZE), usable = (bytes + 15) / 16 * 16, mapped = (usable + page - 1) / page * page + page;
        char * const pages = (char *) mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) return OutOfMemory;
        mprotect(pages + mapped - page, page, PROT_NONE);
        char * const begin = pages + mapped - page - usable;
        memset(begin, 0xff, usable);
        allocations[begin] = { pages, mapped, bytes, device() };
        settings["allocated"] += (long long) bytes;
        *p = begin;
        return Success;
    });
}
API int cuMemFree_v2(void * p) {
    return call(true, [&]() -> int {
        const auto i = allocations.find((char *) p);
        if (i == allocations.end()) return InvalidValue;
        for (Stream * s : streams) drain(s);
        munmap(i->second.pages, i->second.mapped);
        settings["allocated"] -= (long long) i->second.bytes;
        allocations.erase(i);
        return Success;
    });
}
API int cuMemHostAlloc(void ** p, size_t bytes, unsigned) {
    return call(true, [&]() -> int {
        if (bytes == 0 || posix_memalign(p, 64, bytes) != 0) return OutOfMemory;
        pinned[(char *) *p] = bytes;
        return Success;
    });
}
API int cuMemFreeHost(void * p) {
    return call(true, [&]() -> int {
        if (pinned.erase((char *) p) == 0) return InvalidValue;
        for (Stream * s : streams) drain(s);
        free(p);
        return Success;
    });
}
API int cuMemcpyHtoDAsync_v2(void * to, const void * from, size_t bytes, void * stream) {
    return call(true, [&] { return copy(to, from, bytes, to, (Stream *) stream); });
}
API int cuMemcpyDtoHAsync_v2(void * to, void * from, size_t bytes, void * stream) {
    return call(true, [&] { return copy(to, from, bytes, from, (Stream *) stream); });
}
API int cuMemcpyDtoDAsync_v2(void * to, void * from, size_t bytes, void * stream) {
    return call(true, [&]() -> int {
        if (!reachable(to, bytes, device()) || !reachable(from, bytes, device())) return InvalidValue;
        ((Stream *) stream)->work.push_back([=] { memcpy(to, from, bytes); });
        return Success;
    });
}
API int cuMemsetD8Async(void * to, unsigned char value, size_t bytes, void * stream) {
    return call(true, [&]() -> int {
        if (!reachable(to, bytes, device())) return InvalidValue;
        ((Stream *) stream)->work.push_back([=] { memset(to, value, bytes); });
        return Success;
    });
}

API int cuStreamCreate(void ** stream, unsigned) {
    return call(true, [&] { return streams.push_back(new Stream{ device(), {} }), *stream = streams.back(), Success; });
}
API int cuStreamDestroy_v2(void * stream) {
    return call(true, [&] {
        streams.erase(std::remove(streams.begin(), streams.end(), (Stream *) stream), streams.end());
        delete (Stream *) stream;
        return Success;
    });
}
API int cuStreamSynchronize(void * stream) {
    return call(true, [&] { return drain((Stream *) stream); });
}

// Memory this driver does not know belongs to the devices in turn, by the order in which addresses are first asked for, so that tests
// of several devices have both.
API int cuPointerGetAttribute(void * value, int attribute, void * p) {
    return call(true, [&]() -> int {
        const auto * const a = find(p);
        if (a == nullptr && (is_pinned(p) || settings["host"] == 0)) return InvalidValue;
        static std::map<void *, int> foreign;
        if (attribute == 2) *(unsigned *) value = 2;
        else if (attribute == 9) *(int *) value = a != nullptr ? a->second.device : foreign.emplace(p, (int) foreign.size()).first->second % (int) settings["devices"];
        else return InvalidValue;
        return Success;
    });
}

API int cuGetErrorName(int error, const char ** name) {
    switch (error) {
        case InvalidValue: *name = "CUDA_ERROR_INVALID_VALUE"; return Success;
        case OutOfMemory: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return Success;
        case NotInitialized: *name = "CUDA_ERROR_NOT_INITIALIZED"; return Success;
        case NoDevice: *name = "CUDA_ERROR_NO_DEVICE"; return Success;
        case InvalidContext: *name = "CUDA_ERROR_INVALID_CONTEXT"; return Success;
        case InvalidPtx: *name = "CUDA_ERROR_INVALID_PTX"; return Success;
        case NotFound: *name = "CUDA_ERROR_NOT_FOUND"; return Success;
        case IllegalAddress: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; return Success;
        case LaunchFailed: *name = "CUDA_ERROR_LAUNCH_FAILED"; return Success;
        default: *name = nullptr; return InvalidValue;
    }
}
