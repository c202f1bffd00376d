// Large payloads over one connection: to the server (`write`) or from it (`read`), `pipeline` of them in flight.
#include "loadgen.h"
#include <stdlib.h>
#include <string.h>

// One exchange: fixed text around a payload in the request or in the answer.
typedef struct {
    char *request, *answer;        // the answer as it must come
    size_t request_size, answer_size;
    size_t payload_at;             // in the answer; meaningful when reading
} exchange;

enum { whole_check_every = 64, samples = 16 };

static uint64_t next_random(void) {
    static uint64_t state = 0x9e3779b97f4a7c15ull;
    return state = state * 6364136223846793005ull + 1442695040888963407ull;
}

static char *random_payload(void) {
    char *bytes = malloc(opt.bytes);
    for (size_t i = 0; i < opt.bytes; i++) bytes[i] = (char)(next_random() >> 56);
    return bytes;
}

static char *surround(const char *head, const char *payload, const char *tail, size_t *size) {
    size_t before = strlen(head), middle = payload ? opt.bytes : 0, after = strlen(tail);
    char *bytes = malloc(before + middle + after + 1);
    memcpy(bytes, head, before);
    if (payload) memcpy(bytes + before, payload, middle);
    memcpy(bytes + before + middle, tail, after + 1);
    *size = before + middle + after;
    return bytes;
}

static exchange make_write(const world *w, const char *payload) {
    exchange e = {0};
    char head[128], answer[64];
    bool hmm = opt.protocol == protocol_hmm;
    if (hmm) snprintf(head, sizeof head, "write mm=%u va=0x%lx data={%zu}\n", w->space, w->base, opt.bytes);
    else snprintf(head, sizeof head, "write %zu\n", opt.bytes);
    snprintf(answer, sizeof answer, hmm ? "+ n=%zu\n" : "ok %zu\n", opt.bytes);
    e.request = surround(head, payload, hmm ? "\n" : "", &e.request_size);
    e.answer = surround(answer, NULL, "", &e.answer_size);
    return e;
}

static exchange make_read(const world *w, const char *payload) {
    exchange e = {0};
    char request[128], head[64], tail[64] = "";
    if (opt.protocol == protocol_hmm) {
        snprintf(request, sizeof request, "read %u 0x%lx %zu as=literal\n", w->space, w->base, opt.bytes);
        snprintf(head, sizeof head, "= data={%zu}\n", opt.bytes);
        snprintf(tail, sizeof tail, "\n+ n=%zu\n", opt.bytes);
    } else {
        snprintf(request, sizeof request, "read %zu\n", opt.bytes);
        snprintf(head, sizeof head, "data %zu\n", opt.bytes);
    }
    e.request = surround(request, NULL, "", &e.request_size);
    e.answer = surround(head, payload, tail, &e.answer_size);
    e.payload_at = strlen(head);
    return e;
}

// The text around the payload and some words of it; every so often, and when asked to, all of it.
static void check(const exchange *e, const char *got, bool whole) {
    static unsigned count;
    bool right = memcmp(got, e->answer, e->payload_at) == 0;
    if (e->payload_at == 0 || whole || count++ % whole_check_every == 0) {
        right = right && memcmp(got, e->answer, e->answer_size) == 0;
    } else {
        for (int i = 0; i < samples; i++) {
            size_t at = e->payload_at + next_random() % (opt.bytes - 8);
            right = right && memcmp(got + at, e->answer + at, 8) == 0;
        }
        size_t tail = e->payload_at + opt.bytes;
        right = right && memcmp(got + tail, e->answer + tail, e->answer_size - tail) == 0;
    }
    if (!right) die("wrong answer: %.*s", (int)(e->answer_size < 80 ? e->answer_size : 80), got);
}

static void once(channel *c, const exchange *e, char *buffer) {
    channel_send(c, e->request, e->request_size);
    channel_exactly(c, buffer, e->answer_size);
    check(e, buffer, true);
}

// A window of requests; latency is from the moment a request is sent to the last byte of its answer.
static uint64_t run_window(channel *c, const exchange *e, char *buffer, uint64_t end, histogram *latency) {
    uint64_t began[256], done = 0, sent = 0, now = now_ns();
    while (now < end || done < sent) {
        while (sent - done < opt.pipeline && now < end) {
            began[sent++ % opt.pipeline] = now_ns();
            channel_send(c, e->request, e->request_size);
            now = now_ns();
        }
        channel_exactly(c, buffer, e->answer_size);
        check(e, buffer, false);
        now = now_ns();
        histogram_add(latency, now - began[done++ % opt.pipeline], 1);
    }
    return done;
}

void run_bulk(void) {
    if (opt.pipeline > 256 || opt.bytes < 16) die("bulk: at most 256 in flight, at least 16 bytes");
    world w = {0};
    channel c;
    if (opt.protocol == protocol_hmm) world_open(&w, (opt.bytes + 4095) / 4096);
    open_session(&c);
    char *payload = random_payload();
    exchange write = make_write(&w, payload), read = make_read(&w, payload);
    exchange *measured = strcmp(opt.mode, "write") == 0 ? &write : &read;
    char *buffer = malloc(read.answer_size + write.answer_size);
    once(&c, &write, buffer);
    once(&c, &read, buffer);

    histogram latency;
    histogram_init(&latency);
    run_window(&c, measured, buffer, now_ns() + (uint64_t)(opt.warmup * 1e9), &latency);
    histogram_reset(&latency);
    moment from = meter_read();
    uint64_t done = run_window(&c, measured, buffer, from.time + (uint64_t)(opt.seconds * 1e9), &latency);
    moment to = meter_read();
    // What was written is there.
    once(&c, &read, buffer);

    double seconds = (double)(to.time - from.time) / 1e9;
    report_begin(&c);
    report_number("bytes", (double)opt.bytes);
    report_number("operations", (double)done);
    report_number("ops_per_s", (double)done / seconds);
    report_number("mb_per_s", (double)done * (double)opt.bytes / seconds / 1e6);
    report_latencies("", &latency);
    report_usage(&from, &to, (double)done);
    report_end();
    channel_close(&c);
    if (opt.protocol == protocol_hmm) world_close(&w);
}
