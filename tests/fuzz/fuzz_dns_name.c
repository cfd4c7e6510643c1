/*
 * Any bytes as a name, compressed in a message and as text: what is read is
 * a name, and its text is read as the same name again.
 */
#include <assert.h>
#include <string.h>

#include "lib/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_name(const struct dns_name *name)
{
	char text[LIMIT_DNS_NAME_TEXT];
	struct dns_name again;
	size_t i;

	assert(name->len >= 1);
	assert(name->bytes[name->len - 1] == 0);
	dns_name_to_text(text, sizeof(text), name);
	assert(text[strlen(text) - 1] == '.');
	for (i = 0; text[i] != '\0'; i++)
		assert(text[i] > ' ' && text[i] < 0x7f);
	assert(dns_name_from_text(&again, text) == 0);
	assert(again.len == name->len);
	assert(memcmp(again.bytes, name->bytes, name->len) == 0);
	assert(dns_name_equal(&again, name));
}

static void
check_text(const uint8_t *bytes, size_t len)
{
	char text[2048];
	struct dns_name name;

	if (len >= sizeof(text))
		return;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	if (dns_name_from_text(&name, text) == 0)
		check_name(&name);
}

/* At every offset: so that pointers have something to lead to. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dns_name name;
	size_t at;

	for (at = 0; at <= len && at < 64; at++) {
		struct cursor c = cursor_over(bytes, len);

		cursor_seek(&c, at);
		if (dns_name_read(&name, &c) != PARSE_OK)
			continue;
		assert(!cursor_failed(&c) && cursor_at(&c) > at);
		check_name(&name);
	}
	check_text(bytes, len);
	return 0;
}
