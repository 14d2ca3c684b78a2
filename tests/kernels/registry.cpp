#include "registry.h"

#include "../../kernels/all.cu"

#include <tuple>
#include <type_traits>
#include <utility>

namespace registry {

namespace {

template <typename T> void keep_if_pointer(Bound & bound, T value) {
    if constexpr (std::is_pointer_v<T>) bound.pointers.push_back((const void *) value);
}

template <typename... A, size_t... I> Bound with_arguments(void (*kernel)(A...), void ** values, std::index_sequence<I...>) {
    const std::tuple<A...> arguments(*static_cast<A *>(values[I])...);
    Bound bound;
    (keep_if_pointer(bound, std::get<I>(arguments)), ...);
    bound.run = [=] { std::apply(kernel, arguments); };
    return bound;
}

template <typename... A> Kernel describe(const char * name, void (*kernel)(A...)) {
    return { name, { sizeof(A)... }, [kernel](void ** values) { return with_arguments(kernel, values, std::index_sequence_for<A...>()); } };
}

#define KERNEL(name) describe(#name, name)
const std::vector<Kernel> kernels = {
    KERNEL(ns_row_norms), KERNEL(ns_sum_chunks), KERNEL(ns_add_chunks), KERNEL(ns_steer), KERNEL(ns_project),
    KERNEL(ns_naive_accumulate), KERNEL(ns_naive_add), KERNEL(ns_naive_project),
};

} // namespace

const Kernel * find(const std::string & name) {
    for (const Kernel & kernel : kernels) {
        if (name == kernel.name) return &kernel;
    }
    return nullptr;
}

size_t count() {
    return kernels.size();
}

} // namespace registry
