#include "channel.h"
#include "loadgen.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { first_buffer = 4096, largest_line = 4 << 20 };

static SSL_CTX *settings;
static struct addrinfo *server;
static const char *server_name;

static void tls_failed(const char *what) {
    ERR_print_errors_fp(stderr);
    die("%s", what);
}

static void configure_tls(const endpoint *where) {
    settings = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(settings, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(settings, TLS1_3_VERSION);
    if (!SSL_CTX_set_ciphersuites(settings, where->cipher)) tls_failed("no such cipher suite");
    SSL_CTX_set1_groups_list(settings, "X25519:P-256");
    SSL_CTX_set_mode(settings, SSL_MODE_AUTO_RETRY);
    // One system call brings in many records.
    SSL_CTX_set_read_ahead(settings, 1);
    SSL_CTX_set_default_read_buffer_len(settings, 1 << 16);
    if (where->ca) {
        if (!SSL_CTX_load_verify_file(settings, where->ca)) tls_failed(where->ca);
        SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, NULL);
    }
    if (where->cert) {
        if (SSL_CTX_use_certificate_chain_file(settings, where->cert) != 1) tls_failed(where->cert);
        if (SSL_CTX_use_PrivateKey_file(settings, where->key, SSL_FILETYPE_PEM) != 1) tls_failed(where->key);
    }
    if (where->alpn) {
        unsigned char list[64];
        size_t length = strlen(where->alpn);
        list[0] = (unsigned char)length;
        memcpy(list + 1, where->alpn, length);
        SSL_CTX_set_alpn_protos(settings, list, (unsigned)length + 1);
    }
}

void channel_configure(const endpoint *where) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int failure = getaddrinfo(where->host, where->port, &hints, &server);
    if (failure) die("%s: %s", where->host, gai_strerror(failure));
    server_name = where->host;
    if (!where->plain) configure_tls(where);
}

void channel_open(channel *c) {
    *c = (channel){.fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (c->fd < 0) die("socket: %s", strerror(errno));
    if (connect(c->fd, server->ai_addr, server->ai_addrlen) < 0) die("connect: %s", strerror(errno));
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!settings) return;
    c->tls = SSL_new(settings);
    SSL_set_fd(c->tls, c->fd);
    // An address is compared with the certificate's addresses, a name with its names.
    X509_VERIFY_PARAM *rules = SSL_get0_param(c->tls);
    if (!X509_VERIFY_PARAM_set1_ip_asc(rules, server_name)) {
        SSL_set1_host(c->tls, server_name);
        SSL_set_tlsext_host_name(c->tls, server_name);
    }
    if (SSL_connect(c->tls) != 1) tls_failed("TLS handshake failed");
}

void channel_send(channel *c, const void *bytes, size_t count) {
    const char *rest = bytes;
    while (count > 0) {
        size_t sent = 0;
        if (c->tls) {
            if (SSL_write_ex(c->tls, rest, count, &sent) != 1) tls_failed("the server closed while we sent");
        } else {
            ssize_t n = write(c->fd, rest, count);
            if (n < 0) die("write: %s", strerror(errno));
            sent = (size_t)n;
        }
        rest += sent;
        count -= sent;
    }
}

size_t channel_receive(channel *c, void *bytes, size_t capacity) {
    if (c->tls) {
        size_t count = 0;
        if (SSL_read_ex(c->tls, bytes, capacity, &count) != 1) tls_failed("the server closed while we read");
        return count;
    }
    ssize_t count = read(c->fd, bytes, capacity);
    if (count <= 0) die("the server closed while we read");
    return (size_t)count;
}

bool channel_has_buffered(const channel *c) { return c->begin < c->end; }

// Makes room behind what is buffered and reads some more.
static void fill(channel *c) {
    if (c->begin > 0) memmove(c->buffer, c->buffer + c->begin, c->end - c->begin);
    c->end -= c->begin;
    c->begin = 0;
    if (c->end == c->capacity) {
        if (c->capacity >= largest_line) die("the server sent a line of more than %d bytes", largest_line);
        c->capacity = c->capacity ? c->capacity * 2 : first_buffer;
        c->buffer = realloc(c->buffer, c->capacity);
    }
    c->end += channel_receive(c, c->buffer + c->end, c->capacity - c->end);
}

const char *channel_line(channel *c) {
    size_t searched = 0;
    while (true) {
        char *start = c->buffer + c->begin;
        size_t count = c->end - c->begin;
        char *newline = count > searched ? memchr(start + searched, '\n', count - searched) : NULL;
        if (newline) {
            *newline = 0;
            c->begin += (size_t)(newline - start) + 1;
            return start;
        }
        searched = count;
        fill(c);
    }
}

void channel_exactly(channel *c, void *bytes, size_t count) {
    char *to = bytes;
    size_t buffered = c->end - c->begin;
    size_t taken = buffered < count ? buffered : count;
    if (taken > 0) memcpy(to, c->buffer + c->begin, taken);
    c->begin += taken;
    while (taken < count) taken += channel_receive(c, to + taken, count - taken);
}

void channel_close(channel *c) {
    if (c->tls) SSL_shutdown(c->tls);
    SSL_free(c->tls);
    close(c->fd);
    free(c->buffer);
    *c = (channel){.fd = -1};
}

void channel_abort(channel *c) {
    struct linger reset = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (c->tls) SSL_set_quiet_shutdown(c->tls, 1);
    channel_close(c);
}

void channel_unblock(channel *c) {
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (c->tls) SSL_set_mode(c->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static bool would_block(channel *c, int result) {
    int error = SSL_get_error(c->tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

size_t channel_try_read(channel *c, void *bytes, size_t capacity) {
    if (c->tls) {
        size_t count = 0;
        int result = SSL_read_ex(c->tls, bytes, capacity, &count);
        if (result != 1 && !would_block(c, result)) tls_failed("the server closed while we read");
        return count;
    }
    ssize_t count = read(c->fd, bytes, capacity);
    if (count == 0 || (count < 0 && errno != EAGAIN)) die("the server closed while we read");
    return count < 0 ? 0 : (size_t)count;
}

size_t channel_try_write(channel *c, const void *bytes, size_t count) {
    if (c->tls) {
        size_t sent = 0;
        int result = SSL_write_ex(c->tls, bytes, count, &sent);
        if (result != 1 && !would_block(c, result)) tls_failed("the server closed while we sent");
        return sent;
    }
    ssize_t sent = write(c->fd, bytes, count);
    if (sent < 0 && errno != EAGAIN) die("write: %s", strerror(errno));
    return sent < 0 ? 0 : (size_t)sent;
}

bool channel_has_more(const channel *c) { return c->tls && SSL_has_pending(c->tls); }

const char *channel_version(const channel *c) { return c->tls ? SSL_get_version(c->tls) : "none"; }
const char *channel_cipher(const channel *c) { return c->tls ? SSL_get_cipher(c->tls) : "none"; }
