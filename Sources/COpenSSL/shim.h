// What Swift needs of OpenSSL 3.0: its headers, and a function for each macro Swift cannot import.
// No logic lives here: each function is the macro it is named after.
#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline void gate_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void gate_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long gate_BIO_get_mem_data(BIO *bio, char **data) {
    return BIO_get_mem_data(bio, data);
}

static inline int gate_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }

static inline int gate_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline void gate_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_mode(context, mode);
}
static inline void gate_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int gate_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline int gate_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline void gate_SSL_CTX_set_max_cert_list(SSL_CTX *context, long octets) {
    SSL_CTX_set_max_cert_list(context, octets);
}
static inline void gate_SSL_CTX_set_tlsext_status_cb(SSL_CTX *context, int (*function)(SSL *, void *)) {
    SSL_CTX_set_tlsext_status_cb(context, function);
}
static inline void gate_SSL_set_tlsext_status_ocsp_resp(SSL *connection, void *octets, long count) {
    SSL_set_tlsext_status_ocsp_resp(connection, octets, count);
}
static inline void *gate_OPENSSL_malloc(size_t count) { return OPENSSL_malloc(count); }
static inline void gate_OPENSSL_free(void *memory) { OPENSSL_free(memory); }
static inline int gate_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *gate_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}
static inline int gate_SSL_set_tlsext_host_name(SSL *connection, const char *name) {
    return (int)SSL_set_tlsext_host_name(connection, name);
}
static inline int gate_SSL_get_peer_tmp_key(SSL *connection, EVP_PKEY **key) {
    return (int)SSL_get_peer_tmp_key(connection, key);
}
static inline int gate_SSL_get_tmp_key(SSL *connection, EVP_PKEY **key) {
    return (int)SSL_get_tmp_key(connection, key);
}

static inline uint64_t gate_SSL_OP_NO_COMPRESSION(void) { return SSL_OP_NO_COMPRESSION; }
static inline uint64_t gate_SSL_OP_NO_RENEGOTIATION(void) { return SSL_OP_NO_RENEGOTIATION; }
static inline uint64_t gate_SSL_OP_NO_TICKET(void) { return SSL_OP_NO_TICKET; }
static inline uint64_t gate_SSL_OP_CIPHER_SERVER_PREFERENCE(void) { return SSL_OP_CIPHER_SERVER_PREFERENCE; }
static inline uint64_t gate_SSL_OP_PRIORITIZE_CHACHA(void) { return SSL_OP_PRIORITIZE_CHACHA; }
static inline unsigned long gate_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253; }
static inline unsigned long gate_XN_FLAG_ONELINE(void) { return XN_FLAG_ONELINE; }
