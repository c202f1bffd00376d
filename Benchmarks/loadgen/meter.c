#include "loadgen.h"
#include <dirent.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }

// Seconds that the threads of a process stood in the queue of a processor: somebody else had it.
static double waited(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    if (!tasks) return 0;
    double sum = 0;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        char file[sizeof path + sizeof entry->d_name + 16];
        snprintf(file, sizeof file, "%s/%s/schedstat", path, entry->d_name);
        FILE *f = entry->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (!f) continue;
        unsigned long long ran, stood;
        if (fscanf(f, "%llu %llu", &ran, &stood) == 2) sum += (double)stood / 1e9;
        fclose(f);
    }
    closedir(tasks);
    return sum;
}

moment meter_read(void) {
    moment m = {.time = now_ns()};
    m.own_cpu = (double)read_clock(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    m.own_waited = waited(getpid());
    if (!opt.server) return m;
    clockid_t clock;
    if (clock_getcpuclockid(opt.server, &clock) != 0) die("process %d is gone", opt.server);
    m.server_cpu = (double)read_clock(clock) / 1e9;
    m.server_waited = waited(opt.server);
    return m;
}

long server_resident_kib(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", opt.server);
    FILE *f = fopen(path, "r");
    long size = 0, resident = 0;
    if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2) die("cannot read %s; give --server-pid", path);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// MARK: Report

void report_begin(const channel *sample) {
    static const char *names[] = {"hmm", "resp", "bare"};
    printf("{\"protocol\":\"%s\",\"mode\":\"%s\",\"tls\":\"%s\",\"cipher\":\"%s\",\"client_certificate\":%s",
           names[opt.protocol], opt.mode, channel_version(sample), channel_cipher(sample),
           opt.where.cert && !opt.where.plain ? "true" : "false");
    report_number("connections", opt.connections);
    report_number("pipeline", opt.pipeline);
}

void report_number(const char *name, double value) { printf(",\"%s\":%.10g", name, value); }

void report_latencies(const char *prefix, const histogram *h) {
    static const struct { const char *name; double share; } rows[] = {
        {"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf(",\"%s%s_us\":%.2f", prefix, rows[i].name, histogram_quantile(h, rows[i].share));
}

void report_usage(const moment *from, const moment *to, double operations) {
    double seconds = (double)(to->time - from->time) / 1e9;
    double own = (to->own_cpu - from->own_cpu) / seconds;
    double own_waited = (to->own_waited - from->own_waited) / seconds;
    report_number("seconds", seconds);
    report_number("gen_cpu", own);
    report_number("gen_waited", own_waited);
    if (own >= 0.98) fprintf(stderr, "warning: the generator used %.0f %% of its core: it measures itself\n", own * 100);
    double server_waited = 0;
    if (opt.server) {
        double server = to->server_cpu - from->server_cpu;
        server_waited = (to->server_waited - from->server_waited) / seconds;
        report_number("server_cpu", server / seconds);
        report_number("server_waited", server_waited);
        if (operations > 0) report_number("server_us_per_op", server * 1e6 / operations);
    }
    if (own_waited > 0.05 || server_waited > 0.05)
        fprintf(stderr, "warning: others used the cores: generator and server stood in line %.0f %% and %.0f %% of the time\n",
                own_waited * 100, server_waited * 100);
}

void report_end(void) { printf("}\n"); }
