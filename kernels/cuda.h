// What a kernel may use. The same source is compiled three ways:
//
//   clang -x cuda --cuda-device-only -nocudainc -nocudalib    to PTX, without a CUDA toolkit (scripts/build-kernels.sh)
//   nvcc or NVRTC                                             to compare with
//   g++ -x c++ -DNS_HOST                                      to run on the CPU (kernels/cuda_host.h), for the tests
//
// Products and sums are rounded one by one (-ffp-contract=off, nvcc -fmad=false), so that a GPU gives the CPU's bits.
//
// A kernel is `NS_KERNEL name(...)`: extern "C", no return value. Its parameters are pointers, int and long long alone, so that the
// launchers in src/NativeSteer/Cuda/Kernels.cs pass each as it is.

#pragma once

#ifdef NS_HOST
#include "cuda_host.h"
#else

#define NS_KERNEL extern "C" __global__ void

#if defined(__clang__) && !defined(__CUDACC_RTC__) && !defined(NS_TOOLKIT)
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ __inline__ __attribute__((always_inline))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
#include <__clang_cuda_builtin_vars.h> // threadIdx, blockIdx, blockDim, gridDim

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };

// Clang has the 32-bit shuffle alone.
static __device__ __forceinline__ double __shfl_xor_sync(unsigned mask, double value, int apart) {
    union { double whole; int half[2]; } u;
    u.whole = value;
    u.half[0] = __nvvm_shfl_sync_bfly_i32(mask, u.half[0], apart, 0x1f);
    u.half[1] = __nvvm_shfl_sync_bfly_i32(mask, u.half[1], apart, 0x1f);
    return u.whole;
}
#elif !defined(__CUDACC_RTC__)
#include <cuda_runtime.h>
#endif

namespace ns {

// The product of two floats is exact in double: fused or not, the sum is the same.
static __device__ __forceinline__ double add_product(double sum, float a, float b) {
    return __builtin_fma((double) a, (double) b, sum);
}

static __device__ __forceinline__ double square_root(double a) {
#ifdef __clang__
    return __nvvm_sqrt_rn_d(a);
#else
    return sqrt(a);
#endif
}

} // namespace ns

#endif
