// What a client does before there is anything to measure.
#include "loadgen.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void open_session(channel *c) {
    channel_open(c);
    if (opt.protocol != protocol_hmm) return;
    const char *greeting = channel_line(c);
    if (strncmp(greeting, "* HMM/1 ", 8) != 0) die("not the greeting of hmmd: %s", greeting);
}

void ping(channel *c) {
    bool resp = opt.protocol == protocol_resp;
    if (resp) channel_send(c, "PING\r\n", 6);
    else channel_send(c, "ping\n", 5);
    const char *answer = channel_line(c);
    if (strcmp(answer, resp ? "+PONG\r" : "+") != 0) die("to a ping the server said `%s`", answer);
}

static void ask(channel *c, const char *format, va_list arguments) {
    char line[512];
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    line[length++] = '\n';
    channel_send(c, line, (size_t)length);
}

void expect(channel *c, const char *answer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    ask(c, format, arguments);
    va_end(arguments);
    const char *line = channel_line(c);
    if (strcmp(line, answer) != 0) die("to `%s` the server said `%s`, not `%s`", format, line, answer);
}

// Asks for something new; its number stands after `prefix` in the answer.
static unsigned make(channel *c, const char *prefix, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    ask(c, format, arguments);
    va_end(arguments);
    const char *line = channel_line(c);
    size_t length = strlen(prefix);
    if (strncmp(line, prefix, length) != 0) die("to `%s` the server said `%s`", format, line);
    return (unsigned)strtoul(line + length, NULL, 10);
}

void world_open(world *w, uint64_t pages) {
    *w = (world){.base = 0x100000000, .pages = pages, .frames = calloc(pages, sizeof *w->frames)};
    snprintf(w->device, sizeof w->device, "load-%d", getpid());
    open_session(&w->control);
    char answer[128];
    w->space = make(&w->control, "+ mm=", "mm.create");
    snprintf(answer, sizeof answer, "+ dev=%s", w->device);
    expect(&w->control, answer, "dev.create %s", w->device);
    snprintf(answer, sizeof answer, "+ va=0x%lx len=%lu prot=rw", w->base, pages * 4096);
    expect(&w->control, answer, "mmap %u 0x%lx %lup", w->space, w->base, pages);
}

void world_close(world *w) {
    make(&w->control, "+ ", "mm.drop %u", w->space);
    channel_close(&w->control);
    free(w->frames);
}

unsigned world_mirror(world *w, channel *c, uint64_t *sequence) {
    char line[128];
    int length = snprintf(
        line, sizeof line, "mirror %u %s va=0x%lx len=%lup\n", w->space, w->device, w->base, w->pages);
    channel_send(c, line, (size_t)length);
    const char *answer = channel_line(c);
    unsigned mirror;
    if (sscanf(answer, "+ mirror=%u seq=%lu", &mirror, sequence) != 2) die("no mirror: %s", answer);
    return mirror;
}

// Reads `first` or `first+count`, separated by commas, into the frames from page `at`.
static uint64_t read_frames(world *w, uint64_t at, uint64_t end, const char *text) {
    while (true) {
        char *rest;
        uint64_t frame = strtoull(text, &rest, 16), count = 1;
        if (*rest == '+') count = strtoull(rest + 1, &rest, 10);
        if (frame == 0 || count > end - at) die("more frames than pages, or none: %s", text);
        while (count-- > 0) w->frames[at++] = frame++;
        if (*rest != ',') return at;
        text = rest + 1;
    }
}

void world_warm(world *w, channel *c, unsigned mirror) {
    char line[128];
    int length = snprintf(line, sizeof line, "fault %u 0x%lx %lup w\n", mirror, w->base, w->pages);
    channel_send(c, line, (size_t)length);
    uint64_t page = 0;
    while (true) {
        const char *answer = channel_line(c);
        uint64_t va, pages;
        int end = 0;
        sscanf(answer, "= va=0x%lx pages=%lu kind=ram perm=rw pfn=%n", &va, &pages, &end);
        if (end == 0) {
            if (strncmp(answer, "+ ", 2) != 0 || page != w->pages) die("%lu pages, then: %s", page, answer);
            return;
        }
        if (va != w->base + page * 4096 || pages > w->pages - page) die("rows out of order: %s", answer);
        if (read_frames(w, page, page + pages, answer + end) != page + pages) die("frames are missing: %s", answer);
        page += pages;
    }
}
