// Runs kernels on the CPU, for the tests: g++ -x c++ -DNS_HOST. Included by cuda.h.
//
//     host_gpu::launch("ns_steer", { blocks }, { 32, 8 }, [&] { ns_steer(data, ...); });
//
// Blocks run one after the other. The threads of a block are
//   fibers on the calling thread (default)    the same order every time; a barrier that some threads never reach is found
//   threads of the system (-DNS_HOST_THREADS) for ThreadSanitizer
// __shared__ memory is filled with NaN before each block, so that what is read before it is written shows. Speeds mean nothing here.
// g++ and glibc; the whole warp takes part in every shuffle.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#ifdef NS_HOST_THREADS
#include <pthread.h>
#include <thread>
#else
#include <ucontext.h>
#endif

#define NS_KERNEL extern "C" void
#define __device__
#define __shared__ static __attribute__((section("ns_shared"))) // one section, so that all of it can be overwritten
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };

extern "C" char __start_ns_shared[] __attribute__((weak)), __stop_ns_shared[] __attribute__((weak));

namespace host_gpu {

constexpr int warp_size = 32;

struct Thread {
    enum State { Running, AtBarrier, InShuffle, Done };
    uint3    index;
    int      number;   // in its block
    unsigned exchange; // shuffles so far: two buffers in turn
    State    state;
#ifndef NS_HOST_THREADS
    ucontext_t context;
#endif
};

struct Block {
    const char *          name;
    dim3                  grid, dim;
    uint3                 index;
    std::function<void()> body;
    std::vector<Thread>   threads;
    std::vector<uint64_t> exchanged; // (2, threads)
#ifdef NS_HOST_THREADS
    pthread_barrier_t              barrier;
    std::vector<pthread_barrier_t> warp_barriers;
#else
    ucontext_t        scheduler;
    std::vector<char> stacks;
    std::vector<int>  arrived; // per warp, at the shuffle
    int               alive, at_barrier;
#endif

    int warp_length(int warp) const { return std::min(warp_size, (int) threads.size() - warp * warp_size); }
};

inline thread_local Block *  block = nullptr;
inline thread_local Thread * thread = nullptr;

[[noreturn]] inline void die(const char * what) {
    fprintf(stderr, "host_gpu: kernel %s, block (%u,%u,%u): %s\n", block->name, block->index.x, block->index.y, block->index.z, what);
    abort();
}

inline void poison() {
    if (__start_ns_shared != nullptr) memset(__start_ns_shared, 0xff, __stop_ns_shared - __start_ns_shared);
}

inline Thread & reset(Block & b, int i) {
    Thread & t = b.threads[i];
    t.index = { i % b.dim.x, i / b.dim.x % b.dim.y, i / (b.dim.x * b.dim.y) };
    t.number = i;
    t.exchange = 0;
    t.state = Thread::Running;
    return t;
}

template <typename F> void each_block(Block & b, F && run) {
    for (unsigned z = 0; z < b.grid.z; z++) {
        for (unsigned y = 0; y < b.grid.y; y++) {
            for (unsigned x = 0; x < b.grid.x; x++) run(uint3{ x, y, z });
        }
    }
}

#ifdef NS_HOST_THREADS

inline void wait_for_block() { pthread_barrier_wait(&block->barrier); }
inline void wait_for_warp() { pthread_barrier_wait(&block->warp_barriers[thread->number / warp_size]); }

inline void run_blocks(Block & b) {
    const int n = (int) b.threads.size();
    pthread_barrier_init(&b.barrier, nullptr, n);
    b.warp_barriers.resize((n + warp_size - 1) / warp_size);
    for (size_t w = 0; w < b.warp_barriers.size(); w++) pthread_barrier_init(&b.warp_barriers[w], nullptr, b.warp_length((int) w));
    std::vector<std::thread> running;
    for (int i = 0; i < n; i++) {
        running.emplace_back([&b, i] {
            block = &b;
            each_block(b, [&](uint3 index) {
                wait_for_block();
                if (i == 0) {
                    b.index = index;
                    poison();
                }
                thread = &reset(b, i);
                wait_for_block();
                b.body();
            });
        });
    }
    for (auto & r : running) r.join();
}

#else

inline void give_way() { swapcontext(&thread->context, &block->scheduler); }

inline void wait_for_block() {
    thread->state = Thread::AtBarrier;
    block->at_barrier++;
    give_way();
}

inline void wait_for_warp() {
    const int warp = thread->number / warp_size;
    if (++block->arrived[warp] < block->warp_length(warp)) {
        thread->state = Thread::InShuffle;
        give_way();
        return;
    }
    block->arrived[warp] = 0;
    for (int i = 0; i < block->warp_length(warp); i++) block->threads[warp * warp_size + i].state = Thread::Running;
}

inline void fiber() {
    block->body();
    thread->state = Thread::Done;
    block->alive--;
}

inline void run_block(Block & b) {
    constexpr size_t stack = 64 << 10;
    const int n = (int) b.threads.size();
    b.stacks.resize(stack * n);
    b.arrived.assign((n + warp_size - 1) / warp_size, 0);
    b.alive = n;
    b.at_barrier = 0;
    for (int i = 0; i < n; i++) {
        Thread & t = reset(b, i);
        getcontext(&t.context);
        t.context.uc_stack.ss_sp = &b.stacks[stack * i];
        t.context.uc_stack.ss_size = stack;
        t.context.uc_link = &b.scheduler;
        makecontext(&t.context, fiber, 0);
    }
    while (b.alive > 0) {
        bool any = false;
        for (Thread & t : b.threads) {
            if (t.state != Thread::Running) continue;
            any = true;
            thread = &t;
            swapcontext(&b.scheduler, &t.context);
        }
        if (any) continue;
        if (b.at_barrier != n) die(b.at_barrier > 0 ? "__syncthreads is not reached by all threads" : "a shuffle is not reached by the whole warp");
        b.at_barrier = 0;
        for (Thread & t : b.threads) t.state = Thread::Running;
    }
}

inline void run_blocks(Block & b) {
    each_block(b, [&](uint3 index) {
        b.index = index;
        poison();
        run_block(b);
    });
}

#endif

inline void launch(const char * name, dim3 grid, dim3 dim, std::function<void()> body) {
    Block b{};
    b.name = name;
    b.grid = grid;
    b.dim = dim;
    b.body = std::move(body);
    const size_t n = (size_t) dim.x * dim.y * dim.z;
    b.threads.resize(n);
    b.exchanged.resize(2 * n);
    block = &b;
    if (n < 1 || n > 1024) die("a block has 1 to 1024 threads");
    run_blocks(b);
    block = nullptr;
    thread = nullptr;
}

} // namespace host_gpu

#define threadIdx (host_gpu::thread->index)
#define blockIdx (host_gpu::block->index)
#define blockDim (host_gpu::block->dim)
#define gridDim (host_gpu::block->grid)

inline void __syncthreads() {
    host_gpu::wait_for_block();
}

inline double __shfl_xor_sync(unsigned mask, double value, int apart) {
    host_gpu::Thread & me = *host_gpu::thread;
    if (mask != 0xffffffffu) host_gpu::die("a shuffle with a mask of part of the warp is not supported here");
    uint64_t * const slots = &host_gpu::block->exchanged[(me.exchange++ & 1) * host_gpu::block->threads.size()];
    memcpy(&slots[me.number], &value, sizeof value);
    host_gpu::wait_for_warp();
    memcpy(&value, &slots[me.number ^ apart], sizeof value);
    return value;
}

namespace ns {

inline double add_product(double sum, float a, float b) { return sum + (double) a * (double) b; }
inline double square_root(double a) { return std::sqrt(a); }

} // namespace ns
