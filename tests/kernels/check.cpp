// The kernels themselves, compiled for the CPU, against native/rows.cpp (the same bits) and against plain loops in double.
// Prints one line, "N checks passed", or what differs.

#include "../../kernels/all.cu"
#include "../../native/nativesteer.h"
#include "../../native/rows.h"

#include <random>
#include <string>

namespace {

int passed = 0, failed = 0;

void expect(bool holds, const std::string & what) {
    (holds ? passed : failed)++;
    if (!holds) printf("FAILED: %s\n", what.c_str());
}

constexpr unsigned threads = 32, warps = ns::warps;

unsigned blocks(int n, int per_block) {
    return (unsigned) ((n + per_block - 1) / per_block);
}

// A tensor with room between its rows, which no kernel may touch.
struct Tensor {
    int                rows, width, stride, offset;
    std::vector<float> memory;

    Tensor(int rows, int width, int gap, int offset, std::mt19937 & random) : rows(rows), width(width), stride(width + gap), offset(offset) {
        std::normal_distribution<float> normal;
        memory.resize((size_t) offset + (size_t) rows * stride + 4);
        for (float & x : memory) x = 1000 + 30 * normal(random); // a large mean: sums in float would lose digits
    }

    float *       data() { return memory.data() + offset; }
    const float * row(int r) const { return memory.data() + offset + (size_t) r * stride; }
    float *       row(int r) { return memory.data() + offset + (size_t) r * stride; }
};

std::vector<float> directions(int n, int width, std::mt19937 & random) {
    std::normal_distribution<float> normal;
    std::vector<float> v((size_t) n * width);
    for (int k = 0; k < n; k++) {
        double squares = 0;
        for (int c = 0; c < width; c++) {
            float & x = v[(size_t) k * width + c];
            x = normal(random);
            squares += (double) x * x;
        }
        for (int c = 0; c < width; c++) v[(size_t) k * width + c] /= (float) std::sqrt(squares);
    }
    return v;
}

bool close(double a, double b, double tolerance) {
    return std::fabs(a - b) <= tolerance * (std::fabs(a) + std::fabs(b) + 1);
}

// Groups 0, 2, 4, ...: the ones between have no rows here, as in a batch of a longer run. Some rows are in several groups, some twice.
void check_sums(Tensor & x, int groups, std::mt19937 & random, const std::string & name) {
    std::vector<int> rows, ranges, all;
    for (int g = 0; g < groups; g++) {
        const int n = (int) (random() % (2 * x.rows)) + (g == 0 ? 8 : 1);
        ranges.insert(ranges.end(), { 2 * g, (int) rows.size(), n });
        for (int i = 0; i < n; i++) rows.push_back((int) (random() % x.rows));
    }
    for (int r = 0; r < x.rows; r++) all.push_back(r);

    std::vector<double> norms(x.rows, NAN), sums((size_t) 2 * groups * x.width, 0.25), norm_sums(2 * groups, 0.5);
    host_gpu::launch("ns_row_norms", blocks(x.rows, warps), { threads, warps },
                     [&] { ns_row_norms(x.data(), x.stride, x.width, all.data(), x.rows, norms.data()); });
    std::vector<int> chunks, chunks_of;
    for (int g = 0; g < groups; g++) {
        const int first = ranges[3 * g + 1], n = ranges[3 * g + 2];
        chunks_of.insert(chunks_of.end(), { 2 * g, (int) chunks.size() / 3, (int) blocks(n, rows::chunk) });
        for (int begin = 0; begin < n; begin += rows::chunk) chunks.insert(chunks.end(), { 2 * g, first + begin, std::min(rows::chunk, n - begin) });
    }
    const int n_chunks = (int) chunks.size() / 3;
    std::vector<double> partial((size_t) n_chunks * (x.width + 1), NAN);
    host_gpu::launch("ns_sum_chunks", { (unsigned) n_chunks, blocks(x.width, ns::columns) }, { threads, warps }, [&] {
        ns_sum_chunks(x.data(), x.stride, x.width, rows.data(), chunks.data(), norms.data(), partial.data());
    });
    host_gpu::launch("ns_add_chunks", { (unsigned) groups, blocks(x.width + 1, 256) }, { 256 },
                     [&] { ns_add_chunks(partial.data(), x.width, chunks_of.data(), sums.data(), norm_sums.data()); });
    std::vector<double> naive((size_t) 2 * groups * x.width, 0.25);
    host_gpu::launch("ns_naive_accumulate", { (unsigned) groups, blocks(x.width, 256) }, { 256 },
                     [&] { ns_naive_accumulate(x.data(), x.stride, x.width, rows.data(), ranges.data(), naive.data()); });

    std::vector<double> native((size_t) 2 * groups * x.width, 0.25), native_norms(2 * groups, 0.5);
    bool near = true;
    for (int g = 0; g < groups; g++) {
        const int * const member = rows.data() + ranges[3 * g + 1];
        const int n = ranges[3 * g + 2];
        std::vector<const float *> data;
        for (int i = 0; i < n; i++) data.push_back(x.row(member[i]));
        double * const to = native.data() + (size_t) 2 * g * x.width;
        for (int begin = 0; begin < n; begin += rows::chunk) {
            std::vector<double> sum(x.width, 0.0);
            double norm = 0;
            for (int first = begin; first < std::min(n, begin + rows::chunk); first += rows::together) {
                const int here = std::min(rows::together, n - first);
                double one[rows::together];
                if (here == rows::together && first % 16 == 0) {
                    rows::accumulate_with_norms(sum.data(), one, data.data() + first, data.data() + first, x.width);
                } else {
                    rows::accumulate(sum.data(), data.data() + first, here, x.width);
                    for (int i = 0; i < here; i++) one[i] = rows::norm(data[first + i], x.width);
                }
                double partial = 0;
                for (int i = 0; i < here; i++) partial += one[i];
                norm += partial;
            }
            for (int c = 0; c < x.width; c++) to[c] += sum[c];
            native_norms[2 * g] += norm;
        }
        for (int c = 0; c < x.width; c++) {
            double expected = 0.25;
            for (int i = 0; i < n; i++) expected += (double) data[i][c];
            near = near && close(expected, sums[(size_t) 2 * g * x.width + c], 1e-14) && close(expected, naive[(size_t) 2 * g * x.width + c], 1e-14);
        }
    }
    expect(sums == native, name + ": sums have not native/reduce.cpp's bits");
    expect(norm_sums == native_norms, name + ": sums of norms have not native/reduce.cpp's bits");
    expect(near, name + ": sums are not the plain sums");
    double worst = 0;
    for (int r = 0; r < x.rows; r++) {
        double squares = 0;
        for (int c = 0; c < x.width; c++) squares += (double) x.row(r)[c] * (double) x.row(r)[c];
        worst = std::max(worst, std::fabs(norms[r] / std::sqrt(squares) - 1));
    }
    expect(worst < 1e-14, name + ": norms are off by " + std::to_string(worst));
}

void check_steering(Tensor x, std::mt19937 & random, const std::string & name) {
    constexpr int n_vectors = 7;
    const std::vector<float> v = directions(n_vectors, x.width, random);
    std::vector<ns::Edit> edits;
    std::vector<int> first;
    int n = 0;
    for (int row = 0; row < x.rows; row += 1 + (int) (random() % 2)) {
        first.push_back((int) edits.size());
        n++;
        for (int k = (int) (random() % 4); k >= 0; k--) {
            edits.push_back({ 0, row, (int) (random() % n_vectors), (int) (random() % 5), (float) (random() % 2000) / 100 - 10 });
        }
    }
    first.push_back((int) edits.size());
    Tensor native = x, before = x;
    static_assert(sizeof(ns::Edit) == sizeof(ns_edit), "the kernels read the table that the hook has");
    ns_edit_rows(native.data(), native.stride, native.width, reinterpret_cast<const ns_edit *>(edits.data()), (int) edits.size(), v.data());
    host_gpu::launch("ns_steer", blocks(n, warps), { threads, warps },
                     [&] { ns_steer(x.data(), x.stride, x.width, v.data(), edits.data(), first.data(), n); });
    expect(x.memory == native.memory, name + ": steered rows have not native/edit.cpp's bits, or something else was written");
    expect(x.memory != before.memory, name + ": steering changed nothing");

    std::vector<int> rows, which;
    std::vector<float> scales;
    Tensor naive = before, fast = before;
    edits.clear();
    first.clear();
    for (int row = 0; row < x.rows; row += 2) {
        rows.push_back(row);
        which.push_back(row % n_vectors);
        scales.push_back(0.5f * (float) row - 3);
        first.push_back((int) edits.size());
        edits.push_back({ 0, row, which.back(), ns::Add, scales.back() });
    }
    first.push_back((int) edits.size());
    host_gpu::launch("ns_naive_add", { (unsigned) rows.size(), blocks(x.width, 256) }, { 256 },
                     [&] { ns_naive_add(naive.data(), naive.stride, naive.width, rows.data(), v.data(), which.data(), scales.data()); });
    host_gpu::launch("ns_steer", blocks((int) rows.size(), warps), { threads, warps },
                     [&] { ns_steer(fast.data(), fast.stride, fast.width, v.data(), edits.data(), first.data(), (int) rows.size()); });
    expect(naive.memory == fast.memory, name + ": one addition a row is not h + scale * v");
}

void check_projection(Tensor & x, std::mt19937 & random, const std::string & name) {
    constexpr int k = 11;
    std::vector<float> v = directions(k, x.width, random);
    std::fill(v.begin(), v.begin() + x.width, 0.0f); // a direction without length
    std::vector<int> rows;
    for (int r = 0; r < x.rows; r += 3) rows.push_back(r);
    const int n = (int) rows.size();
    std::vector<float> dots((size_t) n * k), cosines((size_t) n * k), naive((size_t) n * k);
    host_gpu::launch("ns_project", { (unsigned) n, blocks(k, warps) }, { threads, warps },
                     [&] { ns_project(x.data(), x.stride, x.width, rows.data(), v.data(), k, 0, dots.data()); });
    host_gpu::launch("ns_project", { (unsigned) n, blocks(k, warps) }, { threads, warps },
                     [&] { ns_project(x.data(), x.stride, x.width, rows.data(), v.data(), k, 1, cosines.data()); });
    host_gpu::launch("ns_naive_project", blocks(n * k, 256), { 256 },
                     [&] { ns_naive_project(x.data(), x.stride, x.width, rows.data(), n, v.data(), k, naive.data()); });
    bool same = true, near = true;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < k; j++) {
            const float * const h = x.row(rows[i]);
            const float * const d = v.data() + (size_t) j * x.width;
            const double dot = rows::dot(h, d, x.width), lengths = rows::norm(h, x.width) * rows::norm(d, x.width);
            same = same && dots[i * k + j] == (float) dot && cosines[i * k + j] == (float) (lengths > 0 ? dot / lengths : 0);
            near = near && close(dots[i * k + j], naive[i * k + j], 1e-6);
        }
    }
    expect(same, name + ": dot products or cosines have not native/reduce.cpp's bits");
    expect(near, name + ": dot products are not the plain ones");
}

} // namespace

int main(int argc, char **) {
    const bool few = argc > 1; // under a sanitizer
    struct Shape { int rows, width, gap, offset; };
    std::vector<Shape> shapes = { { 5, 1, 0, 0 }, { 9, 64, 0, 0 }, { 17, 131, 0, 0 }, { 20, 100, 3, 1 } };
    if (!few) shapes.insert(shapes.end(), { { 70, 128, 0, 0 }, { 33, 257, 1, 0 }, { 100, 260, 4, 0 }, { 12, 512, 0, 2 }, { 150, 1030, 2, 0 } });
    std::mt19937 random(7);
    for (const Shape & s : shapes) {
        const std::string name = std::to_string(s.rows) + " x " + std::to_string(s.width);
        Tensor x(s.rows, s.width, s.gap, s.offset, random);
        check_sums(x, few ? 2 : 5, random, name);
        check_steering(x, random, name);
        check_projection(x, random, name);
    }
    printf("%d checks passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
