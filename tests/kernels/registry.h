// The kernels of the host build by name, with what the stand-in driver must know of them.

#pragma once

#include "../../kernels/cuda_host.h"

#include <memory>
#include <string>

namespace registry {

// A launch: its arguments are copied when it is made, as a driver does.
struct Bound {
    std::function<void()>     run;
    std::vector<const void *> pointers; // among the arguments, in their order
};

struct Kernel {
    const char *                   name;
    std::vector<size_t>            sizes; // bytes of each parameter
    std::function<Bound(void **)> bind;
};

const Kernel * find(const std::string & name); // NULL when there is none
size_t         count();

} // namespace registry
