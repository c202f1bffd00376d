// A closed-loop load generator for hmmd and, with the same loop, for Redis. What its parts share.
#pragma once
#include "channel.h"
#include <stdint.h>
#include <stdio.h>

// MARK: Options

typedef enum { protocol_hmm, protocol_resp, protocol_bare } protocol;

typedef struct {
    endpoint where;
    protocol protocol;
    const char *mode;
    unsigned connections;
    unsigned pipeline;     // requests in flight on each connection
    double warmup;         // seconds before counting begins
    double seconds;        // counted seconds
    uint64_t pages;        // resident pages that faults are spread over
    size_t bytes;          // of a bulk payload
    pid_t server;          // whose CPU time and memory to report; 0: nobody's
} options;

extern options opt;

// Ends the program with a message; a run with errors has no figures.
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// The modes. Each runs, and reports.
void run_throughput(void);
void run_bulk(void);
void run_handshakes(void);
void run_idle(void);
void run_rounds(void);

// MARK: Histogram

// Latencies in nanoseconds, in buckets less than 1 % wide.
typedef struct {
    uint64_t *counts;
    uint64_t total, largest;
} histogram;

void histogram_init(histogram *h);
void histogram_reset(histogram *h);
void histogram_add(histogram *h, uint64_t nanoseconds, uint64_t times);
// The value that a share of all do not exceed, in microseconds.
double histogram_quantile(const histogram *h, double share);

// MARK: Meter

uint64_t now_ns(void);

// Clocks at one moment. Seconds of processor time, and of being ready without getting a processor.
typedef struct {
    uint64_t time;
    double own_cpu, own_waited, server_cpu, server_waited;
} moment;

moment meter_read(void);
// Resident memory of the server, in KiB.
long server_resident_kib(void);

// A report is one JSON object on one line.
void report_begin(const channel *sample);
void report_number(const char *name, double value);
void report_latencies(const char *prefix, const histogram *h);
// Processor shares between two moments; also warns of what makes the figures doubtful.
void report_usage(const moment *from, const moment *to, double operations);
void report_end(void);

// MARK: Scripts

// Requests and the exact answer to each, in two blocks of bytes. The loop sends a pipeline's worth at a time and compares
// every byte that comes back, which costs less than looking for line ends and checks everything.
typedef struct {
    char *requests, *answers;
    size_t *request_at, *answer_at;  // where each begins; one more entry for the end
    uint32_t count;
} script;

void script_init(script *s, uint32_t capacity, size_t request_size, size_t answer_size);
void script_add(script *s, const char *request, const char *answer);
void script_free(script *s);

// MARK: Sessions

// One address space with a device and an area, made by a control connection.
typedef struct {
    channel control;
    unsigned space;
    char device[32];
    uint64_t base, pages;
    uint64_t *frames;  // of each page, once it has been faulted
} world;

// Opens a channel and, with hmmd, reads the greeting.
void open_session(channel *c);
// Sends a ping and waits for its answer.
void ping(channel *c);
// Asks, and checks that the one line of the answer is this.
void expect(channel *c, const char *answer, const char *format, ...) __attribute__((format(printf, 3, 4)));
void world_open(world *w, uint64_t pages);
void world_close(world *w);
// A mirror of all of it for this channel; returns its number and stores its sequence.
unsigned world_mirror(world *w, channel *c, uint64_t *sequence);
// Faults everything for writing and learns where the pages are.
void world_warm(world *w, channel *c, unsigned mirror);
