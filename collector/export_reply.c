#include "collector/export_reply.h"

#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/dns.h"
#include "lib/text.h"

#define TXT_STRING 255 /* RFC 1035 section 3.3 */
#define SOA_NUMBERS 5

enum {
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RA = 0x0080,
	FLAG_AD = 0x0020,
	MASK_RCODE = 0x000f,
	OPTION_HEADER_LEN = 4,
	ANCOUNT_AT = 6,
	POINTER_TO_QUESTION = 0xc000 | DNS_HEADER_LEN,
};

static uint16_t
flags_of(const struct record_dns *dns)
{
	return (uint16_t)(FLAG_QR | (dns->aa == 1 ? FLAG_AA : 0) |
			  (dns->tc == 1 ? FLAG_TC : 0) |
			  (dns->ra == 1 ? FLAG_RA : 0) |
			  (dns->ad == 1 ? FLAG_AD : 0) |
			  (dns->rcode & MASK_RCODE));
}

/* --- rdata --- */

static void
write_txt(struct writer *w, const struct record_bytes *text)
{
	size_t at = 0, len;

	do {
		len = text->len - at < TXT_STRING ? text->len - at : TXT_STRING;
		writer_u8(w, (uint8_t)len);
		writer_bytes(w, text->bytes + at, len);
		at += len;
	} while (at < text->len);
}

static bool
write_name(struct writer *w, const char *text)
{
	struct dns_name name;

	if (dns_name_from_text(&name, text) == -1)
		return false;
	writer_bytes(w, name.bytes, name.len);
	return true;
}

static bool
write_addr(struct writer *w, const char *text)
{
	struct addr addr;

	if (addr_parse(&addr, text) == -1)
		return false;
	writer_bytes(w, addr.bytes, addr_len(&addr));
	return true;
}

/* "mname rname serial refresh retry expire minimum" */
static bool
write_soa(struct writer *w, const char *text)
{
	char names[2][LIMIT_DNS_NAME_TEXT];
	unsigned long n[SOA_NUMBERS];

	if (sscanf(text, "%1023s %1023s %lu %lu %lu %lu %lu", names[0],
		names[1], &n[0], &n[1], &n[2], &n[3], &n[4]) != 7 ||
	    !write_name(w, names[0]) || !write_name(w, names[1]))
		return false;
	for (size_t i = 0; i < SOA_NUMBERS; i++)
		writer_u32(w, (uint32_t)n[i]);
	return true;
}

/* RFC 3597 section 5: "\# LEN HEX". */
static bool
write_unknown(struct writer *w, const char *text)
{
	uint8_t bytes[LIMIT_IDENTITY];
	const char *hex = strrchr(text, ' ');
	unsigned long wanted;
	size_t len = 0;

	if (sscanf(text, "\\# %lu", &wanted) != 1 || hex == NULL ||
	    (wanted > 0 &&
		text_unhex(bytes, sizeof(bytes), &len, hex + 1) == -1))
		return false;
	writer_bytes(w, bytes, len);
	return len == wanted;
}

static bool
write_rdata(struct writer *w, uint16_t type, const struct record_bytes *answer)
{
	char text[LIMIT_IDENTITY + 1];

	if (type == DNS_TYPE_TXT) {
		write_txt(w, answer);
		return true;
	}
	memcpy(text, answer->bytes, answer->len);
	text[answer->len] = '\0';
	switch (type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return write_addr(w, text);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return write_name(w, text);
	case DNS_TYPE_SOA:
		return write_soa(w, text);
	default:
		return write_unknown(w, text);
	}
}

/* --- the message --- */

/* 1, or 0 and nothing written where the record kept only a beginning. */
static uint16_t
write_answer(struct writer *w, const struct record_dns *dns,
    const struct record_bytes *answer)
{
	const size_t before = w->len;
	size_t at;

	writer_u16(w, POINTER_TO_QUESTION);
	writer_u16(w, dns->qtype);
	writer_u16(w, dns->qclass);
	writer_u32(w, 0); /* TTL */
	at = w->len;
	writer_u16(w, 0);
	if (!write_rdata(w, dns->qtype, answer)) {
		w->len = before;
		return 0;
	}
	if (!writer_failed(w))
		writer_u16_at(w, at, (uint16_t)(w->len - at - 2));
	return 1;
}

static void
write_opt(struct writer *w, const struct record_dns *dns)
{
	const struct record_bytes *nsid = &dns->nsid;

	writer_u8(w, 0); /* the root */
	writer_u16(w, DNS_TYPE_OPT);
	writer_u16(w, LIMIT_DNS_UDP_SIZE);
	writer_u8(w, (uint8_t)(dns->rcode >> 4));
	writer_zeros(w, 3); /* version, flags */
	writer_u16(
	    w, nsid->present ? (uint16_t)(OPTION_HEADER_LEN + nsid->len) : 0);
	if (!nsid->present)
		return;
	writer_u16(w, DNS_OPTION_NSID);
	writer_u16(w, nsid->len);
	writer_bytes(w, nsid->bytes, nsid->len);
}

static bool
write_question(struct writer *w, const struct record_dns *dns)
{
	if (!write_name(w, dns->qname))
		return false;
	writer_u16(w, dns->qtype);
	writer_u16(w, dns->qclass);
	return true;
}

bool
export_reply_write(struct writer *w, const struct record *record)
{
	const struct record_dns *dns = &record->dns;
	const bool asked = dns->qtype != 0; /* else an import did not tell */
	uint16_t answers = 0;

	if (record->outcome == OUTCOME_MALFORMED) {
		writer_bytes(w, dns->raw, dns->raw_len);
		return dns->raw_len > 0 && !writer_failed(w);
	}
	if (dns->rcode < 0)
		return false;
	writer_u16(w, 0); /* id */
	writer_u16(w, flags_of(dns));
	writer_u16(w, asked);
	writer_u16(w, 0);
	writer_u16(w, 0);
	writer_u16(w, dns->edns == 1);
	if (asked && !write_question(w, dns))
		return false;
	for (size_t i = 0; i < dns->answer_count; i++)
		answers += write_answer(w, dns, &dns->answer[i]);
	if (!writer_failed(w))
		writer_u16_at(w, ANCOUNT_AT, answers);
	if (dns->edns == 1)
		write_opt(w, dns);
	return !writer_failed(w);
}
