/* Proves that keys, signatures and digests are those of RFC 8032 and FIPS
 * 180-4, and that nothing forged passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/sign.h"
#include "lib/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* RFC 8032 section 7.1, test 3, its secret key in PKCS #8 (RFC 8410). */
static const char test3_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n"
    "-----END PRIVATE KEY-----\n";
static const char test3_public[] =
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
static const uint8_t test3_message[] = { 0xaf, 0x82 };

static void
a_signature_is_that_of_rfc_8032(void **state)
{
	struct sign_key *key = sign_key_from_pem(test3_pem, strlen(test3_pem));
	uint8_t public[SIGN_PUBLIC_LEN], expected[SIGN_PUBLIC_LEN];
	char text[SIGN_SIGNATURE_TEXT];
	size_t len;

	(void)state;
	assert_non_null(key);
	sign_key_public(key, public);
	assert_int_equal(
	    text_unhex(expected, sizeof(expected), &len, test3_public), 0);
	assert_memory_equal(public, expected, sizeof(public));
	assert_int_equal(
	    sign_make(key, test3_message, sizeof(test3_message), text), 0);
	assert_int_equal(strlen(text), SIGN_SIGNATURE_TEXT - 1);
	assert_string_equal(text,
	    "YpHWV97sJAJIJ+acOr4BowzlSKKEdDpEXjaA19taw6wY/5tTjRbykK5n92CYTcZZ"
	    "SnwV6XFu0o3AJ77O6h7ECg==");
	assert_int_equal(
	    sign_check(key, test3_message, sizeof(test3_message), text), 0);
	sign_key_free(key);
}

static void
forged_and_respelled_signatures_are_refused(void **state)
{
	struct sign_key *key = sign_key_from_pem(test3_pem, strlen(test3_pem));
	char good[SIGN_SIGNATURE_TEXT], bad[SIGN_SIGNATURE_TEXT + 2];

	(void)state;
	assert_int_equal(sign_make(key, "line", 4, good), 0);
	assert_int_equal(sign_check(key, "line", 4, good), 0);
	assert_int_equal(sign_check(key, "lime", 4, good), -1);
	assert_int_equal(sign_check(key, "line", 3, good), -1);
	for (size_t i = 0; i < strlen(good); i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		if (sign_check(key, "line", 4, bad) != -1)
			fail_msg("taken with another byte %zu", i);
	}
	/* The unused bits of the last digit give a second spelling. */
	memcpy(bad, good, sizeof(good));
	bad[85]++;
	assert_int_equal(sign_check(key, "line", 4, bad), -1);
	memcpy(bad, good, sizeof(good));
	memcpy(&bad[88], "\n", 2);
	assert_int_equal(sign_check(key, "line", 4, bad), -1);
	assert_int_equal(sign_check(key, "line", 4, ""), -1);
	sign_key_free(key);
}

static void
generated_keys_are_read_back_and_differ(void **state)
{
	char private[512], public[512], other[512];
	char id[SIGN_KEYID_TEXT], public_id[SIGN_KEYID_TEXT];
	uint8_t bytes[SIGN_PUBLIC_LEN];
	struct sign_key *key, *half, *raw;

	(void)state;
	assert_int_equal(sign_generate(other, 512, public, 512), 0);
	assert_int_equal(sign_generate(private, 512, public, 512), 0);
	assert_string_not_equal(private, other);
	key = sign_key_from_pem(private, strlen(private));
	half = sign_public_from_pem(public, strlen(public));
	assert_non_null(key);
	assert_non_null(half);
	sign_key_id(key, id);
	sign_key_id(half, public_id);
	assert_string_equal(id, public_id);
	sign_key_public(key, bytes);
	raw = sign_public_from_bytes(bytes);
	sign_key_id(raw, public_id);
	assert_string_equal(id, public_id);
	/* A public half signs nothing. */
	assert_int_equal(sign_make(half, "x", 1, private), -1);
	assert_int_equal(sign_generate(private, 20, public, 512), -1);
	sign_key_free(key);
	sign_key_free(half);
	sign_key_free(raw);
	sign_key_free(NULL);
}

static void
what_is_no_ed25519_key_is_refused(void **state)
{
	/* The last is encrypted: no pass phrase is asked for. */
	static const char encrypted[] =
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MC4C\n-----END ENCRYPTED PRIVATE KEY-----\n";
	static const char *const cases[] = { "", "no key", encrypted,
		/* X25519, RFC 8410 section 7's form. */
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VuBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRF"
		"j3\n-----END PRIVATE KEY-----\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(sign_key_from_pem(cases[i], strlen(cases[i])));
		assert_null(sign_public_from_pem(cases[i], strlen(cases[i])));
	}
	assert_null(sign_public_from_pem(test3_pem, strlen(test3_pem)));
}

static void
the_flow_secret_belongs_to_the_key(void **state)
{
	struct sign_key *key = sign_key_from_pem(test3_pem, strlen(test3_pem));
	char private[512], public[512];
	struct hash_key a, b, c;
	struct sign_key *other;

	(void)state;
	assert_int_equal(sign_generate(private, 512, public, 512), 0);
	other = sign_key_from_pem(private, strlen(private));
	sign_key_flow_secret(key, &a);
	sign_key_flow_secret(key, &b);
	sign_key_flow_secret(other, &c);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	sign_key_free(key);
	sign_key_free(other);
}

static void
digests_are_those_of_fips_180_4(void **state)
{
	struct sha256_stream *stream = sha256_begin();
	uint8_t digest[SIGN_SHA256_LEN];
	char text[SIGN_SHA256_TEXT];

	(void)state;
	sha256_text(text, "abc", 3);
	assert_string_equal(text,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_add(stream, "a", 1);
	sha256_add(stream, "", 0);
	sha256_add(stream, "bc", 2);
	sha256_end(stream, digest);
	text_hex(text, digest, sizeof(digest));
	assert_string_equal(text,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_that_of_rfc_8032),
		cmocka_unit_test(forged_and_respelled_signatures_are_refused),
		cmocka_unit_test(generated_keys_are_read_back_and_differ),
		cmocka_unit_test(what_is_no_ed25519_key_is_refused),
		cmocka_unit_test(the_flow_secret_belongs_to_the_key),
		cmocka_unit_test(digests_are_those_of_fips_180_4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
