// Connections that were used once and then say nothing: what each costs the server in memory.
#include "loadgen.h"
#include <stdlib.h>
#include <unistd.h>

static void open_used(channel *c) {
    open_session(c);
    ping(c);
}

static void settle(void) { usleep((useconds_t)(opt.seconds * 1e6)); }

void run_idle(void) {
    // What the first connection sets up once is not the price of a connection.
    channel first;
    open_used(&first);
    settle();
    long before = server_resident_kib();
    moment from = meter_read();

    channel *channels = calloc(opt.connections, sizeof *channels);
    for (unsigned i = 0; i < opt.connections; i++) open_used(&channels[i]);
    moment to = meter_read();
    settle();
    long open = server_resident_kib();
    for (unsigned i = 0; i < opt.connections; i++) channel_close(&channels[i]);
    settle();
    long after = server_resident_kib();

    report_begin(&first);
    report_number("resident_before_kib", (double)before);
    report_number("resident_open_kib", (double)open);
    report_number("resident_closed_kib", (double)after);
    report_number("kib_per_connection", (double)(open - before) / opt.connections);
    report_usage(&from, &to, opt.connections);
    report_end();
    channel_close(&first);
}
