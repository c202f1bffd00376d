#include "loadgen.h"
#include <stdlib.h>
#include <string.h>

// Values below 128 have a bucket each; above, each power of two is cut into 128.
enum { bits = 7, slice = 1 << bits, buckets = (64 - bits + 1) * slice };

static int bucket(uint64_t value) {
    if (value < slice) return (int)value;
    int exponent = 63 - __builtin_clzll(value);
    return (exponent - bits + 1) * slice + (int)(value >> (exponent - bits)) - slice;
}

// The middle of a bucket.
static double middle(int index) {
    if (index < slice) return index;
    int exponent = index / slice + bits - 1;
    uint64_t width = 1ull << (exponent - bits);
    return (double)((uint64_t)(slice + index % slice) * width) + (double)width / 2;
}

void histogram_init(histogram *h) { *h = (histogram){.counts = calloc(buckets, sizeof *h->counts)}; }

void histogram_reset(histogram *h) {
    memset(h->counts, 0, buckets * sizeof *h->counts);
    h->total = h->largest = 0;
}

void histogram_add(histogram *h, uint64_t nanoseconds, uint64_t times) {
    h->counts[bucket(nanoseconds)] += times;
    h->total += times;
    if (nanoseconds > h->largest) h->largest = nanoseconds;
}

double histogram_quantile(const histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * (double)h->total), seen = 0;
    for (int index = 0; index < buckets; index++) {
        seen += h->counts[index];
        if (seen > wanted) return middle(index) / 1000;
    }
    return (double)h->largest / 1000;
}
