// What the processor can do at most, for the column of limits: `probe KIND THREADS` prints a rate a second as JSON, or null where there is no such unit.
//
//   f32, f64   floating-point operations of fused multiply-adds on registers, two each
//   tiles      those of products of bfloat16 tiles that are loaded from the first-level cache (AMX)
//   memory     bytes of a triad a = b + 3 c over arrays that no cache of a core holds
//
// The best of several short turns, in which all threads start together. cc -O3 -march=native -ffp-contract=fast -pthread probe.c
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AMX_BF16__) && defined(__linux__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TILES 1
#endif

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif
// Enough chains to hide the latency of two units, few enough for sixteen registers.
#define CHAINS 12
#define TURNS 7
#define MOST_THREADS 256

typedef float floats __attribute__((vector_size(WIDTH)));
typedef double doubles __attribute__((vector_size(WIDTH)));
typedef double (*work)(void *); // the amount done

static volatile double sink;

#define MULTIPLY_ADDS(name, vector, number)                                                     \
    static double name(void *unused) {                                                          \
        (void)unused;                                                                           \
        const long n = 4000000;                                                                 \
        vector x = (vector){0} + (number)0.999, y = (vector){0} + (number)1e-3, c[CHAINS];      \
        for (int k = 0; k < CHAINS; k++) c[k] = (vector){0} + (number)k;                        \
        for (long i = 0; i < n; i++)                                                            \
            for (int k = 0; k < CHAINS; k++) c[k] = c[k] * x + y;                               \
        vector sum = c[0];                                                                      \
        for (int k = 1; k < CHAINS; k++) sum += c[k];                                           \
        sink = sum[0];                                                                          \
        return 2.0 * n * CHAINS * (WIDTH / sizeof(number));                                     \
    }
MULTIPLY_ADDS(multiply_f32, floats, float)
MULTIPLY_ADDS(multiply_f64, doubles, double)

#ifdef TILES
#define DEEP 25
struct shape { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; };

static int may_use_tiles(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

// Two by two tiles of sums, each with 32 numbers of a product at a time.
static double multiply_tiles(void *operands) {
    struct shape shape __attribute__((aligned(64)));
    memset(&shape, 0, sizeof shape);
    shape.palette = 1;
    for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = 16;
    __asm__ volatile("" ::"r"(&shape) : "memory");
    _tile_loadconfig(&shape);
    const uint16_t *a = operands, *b = a + DEEP * 1024;
    const long n = 8000;
    for (long i = 0; i < n; i++) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int k = 0; k < DEEP; k++) {
            _tile_loadd(4, a + k * 1024, 64);
            _tile_loadd(5, a + k * 1024 + 512, 64);
            _tile_loadd(6, b + k * 1024, 64);
            _tile_loadd(7, b + k * 1024 + 512, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_release();
    return n * DEEP * 4.0 * (2 * 16 * 16 * 32);
}
#endif

#define LONG (4L << 20)
static double triad(void *arrays) {
    double *a = arrays, *b = a + LONG, *c = b + LONG;
    for (long i = 0; i < LONG; i++) a[i] = b[i] + 3.0 * c[i];
    __asm__ volatile("" ::"r"(a) : "memory");
    return 3.0 * LONG * sizeof(double);
}

static work kind;
static pthread_barrier_t together;

static void *turns(void *memory) {
    for (int r = 0; r <= TURNS; r++) {
        pthread_barrier_wait(&together);
        double done = kind(memory);
        pthread_barrier_wait(&together);
        sink = done;
    }
    return NULL;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(int count, char **words) {
    int threads = count == 3 ? atoi(words[2]) : 0;
    if (threads < 1 || threads > MOST_THREADS) return 2;
    size_t bytes = 4096;
    if (!strcmp(words[1], "f32")) kind = multiply_f32;
    else if (!strcmp(words[1], "f64")) kind = multiply_f64;
    else if (!strcmp(words[1], "memory")) kind = triad, bytes = 3 * LONG * sizeof(double);
#ifdef TILES
    else if (!strcmp(words[1], "tiles") && may_use_tiles()) kind = multiply_tiles, bytes = 2 * DEEP * 2048;
#endif
    else if (!strcmp(words[1], "tiles")) { puts("null"); return 0; }
    else return 2;

    pthread_barrier_init(&together, NULL, threads);
    pthread_t others[MOST_THREADS];
    void *memory[MOST_THREADS];
    for (int i = 0; i < threads; i++) {
        memory[i] = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
        if (!memory[i]) return 1;
        memset(memory[i], 0, bytes);
        if (i && pthread_create(&others[i], NULL, turns, memory[i])) return 1;
    }
    double best = 0;
    for (int r = 0; r <= TURNS; r++) {
        pthread_barrier_wait(&together);
        double began = now(), done = kind(memory[0]);
        pthread_barrier_wait(&together);
        double rate = threads * done / (now() - began);
        if (r && rate > best) best = rate; // the first turn warms up
    }
    for (int i = 1; i < threads; i++) pthread_join(others[i], NULL);
    printf("%.6g\n", best);
}
