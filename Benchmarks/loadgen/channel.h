// One connection to a server: TCP, usually TLS 1.3 on top, and a buffer for reading lines.
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    int fd;
    SSL *tls;  // NULL without TLS
    // What was read and not yet taken by channel_line or channel_exactly.
    char *buffer;
    size_t capacity, begin, end;
} channel;

// How to reach the server; set up once by channel_configure.
typedef struct {
    const char *host, *port;
    bool plain;                    // no TLS
    const char *ca, *cert, *key;   // PEM files; without `cert` the client has no certificate
    const char *alpn;              // application protocol to offer, or NULL
    const char *cipher;            // the one TLS 1.3 suite to offer
} endpoint;

void channel_configure(const endpoint *where);

// Blocking calls. Whatever goes wrong ends the program with a message: figures of a run with errors are worthless.
void channel_open(channel *c);
void channel_send(channel *c, const void *bytes, size_t count);
size_t channel_receive(channel *c, void *bytes, size_t capacity);
void channel_exactly(channel *c, void *bytes, size_t count);
// The next line without its end; valid until the next call.
const char *channel_line(channel *c);
bool channel_has_buffered(const channel *c);
// Without waiting for the peer: the reset keeps the port free for the next connection.
void channel_abort(channel *c);
void channel_close(channel *c);

// Calls that return 0 when they would block; for channels after channel_unblock.
void channel_unblock(channel *c);
size_t channel_try_read(channel *c, void *bytes, size_t capacity);
size_t channel_try_write(channel *c, const void *bytes, size_t count);
// More can be read without the socket becoming readable.
bool channel_has_more(const channel *c);

const char *channel_version(const channel *c);
const char *channel_cipher(const channel *c);
