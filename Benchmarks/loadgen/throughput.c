// Requests of fixed text in a closed loop: each connection sends a pipeline's worth of requests in one write, and the next
// when the last answer is in. Latency is from that write to the arrival of an answer.
#include "loadgen.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

typedef struct {
    channel channel;
    script script;
    uint32_t first, answered;  // exchange that the batch begins with, and how many of it are answered
    size_t sent, received;     // bytes of the script, from its start
    uint64_t began;
    bool waits_for_room;
} client;

static struct {
    client *clients;
    int poll;
    enum { warming, counting, draining } phase;
    unsigned busy;  // clients with answers outstanding
    uint64_t operations;
    histogram latency;
    char *bytes;
} loop;

enum { read_size = 1 << 18 };

// MARK: Scripts

// Exchanges of one connection: many, so that random pages stay random.
static uint32_t exchange_count(bool varied) {
    uint32_t depth = opt.pipeline, wanted = varied ? 4096 : 1;
    uint32_t batches = (wanted + depth - 1) / depth;
    return (varied && batches < 16 ? 16 : batches) * depth;
}

static void script_repeat(script *s, const char *request, const char *answer) {
    uint32_t count = exchange_count(false);
    script_init(s, count, strlen(request), strlen(answer));
    for (uint32_t i = 0; i < count; i++) script_add(s, request, answer);
}

static uint64_t next_random(void) {
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// One-page faults of random pages. Nothing moves meanwhile, so every answer is known beforehand.
static void script_faults(script *s, world *w, channel *c) {
    uint64_t sequence;
    unsigned mirror = world_mirror(w, c, &sequence);
    world_warm(w, c, mirror);
    uint32_t count = exchange_count(true);
    script_init(s, count, 64, 160);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t page = next_random() % w->pages, va = w->base + page * 4096;
        char request[64], answer[160];
        snprintf(request, sizeof request, "fault %u 0x%lx 1p\n", mirror, va);
        snprintf(answer, sizeof answer, "= va=0x%lx pages=1 kind=ram perm=rw pfn=0x%lx\n+ pages=1 seq=%lu\n", va,
                 w->frames[page], sequence);
        script_add(s, request, answer);
    }
}

static void store_redis_value(channel *c) {
    static const char set[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$16\r\n0123456789abcdef\r\n";
    channel_send(c, set, sizeof set - 1);
    if (strcmp(channel_line(c), "+OK\r") != 0) die("the server refused SET");
}

static void write_script(client *c, world *w) {
    bool resp = opt.protocol == protocol_resp;
    if (strcmp(opt.mode, "ping") == 0) {
        if (resp) script_repeat(&c->script, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
        else script_repeat(&c->script, "ping\n", "+\n");
    } else if (resp) {
        store_redis_value(&c->channel);
        script_repeat(&c->script, "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", "$16\r\n0123456789abcdef\r\n");
    } else {
        script_faults(&c->script, w, &c->channel);
    }
}

// MARK: The loop

static void watch(client *c, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (c->waits_for_room ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(loop.poll, operation, c->channel.fd, &event);
}

// Sends what is left of the batch, as far as there is room.
static void push(client *c) {
    size_t end = c->script.request_at[c->first + opt.pipeline];
    while (c->sent < end) {
        size_t count = channel_try_write(&c->channel, c->script.requests + c->sent, end - c->sent);
        c->sent += count;
        if (count == 0) break;
    }
    bool waits = c->sent < end;
    if (waits == c->waits_for_room) return;
    c->waits_for_room = waits;
    watch(c, EPOLL_CTL_MOD);
}

static void start_batch(client *c, uint64_t now) {
    c->sent = c->script.request_at[c->first];
    c->received = c->script.answer_at[c->first];
    c->answered = 0;
    c->began = now;
    push(c);
}

static void mismatch(const client *c, const char *got, size_t count) {
    die("wrong answer, connection %ld, exchange %u\nexpected: %.200s\ngot:      %.*s", (long)(c - loop.clients),
        c->first + c->answered, c->script.answers + c->received, (int)(count < 200 ? count : 200), got);
}

// Compares what came with the script; true when the batch is complete.
static bool take(client *c, const char *bytes, size_t count, uint64_t now) {
    const script *s = &c->script;
    size_t end = s->answer_at[c->first + opt.pipeline];
    if (count > end - c->received || memcmp(bytes, s->answers + c->received, count) != 0) mismatch(c, bytes, count);
    c->received += count;
    uint32_t before = c->answered;
    while (c->answered < opt.pipeline && s->answer_at[c->first + c->answered + 1] <= c->received) c->answered++;
    if (loop.phase == counting && c->answered > before) {
        histogram_add(&loop.latency, now - c->began, c->answered - before);
        loop.operations += c->answered - before;
    }
    return c->received == end;
}

static void pull(client *c) {
    do {
        size_t count = channel_try_read(&c->channel, loop.bytes, read_size);
        if (count == 0) return;
        uint64_t now = now_ns();
        if (!take(c, loop.bytes, count, now)) continue;
        if (loop.phase == draining) {
            loop.busy--;
            return;
        }
        c->first += opt.pipeline;
        if (c->first == c->script.count) c->first = 0;
        start_batch(c, now);
    } while (channel_has_more(&c->channel));
}

static void turn(void) {
    struct epoll_event events[256];
    int count = epoll_wait(loop.poll, events, 256, 100);
    for (int i = 0; i < count; i++) {
        client *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) push(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT) pull(c);
    }
}

static void turn_until(uint64_t end) {
    while (now_ns() < end) turn();
}

// MARK: A run

static void open_clients(world *w) {
    loop.clients = calloc(opt.connections, sizeof *loop.clients);
    for (unsigned i = 0; i < opt.connections; i++) {
        client *c = &loop.clients[i];
        open_session(&c->channel);
        write_script(c, w);
        if (channel_has_buffered(&c->channel)) die("the server said more than it was asked");
        channel_unblock(&c->channel);
        watch(c, EPOLL_CTL_ADD);
    }
}

static void report(const moment *from, const moment *to) {
    double seconds = (double)(to->time - from->time) / 1e9;
    report_begin(&loop.clients[0].channel);
    report_number("operations", (double)loop.operations);
    report_number("ops_per_s", (double)loop.operations / seconds);
    report_latencies("", &loop.latency);
    report_usage(from, to, (double)loop.operations);
    report_end();
}

void run_throughput(void) {
    world w = {0};
    bool has_world = strcmp(opt.mode, "fault") == 0;
    if (has_world) world_open(&w, opt.pages);
    loop.poll = epoll_create1(EPOLL_CLOEXEC);
    loop.bytes = malloc(read_size);
    histogram_init(&loop.latency);
    open_clients(&w);

    loop.busy = opt.connections;
    for (unsigned i = 0; i < opt.connections; i++) start_batch(&loop.clients[i], now_ns());
    turn_until(now_ns() + (uint64_t)(opt.warmup * 1e9));
    moment from = meter_read();
    loop.phase = counting;
    turn_until(from.time + (uint64_t)(opt.seconds * 1e9));
    moment to = meter_read();
    loop.phase = draining;
    while (loop.busy > 0) turn();

    report(&from, &to);
    for (unsigned i = 0; i < opt.connections; i++) {
        channel_close(&loop.clients[i].channel);
        script_free(&loop.clients[i].script);
    }
    if (has_world) world_close(&w);
}
