/*
 * Keys, signatures and digests: Ed25519 (RFC 8032) and SHA-256, by OpenSSL.
 */
#ifndef LIB_SIGN_H
#define LIB_SIGN_H

#include <stddef.h>
#include <stdint.h>
#include "lib/keyed_hash.h"

#define SIGN_PUBLIC_LEN 32
#define SIGN_SIGNATURE_LEN 64
#define SIGN_SIGNATURE_TEXT 89 /* base64 of 64 bytes and a NUL */
#define SIGN_KEYID_TEXT 17     /* 16 hex digits and a NUL */
#define SIGN_SHA256_LEN 32
#define SIGN_SHA256_TEXT 65

/* First of all, where signatures and digests are all that a program has of
 * OpenSSL: what the host configures of it, for TLS, is then not read. */
void sign_alone(void);

struct sign_key; /* an Ed25519 key pair or a public key alone */

/* A private key from PEM text. NULL where it is none. sign_key_free frees. */
struct sign_key *sign_key_from_pem(const void *pem, size_t len);
/* A public key from PEM text, or from its 32 bytes. NULL where it is none. */
struct sign_key *sign_public_from_pem(const void *pem, size_t len);
struct sign_key *sign_public_from_bytes(const uint8_t bytes[SIGN_PUBLIC_LEN]);
void sign_key_free(struct sign_key *);

/* Make a key pair; PEM texts (NUL-terminated) of both halves. 0, or -1. */
int sign_generate(char *private_pem, size_t private_size, char *public_pem,
    size_t public_size);

void sign_key_public(const struct sign_key *, uint8_t bytes[SIGN_PUBLIC_LEN]);
/* First 16 hex digits of SHA-256 of the 32-byte public key. */
void sign_key_id(const struct sign_key *, char text[SIGN_KEYID_TEXT]);
/* A secret for keyed_hash, derived from the private key: the same for the
 * same key on any machine, of no use for signing. */
void sign_key_flow_secret(const struct sign_key *, struct hash_key *);

/* Base64 signature over len bytes. 0, or -1. */
int sign_make(const struct sign_key *, const void *bytes, size_t len,
    char text[SIGN_SIGNATURE_TEXT]);
/* 0 where text is this key's signature over the bytes, else -1. */
int sign_check(
    const struct sign_key *, const void *bytes, size_t len, const char *text);

void sha256(uint8_t digest[SIGN_SHA256_LEN], const void *bytes, size_t len);
void sha256_text(char text[SIGN_SHA256_TEXT], const void *bytes, size_t len);

struct sha256_stream; /* for bytes that come in pieces */
struct sha256_stream *sha256_begin(void);
void sha256_add(struct sha256_stream *, const void *bytes, size_t len);
void sha256_end(
    struct sha256_stream *, uint8_t digest[SIGN_SHA256_LEN]); /* frees */

#endif
