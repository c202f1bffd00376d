#pragma once

// Much of OpenSSL's interface is function-like macros, which Swift does not import.
// Each gets one line here, named after the macro with an `hmm_` prefix; no policy lives in this file.

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Options are built with a cast, which Swift does not import either.
static const uint64_t HMM_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t HMM_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t HMM_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t HMM_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t HMM_SSL_OP_ENABLE_MIDDLEBOX_COMPAT = SSL_OP_ENABLE_MIDDLEBOX_COMPAT;

// SSL_CTX
static inline long hmm_SSL_CTX_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline int hmm_SSL_CTX_set_min_proto_version(SSL_CTX *c, int v) { return SSL_CTX_set_min_proto_version(c, v); }
static inline int hmm_SSL_CTX_set_max_proto_version(SSL_CTX *c, int v) { return SSL_CTX_set_max_proto_version(c, v); }
static inline long hmm_SSL_CTX_set_session_cache_mode(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline long hmm_SSL_CTX_set_max_cert_list(SSL_CTX *c, long n) { return SSL_CTX_set_max_cert_list(c, n); }
static inline int hmm_SSL_CTX_set1_groups_list(SSL_CTX *c, const char *s) { return (int)SSL_CTX_set1_groups_list(c, s); }
static inline void hmm_SSL_CTX_set_read_ahead(SSL_CTX *c, int yes) { SSL_CTX_set_read_ahead(c, yes); }
static inline void hmm_SSL_CTX_set_tlsext_servername_callback(SSL_CTX *c, int (*cb)(SSL *, int *, void *)) { SSL_CTX_set_tlsext_servername_callback(c, cb); }
static inline void hmm_SSL_CTX_set_tlsext_servername_arg(SSL_CTX *c, void *arg) { SSL_CTX_set_tlsext_servername_arg(c, arg); }

// SSL
// Certificates that a peer sent along with its own are looked at while it is verified and never again: five kilobytes
// for each connection. A client's own certificate is kept elsewhere, a server's is the first of its chain.
static inline void hmm_SSL_drop_intermediates(SSL *s) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(s);
    if (chain == NULL || !SSL_is_server(s)) return;
    while (sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
}
static inline int hmm_SSL_set_tlsext_host_name(SSL *s, const char *name) { return (int)SSL_set_tlsext_host_name(s, name); }

// Typed stacks
static inline int hmm_sk_X509_OBJECT_num(const STACK_OF(X509_OBJECT) *s) { return sk_X509_OBJECT_num(s); }
static inline X509_OBJECT *hmm_sk_X509_OBJECT_value(const STACK_OF(X509_OBJECT) *s, int i) { return sk_X509_OBJECT_value(s, i); }
static inline int hmm_sk_X509_num(const STACK_OF(X509) *s) { return sk_X509_num(s); }
static inline X509 *hmm_sk_X509_value(const STACK_OF(X509) *s, int i) { return sk_X509_value(s, i); }
static inline int hmm_sk_SSL_CIPHER_num(const STACK_OF(SSL_CIPHER) *s) { return sk_SSL_CIPHER_num(s); }
static inline const SSL_CIPHER *hmm_sk_SSL_CIPHER_value(const STACK_OF(SSL_CIPHER) *s, int i) { return sk_SSL_CIPHER_value(s, i); }
static inline int hmm_sk_GENERAL_NAME_num(const GENERAL_NAMES *s) { return sk_GENERAL_NAME_num(s); }
static inline GENERAL_NAME *hmm_sk_GENERAL_NAME_value(const GENERAL_NAMES *s, int i) { return sk_GENERAL_NAME_value(s, i); }

// BIO
static inline void hmm_BIO_clear_retry_flags(BIO *b) { BIO_clear_retry_flags(b); }
static inline void hmm_BIO_set_retry_read(BIO *b) { BIO_set_retry_read(b); }
static inline long hmm_BIO_get_mem_data(BIO *b, char **data) { return BIO_get_mem_data(b, data); }

// Keys and certificates
static inline EVP_PKEY *hmm_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }
static inline void hmm_OPENSSL_free(void *p) { OPENSSL_free(p); }
