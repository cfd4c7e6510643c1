#include "lib/sign.h"

#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/text.h"

#define PRIVATE_LEN 32

struct sign_key {
	EVP_PKEY *pkey;
};

struct sha256_stream {
	EVP_MD_CTX *context;
};

/* Keeps OpenSSL from asking for one on the terminal. */
static int
no_password(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

/* Takes pkey. */
static struct sign_key *
wrap(EVP_PKEY *pkey)
{
	struct sign_key *key = NULL;

	if (pkey != NULL && EVP_PKEY_id(pkey) == EVP_PKEY_ED25519)
		key = calloc(1, sizeof(*key));
	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	key->pkey = pkey;
	return key;
}

/* NULL where there is no memory; BIO_free frees. */
static BIO *
open_pem(const void *pem, size_t len)
{
	return len > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
}

/* A NUL-terminated copy of what bio holds. */
static int
copy_bio(BIO *bio, char *text, size_t size)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	if (len <= 0 || (size_t)len >= size)
		return -1;
	memcpy(text, bytes, (size_t)len);
	text[len] = '\0';
	return 0;
}

static int
write_pem(EVP_PKEY *pkey, bool private, char *text, size_t size)
{
	/* Secure memory is cleared when it is freed. */
	BIO *bio = BIO_new(private ? BIO_s_secmem() : BIO_s_mem());
	int status = -1, written;

	if (bio == NULL)
		return -1;
	if (private)
		written = PEM_write_bio_PrivateKey(
		    bio, pkey, NULL, NULL, 0, NULL, NULL);
	else
		written = PEM_write_bio_PUBKEY(bio, pkey);
	if (written == 1)
		status = copy_bio(bio, text, size);
	BIO_free(bio);
	return status;
}

/* The one spelling that OpenSSL writes: a second one would be a second file
 * with the same meaning. */
static int
decode_signature(uint8_t bytes[SIGN_SIGNATURE_LEN], const char *text)
{
	/* 88 characters hold 66 bytes, the padding's two included. */
	uint8_t decoded[SIGN_SIGNATURE_LEN + 2];
	char again[SIGN_SIGNATURE_TEXT];
	const uint8_t *p = (const uint8_t *)text;

	if (strlen(text) != SIGN_SIGNATURE_TEXT - 1 ||
	    EVP_DecodeBlock(decoded, p, SIGN_SIGNATURE_TEXT - 1) !=
		(int)sizeof(decoded))
		return -1;
	EVP_EncodeBlock((uint8_t *)again, decoded, SIGN_SIGNATURE_LEN);
	if (strcmp(text, again) != 0)
		return -1;
	memcpy(bytes, decoded, SIGN_SIGNATURE_LEN);
	return 0;
}

/* What we and openssl genpkey write: RFC 8410 section 7, no attributes. To
 * find out what some other PEM is, OpenSSL unfolds a megabyte of itself. NULL:
 * it is another. */
static EVP_PKEY *
read_plain_key(const void *pem, size_t len)
{
	static const char begin[] = "-----BEGIN PRIVATE KEY-----\n",
			  end[] = "\n-----END PRIVATE KEY-----\n";
	static const uint8_t der[] = { 0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b,
		0x65, 0x70, 4, 0x22, 4, 0x20 };
	const uint8_t *p = pem, *base64 = p + sizeof(begin) - 1;
	uint8_t bytes[sizeof(der) + PRIVATE_LEN];
	const size_t text_len = sizeof(bytes) / 3 * 4;
	EVP_PKEY *pkey = NULL;

	if (len != sizeof(begin) - 1 + text_len + sizeof(end) - 1 ||
	    memcmp(p, begin, sizeof(begin) - 1) != 0 ||
	    memcmp(base64 + text_len, end, sizeof(end) - 1) != 0)
		return NULL;
	if (EVP_DecodeBlock(bytes, base64, (int)text_len) ==
		(int)sizeof(bytes) &&
	    memcmp(bytes, der, sizeof(der)) == 0)
		pkey = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, bytes + sizeof(der), PRIVATE_LEN);
	explicit_bzero(bytes, sizeof(bytes));
	return pkey;
}

void
sign_alone(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
				      OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
				      OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
				      OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
	    NULL);
}

struct sign_key *
sign_key_from_pem(const void *pem, size_t len)
{
	EVP_PKEY *pkey = read_plain_key(pem, len);
	BIO *bio;

	if (pkey != NULL)
		return wrap(pkey);
	if ((bio = open_pem(pem, len)) == NULL)
		return NULL;
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return wrap(pkey);
}

struct sign_key *
sign_public_from_pem(const void *pem, size_t len)
{
	BIO *bio = open_pem(pem, len);
	EVP_PKEY *pkey;

	if (bio == NULL)
		return NULL;
	pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return wrap(pkey);
}

struct sign_key *
sign_public_from_bytes(const uint8_t bytes[SIGN_PUBLIC_LEN])
{
	return wrap(EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, bytes, SIGN_PUBLIC_LEN));
}

void
sign_key_free(struct sign_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

int
sign_generate(char *private_pem, size_t private_size, char *public_pem,
    size_t public_size)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int status = -1;

	if (pkey == NULL)
		return -1;
	if (write_pem(pkey, true, private_pem, private_size) == 0)
		status = write_pem(pkey, false, public_pem, public_size);
	EVP_PKEY_free(pkey);
	return status;
}

void
sign_key_public(const struct sign_key *key, uint8_t bytes[SIGN_PUBLIC_LEN])
{
	size_t len = SIGN_PUBLIC_LEN;

	if (EVP_PKEY_get_raw_public_key(key->pkey, bytes, &len) != 1)
		abort();
}

void
sign_key_id(const struct sign_key *key, char text[SIGN_KEYID_TEXT])
{
	uint8_t public[SIGN_PUBLIC_LEN], digest[SIGN_SHA256_LEN];

	sign_key_public(key, public);
	sha256(digest, public, sizeof(public));
	text_hex(text, digest, (SIGN_KEYID_TEXT - 1) / 2);
}

void
sign_key_flow_secret(const struct sign_key *key, struct hash_key *secret)
{
	static const char label[] = "anycast flow secret";
	uint8_t input[sizeof(label) + PRIVATE_LEN], digest[SIGN_SHA256_LEN];
	size_t len = PRIVATE_LEN;

	memcpy(input, label, sizeof(label));
	if (EVP_PKEY_get_raw_private_key(
		key->pkey, input + sizeof(label), &len) != 1)
		abort();
	sha256(digest, input, sizeof(input));
	memcpy(secret->bytes, digest, sizeof(secret->bytes));
	explicit_bzero(input, sizeof(input));
}

int
sign_make(const struct sign_key *key, const void *bytes, size_t len,
    char text[SIGN_SIGNATURE_TEXT])
{
	uint8_t signature[SIGN_SIGNATURE_LEN];
	size_t signature_len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int status = -1;

	if (context == NULL)
		return -1;
	if (EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestSign(context, signature, &signature_len, bytes, len) ==
		1) {
		EVP_EncodeBlock((uint8_t *)text, signature, sizeof(signature));
		status = 0;
	}
	EVP_MD_CTX_free(context);
	return status;
}

int
sign_check(
    const struct sign_key *key, const void *bytes, size_t len, const char *text)
{
	uint8_t signature[SIGN_SIGNATURE_LEN];
	EVP_MD_CTX *context;
	int status = -1;

	if (decode_signature(signature, text) == -1 ||
	    (context = EVP_MD_CTX_new()) == NULL)
		return -1;
	if (EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestVerify(
		context, signature, sizeof(signature), bytes, len) == 1)
		status = 0;
	EVP_MD_CTX_free(context);
	return status;
}

/* Not by EVP, which reads OpenSSL's configuration and lists all that it can do
 * before: longer than a question to a server nearby takes. */
void
sha256(uint8_t digest[SIGN_SHA256_LEN], const void *bytes, size_t len)
{
	SHA256_CTX context;

	(void)SHA256_Init(&context);
	(void)SHA256_Update(&context, bytes, len);
	(void)SHA256_Final(digest, &context);
}

void
sha256_text(char text[SIGN_SHA256_TEXT], const void *bytes, size_t len)
{
	uint8_t digest[SIGN_SHA256_LEN];

	sha256(digest, bytes, len);
	text_hex(text, digest, sizeof(digest));
}

struct sha256_stream *
sha256_begin(void)
{
	struct sha256_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->context = EVP_MD_CTX_new();
	if (stream->context == NULL ||
	    EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(stream->context);
		free(stream);
		return NULL;
	}
	return stream;
}

void
sha256_add(struct sha256_stream *stream, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(stream->context, bytes, len) != 1)
		abort();
}

void
sha256_end(struct sha256_stream *stream, uint8_t digest[SIGN_SHA256_LEN])
{
	if (stream == NULL)
		return;
	if (EVP_DigestFinal_ex(stream->context, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(stream->context);
	free(stream);
}
