/*
 * Writes what lib/ builds, a "KIND HEX" line each, for tshark to judge: echo
 * requests of IPv4 and IPv6 with one checksum and many sequence numbers (the
 * addresses are those that tshark.py puts around them), and DNS queries.
 */
#include <err.h>
#include <stdio.h>

#include "lib/dns.h"
#include "lib/icmp.h"
#include "lib/text.h"

#define MESSAGE_MAX 512

static void
show(const char *kind, const struct writer *w)
{
	char hex[2 * MESSAGE_MAX + 1];

	if (writer_failed(w))
		errx(2, "%s: does not fit", kind);
	text_hex(hex, w->bytes, w->len);
	printf("%s %s\n", kind, hex);
}

static void
write_echoes(uint8_t af, uint16_t cksum)
{
	uint8_t bytes[MESSAGE_MAX];
	struct addr src, dst;
	uint32_t seq;

	if (addr_parse(&src, "2001:db8::1") == -1 ||
	    addr_parse(&dst, "2001:db8:ffff::53") == -1)
		errx(2, "addresses");
	for (seq = 0; seq <= UINT16_MAX; seq += 771) {
		struct writer w = writer_over(bytes, sizeof(bytes));
		const struct icmp_echo echo = { .af = af,
			.id = 0xabcd,
			.seq = (uint16_t)seq,
			.cksum = cksum,
			.src = &src,
			.dst = &dst,
			.payload = "\xff\xfe\x01 token and contact text",
			.payload_len = 26 };

		icmp_echo_write(&w, &echo);
		show(af == 4 ? "echo4" : "echo6", &w);
	}
}

static void
write_query(const char *name, uint16_t type, uint16_t class)
{
	uint8_t bytes[MESSAGE_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct dns_query query = { .id = 0x1234,
		.question = { .type = type, .class = class },
		.edns = true,
		.nsid = true };

	if (dns_name_from_text(&query.question.name, name) == -1)
		errx(2, "%s", name);
	dns_query_write(&w, &query);
	show("dns", &w);
}

int
main(void)
{
	static const uint16_t cksums[] = { 1, 0x2bad, 0xfffe };
	size_t i;

	for (i = 0; i < sizeof(cksums) / sizeof(cksums[0]); i++) {
		write_echoes(4, cksums[i]);
		write_echoes(6, cksums[i]);
	}
	write_query("example.", DNS_TYPE_SOA, DNS_CLASS_IN);
	write_query("hostname.bind.", DNS_TYPE_TXT, DNS_CLASS_CH);
	return 0;
}
