// Kernels with mistakes in them, one for each thing that running on the CPU must find: mistakes NUMBER.

#include "../../kernels/cuda.h"

// 0: a barrier that half of the block never reaches
NS_KERNEL barrier_in_a_branch(float * p) {
    __shared__ float s[64];
    if (threadIdx.x < 32) {
        s[threadIdx.x] = p[threadIdx.x];
        __syncthreads();
        p[threadIdx.x] = s[31 - threadIdx.x];
    }
}

// 1: a shuffle that half of the warp never reaches
NS_KERNEL shuffle_in_a_branch(double * p) {
    double v = p[threadIdx.x];
    if (threadIdx.x % 2 == 1) v += __shfl_xor_sync(0xffffffffu, v, 2);
    p[threadIdx.x] = v;
}

// 2: no barrier between writing and reading (found by ThreadSanitizer)
NS_KERNEL missing_barrier(float * p) {
    __shared__ float s[64];
    s[threadIdx.x] = p[threadIdx.x];
    p[threadIdx.x] = s[63 - threadIdx.x];
}

// 3: one past the end (found by AddressSanitizer)
NS_KERNEL past_the_end(float * p, int n) {
    const int i = (int) (blockIdx.x * 64 + threadIdx.x);
    if (i <= n) p[i] = 1;
}

// 4: shared memory read before it is written: NaN in the result
NS_KERNEL not_written(float * p) {
    __shared__ float s[64];
    if (threadIdx.x == 0) s[0] = 1;
    __syncthreads();
    p[threadIdx.x] = s[threadIdx.x];
}

int main(int argc, char ** argv) {
    std::vector<float> p(64, 2);
    std::vector<double> d(64, 2);
    switch (argc > 1 ? atoi(argv[1]) : -1) {
        case 0: host_gpu::launch("barrier_in_a_branch", 1, 64, [&] { barrier_in_a_branch(p.data()); }); break;
        case 1: host_gpu::launch("shuffle_in_a_branch", 1, 64, [&] { shuffle_in_a_branch(d.data()); }); break;
        case 2: host_gpu::launch("missing_barrier", 1, 64, [&] { missing_barrier(p.data()); }); break;
        case 3: host_gpu::launch("past_the_end", 1, 64, [&] { past_the_end(p.data() + 4, 60); }); break;
        case 4:
            host_gpu::launch("not_written", 1, 64, [&] { not_written(p.data()); });
            if (p[0] == 1 && p[1] != p[1]) {
                puts("NaN");
                return 1;
            }
            break;
        default: return 2;
    }
    puts("nothing found");
    return 0;
}
