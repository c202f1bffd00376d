#include "loadgen.h"
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

options opt = {
    .where = {.host = "127.0.0.1", .cipher = "TLS_AES_128_GCM_SHA256"},
    .mode = "ping", .connections = 1, .pipeline = 1, .warmup = 0.5, .seconds = 3, .pages = 65536, .bytes = 1 << 20};

static const char usage[] =
    "usage: loadgen --port PORT [options]     prints one JSON object\n"
    "  --mode MODE          ping        an empty request (hmm, resp); the default\n"
    "                       get         GET of a 16-byte value (resp)\n"
    "                       fault       one-page faults of random resident pages (hmm)\n"
    "                       write read  payloads over one connection (hmm, bare)\n"
    "                       handshakes  connections one after the other, each with a ping\n"
    "                       idle        memory of the server per connection; needs --server-pid\n"
    "                       rounds      invalidation of one page, with a mirror on each connection (hmm)\n"
    "  --protocol NAME      hmm (default), resp, bare\n"
    "  --host NAME          default 127.0.0.1\n"
    "  --ca FILE            verify the server's certificate\n"
    "  --cert FILE --key FILE  the client's certificate; without it the client has none\n"
    "  --cipher SUITE       default TLS_AES_128_GCM_SHA256\n"
    "  --plain              no TLS\n"
    "  --connections N      default 1\n"
    "  --pipeline N         requests in flight on each connection, default 1\n"
    "  --seconds S          counted, default 3; --warmup S before that, default 0.5; idle: time to settle\n"
    "  --pages N            resident pages for fault, default 65536\n"
    "  --bytes N            payload of write and read, default 1048576\n"
    "  --server-pid PID     report the processor time of that process\n";

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static double number(const char *text, double least) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || value < least) die("not a number from %g: %s", least, text);
    return value;
}

static protocol protocol_named(const char *name) {
    static const char *names[] = {"hmm", "resp", "bare"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) return (protocol)i;
    die("no such protocol: %s", name);
}

static void parse(int argc, char **argv) {
    enum { host = 256, port, ca, cert, key, cipher, plain, mode, proto, connections, pipeline, seconds, warmup, pages,
           bytes, server_pid, help };
    static const struct option names[] = {
        {"host", 1, 0, host}, {"port", 1, 0, port}, {"ca", 1, 0, ca}, {"cert", 1, 0, cert}, {"key", 1, 0, key},
        {"cipher", 1, 0, cipher}, {"plain", 0, 0, plain}, {"mode", 1, 0, mode}, {"protocol", 1, 0, proto},
        {"connections", 1, 0, connections}, {"pipeline", 1, 0, pipeline}, {"seconds", 1, 0, seconds},
        {"warmup", 1, 0, warmup}, {"pages", 1, 0, pages}, {"bytes", 1, 0, bytes}, {"server-pid", 1, 0, server_pid},
        {"help", 0, 0, help}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case host: opt.where.host = optarg; break;
        case port: opt.where.port = optarg; break;
        case ca: opt.where.ca = optarg; break;
        case cert: opt.where.cert = optarg; break;
        case key: opt.where.key = optarg; break;
        case cipher: opt.where.cipher = optarg; break;
        case plain: opt.where.plain = true; break;
        case mode: opt.mode = optarg; break;
        case proto: opt.protocol = protocol_named(optarg); break;
        case connections: opt.connections = (unsigned)number(optarg, 1); break;
        case pipeline: opt.pipeline = (unsigned)number(optarg, 1); break;
        case seconds: opt.seconds = number(optarg, 0); break;
        case warmup: opt.warmup = number(optarg, 0); break;
        case pages: opt.pages = (uint64_t)number(optarg, 1); break;
        case bytes: opt.bytes = (size_t)number(optarg, 1); break;
        case server_pid: opt.server = (pid_t)number(optarg, 1); break;
        case help: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (!opt.where.port || optind < argc || !opt.where.cert != !opt.where.key) {
        fputs(usage, stderr);
        exit(2);
    }
    if (opt.protocol == protocol_hmm) opt.where.alpn = "hmm/1";
}

typedef struct {
    const char *name;
    unsigned protocols;  // one bit each
    void (*run)(void);
} mode_entry;

static const mode_entry modes[] = {
    {"ping", 1 << protocol_hmm | 1 << protocol_resp, run_throughput},
    {"get", 1 << protocol_resp, run_throughput},
    {"fault", 1 << protocol_hmm, run_throughput},
    {"write", 1 << protocol_hmm | 1 << protocol_bare, run_bulk},
    {"read", 1 << protocol_hmm | 1 << protocol_bare, run_bulk},
    {"handshakes", 1 << protocol_hmm | 1 << protocol_resp, run_handshakes},
    {"idle", 1 << protocol_hmm | 1 << protocol_resp, run_idle},
    {"rounds", 1 << protocol_hmm, run_rounds},
};

// As many connections as the system lets us have.
static void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, opt.mode) != 0) continue;
        if (!(modes[i].protocols >> opt.protocol & 1)) die("this protocol has no mode %s", opt.mode);
        channel_configure(&opt.where);
        modes[i].run();
        return 0;
    }
    die("no such mode: %s", opt.mode);
}
