// What TLS over loopback can carry at best: a blocking loop around SSL_read and SSL_write with one block of memory, which
// `write N` fills and `read N` sends. One connection at a time, no protocol to speak of.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *block;
static size_t block_size;

static void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX *make_settings(const char *cert, const char *key, const char *client_ca) {
    SSL_CTX *settings = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(settings, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(settings, 0);
    SSL_CTX_set_read_ahead(settings, 1);
    SSL_CTX_set_default_read_buffer_len(settings, 1 << 16);
    if (SSL_CTX_use_certificate_chain_file(settings, cert) != 1) die(cert);
    if (SSL_CTX_use_PrivateKey_file(settings, key, SSL_FILETYPE_PEM) != 1) die(key);
    if (SSL_CTX_load_verify_file(settings, client_ca) != 1) die(client_ca);
    SSL_CTX_set_client_CA_list(settings, SSL_load_client_CA_file(client_ca));
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return settings;
}

// The request line, byte by byte: it is short, and what follows must stay unread.
static bool read_line(SSL *tls, char *line, size_t capacity) {
    for (size_t at = 0; at < capacity; at++) {
        if (SSL_read(tls, line + at, 1) != 1) return false;
        if (line[at] != '\n') continue;
        line[at] = 0;
        return true;
    }
    return false;
}

static bool fill(SSL *tls, size_t count) {
    for (size_t at = 0; at < count;) {
        size_t got;
        if (SSL_read_ex(tls, block + at, count - at, &got) != 1) return false;
        at += got;
    }
    return true;
}

static bool send_all(SSL *tls, const void *bytes, size_t count) {
    size_t sent;
    return SSL_write_ex(tls, bytes, count, &sent) == 1 && sent == count;
}

static bool answer(SSL *tls) {
    char line[64], head[64];
    size_t count;
    if (!read_line(tls, line, sizeof line)) return false;
    if (sscanf(line, "write %zu", &count) == 1 && count <= block_size) {
        if (!fill(tls, count)) return false;
        return send_all(tls, head, (size_t)snprintf(head, sizeof head, "ok %zu\n", count));
    }
    if (sscanf(line, "read %zu", &count) == 1 && count <= block_size)
        return send_all(tls, head, (size_t)snprintf(head, sizeof head, "data %zu\n", count))
            && send_all(tls, block, count);
    return false;
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0) die("listen");
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: bare-server PORT CERT KEY CLIENT-CA LARGEST-PAYLOAD\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *settings = make_settings(argv[2], argv[3], argv[4]);
    block_size = strtoul(argv[5], NULL, 10);
    block = calloc(1, block_size);
    int listener = listen_on(atoi(argv[1]));
    while (true) {
        int fd = accept(listener, NULL, NULL), on = 1;
        if (fd < 0) die("accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        SSL *tls = SSL_new(settings);
        SSL_set_fd(tls, fd);
        if (SSL_accept(tls) == 1)
            while (answer(tls)) {}
        ERR_clear_error();
        SSL_free(tls);
        close(fd);
    }
}
