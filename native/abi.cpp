#include "llama.h"

#if defined(__GNUC__)
#define NS_API extern "C" __attribute__((visibility("default")))
#else
#define NS_API extern "C"
#endif

// The version of the llama.cpp library that was loaded, for example "v0.5.0". Static storage.
NS_API const char * ns_llama_version();

const char * ns_llama_version() {
    return llama_version();
}
