// Connections made one after the other, each with one ping: what coming and going costs.
#include "loadgen.h"

static uint64_t run_until(uint64_t end, histogram *latency) {
    uint64_t count = 0;
    for (uint64_t now = now_ns(); now < end; count++) {
        channel c;
        uint64_t began = now;
        open_session(&c);
        ping(&c);
        now = now_ns();
        histogram_add(latency, now - began, 1);
        channel_abort(&c);
    }
    return count;
}

void run_handshakes(void) {
    histogram latency;
    histogram_init(&latency);
    channel sample;
    open_session(&sample);
    run_until(now_ns() + (uint64_t)(opt.warmup * 1e9), &latency);
    histogram_reset(&latency);
    moment from = meter_read();
    uint64_t count = run_until(from.time + (uint64_t)(opt.seconds * 1e9), &latency);
    moment to = meter_read();
    report_begin(&sample);
    report_number("operations", (double)count);
    report_number("ops_per_s", (double)count / ((double)(to.time - from.time) / 1e9));
    report_latencies("", &latency);
    report_usage(&from, &to, (double)count);
    report_end();
    channel_close(&sample);
}
