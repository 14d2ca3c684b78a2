// What part of a piece of work each thread does. Internal to native/.

#pragma once

#include <algorithm>
#include <cstdint>

struct Portion {
    int64_t from, to;
};

// The portion of n that thread i of count does, in whole pieces.
inline Portion portion(int64_t n, int64_t piece, int i, int count) {
    const int64_t pieces = (n + piece - 1) / piece;
    return { std::min(n, pieces * i / count * piece), std::min(n, pieces * (i + 1) / count * piece) };
}
