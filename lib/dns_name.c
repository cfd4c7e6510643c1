#include "lib/dns.h"

#include <string.h>

#include "lib/text.h"

#define LABEL_MAX 63
#define LABEL_KIND 0xc0 /* the two bits that tell a label from a pointer */

/* Read one \DDD or \X behind the backslash. The length read, or 0. */
static size_t
unescape(uint8_t *byte, const char *text)
{
	char digits[4] = { 0 };
	int64_t value;

	if (text[0] < '0' || text[0] > '9') {
		*byte = (uint8_t)text[0];
		return text[0] > ' ' && text[0] < 0x7f ? 1 : 0;
	}
	memcpy(digits, text, strnlen(text, 3));
	if (strspn(digits, "0123456789") != 3 ||
	    text_int(&value, digits, 0, UINT8_MAX) == -1)
		return 0;
	*byte = (uint8_t)value;
	return 3;
}

/* Read one label up to its dot or the end. The length read, or 0. */
static size_t
label_from_text(struct writer *w, const char *text)
{
	uint8_t label[LABEL_MAX], byte;
	size_t len = 0, at = 0, n;

	while (text[at] != '\0' && text[at] != '.') {
		byte = (uint8_t)text[at++];
		if (byte == '\\') {
			if ((n = unescape(&byte, &text[at])) == 0)
				return 0;
			at += n;
		} else if (byte <= ' ' || byte >= 0x7f)
			return 0;
		if (len == sizeof(label))
			return 0;
		label[len++] = byte;
	}
	writer_u8(w, (uint8_t)len);
	writer_bytes(w, label, len);
	return at;
}

int
dns_name_from_text(struct dns_name *name, const char *text)
{
	struct dns_name n = { 0 };
	struct writer w = writer_over(n.bytes, sizeof(n.bytes));
	size_t at;

	if (strcmp(text, ".") == 0)
		text = "";
	else if (text[0] == '\0')
		return -1;
	while (text[0] != '\0') {
		if ((at = label_from_text(&w, text)) == 0)
			return -1;
		text += text[at] == '.' ? at + 1 : at;
	}
	writer_u8(&w, 0);
	if (writer_failed(&w))
		return -1;
	n.len = (uint8_t)w.len;
	*name = n;
	return 0;
}

static bool
is_plain(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static void
byte_to_text(struct writer *w, uint8_t byte)
{
	char escaped[5];

	if (is_plain(byte)) {
		writer_u8(w, byte);
		return;
	}
	(void)text_print(escaped, sizeof(escaped),
	    byte > ' ' && byte < 0x7f ? "\\%c" : "\\%03d", byte);
	writer_bytes(w, escaped, strlen(escaped));
}

void
dns_name_to_text(char *text, size_t size, const struct dns_name *name)
{
	struct cursor c = cursor_over(name->bytes, name->len);
	struct writer w = writer_over(text, size - 1);
	uint8_t left;

	while ((left = cursor_u8(&c)) != 0) {
		while (left-- > 0)
			byte_to_text(&w, cursor_u8(&c));
		writer_u8(&w, '.');
	}
	if (w.len == 0)
		writer_u8(&w, '.');
	text[w.len] = '\0';
}

static uint8_t
lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* Length bytes are at most 63 and so never look like a capital letter. */
bool
dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	size_t i;

	if (a->len != b->len)
		return false;
	for (i = 0; i < a->len; i++)
		if (lower(a->bytes[i]) != lower(b->bytes[i]))
			return false;
	return true;
}

/* The offset a pointer leads to, having read its first byte. Strictly before
 * the labels that led here: so no walk sees a byte twice, and it ends. */
static enum parse_result
follow(struct cursor *c, uint8_t first, size_t *start)
{
	size_t target = (size_t)(first & ~LABEL_KIND) << 8 | cursor_u8(c);

	if (cursor_failed(c))
		return PARSE_SHORT;
	if (target >= *start)
		return PARSE_MALFORMED;
	cursor_seek(c, target);
	*start = target;
	return PARSE_OK;
}

enum parse_result
dns_name_read(struct dns_name *name, struct cursor *c)
{
	struct writer w = writer_over(name->bytes, sizeof(name->bytes));
	struct cursor at = *c;
	size_t start = cursor_at(c);
	unsigned int jumps = 0;
	enum parse_result result;
	const uint8_t *label;
	uint8_t len;

	do {
		len = cursor_u8(&at);
		if ((len & LABEL_KIND) == LABEL_KIND) {
			if (jumps == 0) /* both bytes of the pointer */
				cursor_seek(c, cursor_at(&at) + 1);
			if (++jumps > LIMIT_DNS_JUMPS)
				return PARSE_MALFORMED;
			if ((result = follow(&at, len, &start)) != PARSE_OK)
				return result;
			continue;
		}
		if ((len & LABEL_KIND) != 0)
			return PARSE_MALFORMED;
		label = cursor_take(&at, len);
		if (cursor_failed(&at))
			return PARSE_SHORT;
		writer_u8(&w, len);
		writer_bytes(&w, label, len);
		if (writer_failed(&w))
			return PARSE_MALFORMED;
	} while (len != 0);
	if (jumps == 0)
		*c = at;
	name->len = (uint8_t)w.len;
	return PARSE_OK;
}
