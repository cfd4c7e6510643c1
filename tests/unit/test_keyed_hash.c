/* Proves that keyed_hash is SipHash-2-4, by its authors' test vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include "lib/keyed_hash.h"

/* Key 00 01 .. 0f, input 00 01 .. of the length that is the index: from the
 * authors' reference, and the 15-byte one in appendix A of their paper. */
static const struct {
	size_t len;
	uint64_t hash;
} vectors[] = {
	{ 0, 0x726fdb47dd0e0e31 },
	{ 1, 0x74f839c593dc67fd },
	{ 2, 0x0d6c8009d9a94f5a },
	{ 3, 0x85676696d7fb7e2d },
	{ 4, 0xcf2794e0277187b7 },
	{ 5, 0x18765564cd99a68d },
	{ 6, 0xcbc9466e58fee3ce },
	{ 7, 0xab0200f58b01d137 },
	{ 8, 0x93f5f5799a932462 },
	{ 9, 0x9e0082df0ba9e4b0 },
	{ 10, 0x7a5dbbc594ddb9f3 },
	{ 11, 0xf4b32f46226bada7 },
	{ 12, 0x751e8fbc860ee5fb },
	{ 13, 0x14ea5627c0843d90 },
	{ 14, 0xf723ca908e7af2ee },
	{ 15, 0xa129ca6149be45e5 },
	{ 16, 0x3f2acc7f57c29bdb },
	{ 63, 0x958a324ceb064572 },
};

static void
published_vectors_come_out(void **state)
{
	struct hash_key key;
	uint8_t input[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(key.bytes); i++)
		key.bytes[i] = (uint8_t)i;
	for (i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(
		    keyed_hash(&key, input, vectors[i].len) == vectors[i].hash);
}

static void
unaligned_input_and_every_byte_count(void **state)
{
	struct hash_key key = { { 1 } };
	uint8_t bytes[40] = { 0 }, shifted[41] = { 0 };
	uint64_t plain = keyed_hash(&key, bytes, sizeof(bytes));
	size_t i;

	(void)state;
	assert_true(keyed_hash(&key, &shifted[1], 40) == plain);
	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_true(keyed_hash(&key, bytes, sizeof(bytes)) != plain);
		bytes[i] = 0;
	}
	for (i = 0; i < sizeof(key.bytes); i++) {
		key.bytes[i] ^= 0x80;
		assert_true(keyed_hash(&key, bytes, sizeof(bytes)) != plain);
		key.bytes[i] ^= 0x80;
	}
}

static void
openssl_siphash(
    const struct hash_key *key, const uint8_t *bytes, size_t len, uint8_t *out)
{
	size_t size = 16, got = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	assert_non_null(context);
	assert_int_equal(EVP_MAC_init(context, key->bytes, 16, params), 1);
	assert_int_equal(EVP_MAC_update(context, bytes, len), 1);
	assert_int_equal(EVP_MAC_final(context, out, &got, size), 1);
	assert_int_equal(got, size);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

static void
the_long_form_is_that_of_openssl(void **state)
{
	struct hash_key key;
	uint8_t input[300], expected[16], got[16];

	(void)state;
	for (size_t i = 0; i < sizeof(key.bytes); i++)
		key.bytes[i] = (uint8_t)(7 * i);
	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)(13 * i);
	for (size_t len = 0; len <= sizeof(input); len++) {
		const struct hash_128 hash = keyed_hash_128(&key, input, len);

		for (int i = 0; i < 8; i++) {
			got[i] = (uint8_t)(hash.low >> 8 * i);
			got[8 + i] = (uint8_t)(hash.high >> 8 * i);
		}
		openssl_siphash(&key, input, len, expected);
		assert_memory_equal(got, expected, sizeof(got));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_come_out),
		cmocka_unit_test(the_long_form_is_that_of_openssl),
		cmocka_unit_test(unaligned_input_and_every_byte_count),
	};

	return cmocka_run_group_tests_name("keyed_hash", tests, NULL, NULL);
}
