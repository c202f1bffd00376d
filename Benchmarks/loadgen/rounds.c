// Invalidation rounds: one connection unmaps a page that a mirror on each of the others overlaps; every mirror is told and
// acknowledges; the unmapping is answered. The time is from the request to its answer.
#include "loadgen.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

typedef struct {
    channel channel;
    unsigned mirror;
    unsigned long event;  // number of the last one
} listener;

static struct {
    world world;
    listener *listeners;
    int poll;
    histogram told;      // until the last mirror has its event
    histogram complete;  // until the unmapping is answered
} rounds;

static void watch(channel *c, listener *l) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
    epoll_ctl(rounds.poll, EPOLL_CTL_ADD, c->fd, &event);
}

static void open_listeners(void) {
    rounds.poll = epoll_create1(EPOLL_CLOEXEC);
    watch(&rounds.world.control, NULL);
    rounds.listeners = calloc(opt.connections, sizeof *rounds.listeners);
    for (unsigned i = 0; i < opt.connections; i++) {
        listener *l = &rounds.listeners[i];
        uint64_t sequence;
        open_session(&l->channel);
        l->mirror = world_mirror(&rounds.world, &l->channel, &sequence);
        watch(&l->channel, l);
    }
}

// Takes the event and lets go.
static void acknowledge(listener *l) {
    char expected[128], reply[32];
    int length = snprintf(expected, sizeof expected, "!%lu inval mirror=%u va=0x%lx len=4096 reason=unmap ", ++l->event,
                          l->mirror, rounds.world.base);
    const char *line = channel_line(&l->channel);
    if (strncmp(line, expected, (size_t)length) != 0) die("expected `%s`, got `%s`", expected, line);
    channel_send(&l->channel, reply, (size_t)snprintf(reply, sizeof reply, "ack %lu\n", l->event));
    if (channel_has_buffered(&l->channel)) die("more than one event in a round");
}

static void finish(void) {
    char expected[64];
    int length = snprintf(expected, sizeof expected, "+ pages=1 acked=%u fenced=0 ", opt.connections);
    const char *line = channel_line(&rounds.world.control);
    if (strncmp(line, expected, (size_t)length) != 0) die("expected `%s`, got `%s`", expected, line);
}

static void unmap(void) {
    world *w = &rounds.world;
    char request[64];
    int length = snprintf(request, sizeof request, "munmap %u 0x%lx 1p\n", w->space, w->base);
    uint64_t began = now_ns();
    channel_send(&w->control, request, (size_t)length);
    unsigned told = 0;
    for (bool done = false; !done;) {
        struct epoll_event events[256];
        int count = epoll_wait(rounds.poll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            listener *l = events[i].data.ptr;
            if (l) {
                acknowledge(l);
                if (++told == opt.connections) histogram_add(&rounds.told, now_ns() - began, 1);
            } else {
                finish();
                done = true;
            }
        }
    }
    histogram_add(&rounds.complete, now_ns() - began, 1);
}

static uint64_t run_until(uint64_t end, uint64_t least) {
    world *w = &rounds.world;
    uint64_t count = 0;
    char mapped[64];
    snprintf(mapped, sizeof mapped, "+ va=0x%lx len=4096 prot=rw", w->base);
    for (; count < least || now_ns() < end; count++) {
        // A page with something in it; preparing it is not timed.
        expect(&w->control, "+ n=1", "write %u 0x%lx x", w->space, w->base);
        unmap();
        expect(&w->control, mapped, "mmap %u 0x%lx 1p", w->space, w->base);
    }
    return count;
}

void run_rounds(void) {
    world_open(&rounds.world, 1);
    open_listeners();
    histogram_init(&rounds.told);
    histogram_init(&rounds.complete);
    run_until(now_ns() + (uint64_t)(opt.warmup * 1e9), 2);
    histogram_reset(&rounds.told);
    histogram_reset(&rounds.complete);

    moment from = meter_read();
    uint64_t count = run_until(from.time + (uint64_t)(opt.seconds * 1e9), 10);
    moment to = meter_read();

    report_begin(&rounds.world.control);
    report_number("operations", (double)count);
    report_latencies("told_", &rounds.told);
    report_latencies("", &rounds.complete);
    report_number("us_per_mirror", histogram_quantile(&rounds.complete, 0.5) / opt.connections);
    report_usage(&from, &to, (double)count);
    report_end();
    for (unsigned i = 0; i < opt.connections; i++) channel_close(&rounds.listeners[i].channel);
    world_close(&rounds.world);
}
