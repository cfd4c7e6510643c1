/*
 * Shows what lib/ reads of a packet, for the golden tests and the oracles.
 *
 *   packet_dump FILE...  each a packet as hex text: every field, a line each
 *   packet_dump -        "KIND HEX" lines on stdin: an outcome each, one line
 *
 * In a file # begins a comment. The first line says what the bytes are: "dns
 * ID NAME TYPE CLASS" (what was asked), "icmp4", "icmp6" or "ip". Then hex,
 * in pieces; N*HEX is a piece repeated. On stdin the question of a "dns" is
 * the message's own, and of an "ip" the transport is read, too.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/escape.h"
#include "lib/icmp.h"
#include "lib/ip_header.h"
#include "lib/text.h"

#define PACKET_MAX 70000

struct packet {
	char kind[16];
	struct dns_query query;
	uint8_t *bytes; /* of exactly len: so that a sanitizer sees its end */
	size_t len;
};

static const char *const result_names[] = { "ok", "short", "malformed" };
static const char *const match_names[] = { "none", "header", "case", "full" };

/* --- reading --- */

static void
packet_add(struct packet *p, const char *hex)
{
	static uint8_t piece[PACKET_MAX];
	char *star = NULL;
	unsigned long times = 1;
	size_t len;

	if (strchr(hex, '*') != NULL) {
		times = strtoul(hex, &star, 10);
		hex = star + 1;
	}
	if (text_unhex(piece, sizeof(piece), &len, hex) == -1)
		errx(2, "no hex: %s", hex);
	while (times-- > 0) {
		if (p->len + len > PACKET_MAX)
			errx(2, "packet too long");
		p->bytes = realloc(p->bytes, p->len + len + 1);
		if (p->bytes == NULL)
			err(2, NULL);
		memcpy(&p->bytes[p->len], piece, len);
		p->len += len;
	}
}

/* Move the bytes to where one more is out of bounds. */
static void
packet_trim(struct packet *p)
{
	uint8_t *exact = malloc(p->len == 0 ? 1 : p->len);

	if (exact == NULL)
		err(2, NULL);
	if (p->len > 0)
		memcpy(exact, p->bytes, p->len);
	free(p->bytes);
	p->bytes = exact;
}

static void
packet_directive(struct packet *p, const char *line)
{
	char name[LIMIT_DNS_NAME_TEXT] = ".";
	unsigned int id = 0, type = 0, class = 0;
	int found = sscanf(
	    line, "%15s %x %1023s %u %u", p->kind, &id, name, &type, &class);

	if (strcmp(p->kind, "dns") == 0 ? found != 5 : found != 1)
		errx(2, "no directive: %s", line);
	p->query.id = (uint16_t)id;
	p->query.question.type = (uint16_t)type;
	p->query.question.class = (uint16_t) class;
	if (dns_name_from_text(&p->query.question.name, name) == -1)
		errx(2, "no name: %s", name);
}

static void
packet_read(struct packet *p, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *word, *rest;
	size_t size = 0;

	if (file == NULL)
		err(2, "%s", path);
	while (getline(&line, &size, file) != -1) {
		line[strcspn(line, "#\n")] = '\0';
		if (line[0] != '\0' && p->kind[0] == '\0') {
			packet_directive(p, line);
			continue;
		}
		for (rest = line; (word = strsep(&rest, " \t")) != NULL;)
			packet_add(p, word);
	}
	free(line);
	(void)fclose(file);
	packet_trim(p);
}

/* --- every field --- */

static void
show_bytes(const char *name, const void *bytes, size_t len)
{
	static char text[4 * PACKET_MAX + 1];

	(void)escape_text(text, sizeof(text), bytes, len);
	printf("%s %zu \"%s\"\n", name, len, text);
}

static void
show_addr(const char *name, const struct addr *addr)
{
	char text[ADDR_TEXT];

	printf("%s %s\n", name, addr_format(text, addr));
}

static const char *
dns_verdict(enum dns_match match, enum parse_result result)
{
	if (match == DNS_MATCH_NONE)
		return "ignored";
	if (result != PARSE_OK)
		return "refused";
	if (match == DNS_MATCH_CASE) /* for where letters were drawn */
		return "held";
	return match == DNS_MATCH_FULL ? "accepted" : "accepted weakly";
}

static void
show_dns(const struct packet *p)
{
	struct dns_reply r;
	const char *fault;
	enum dns_match match = dns_reply_match(&p->query, p->bytes, p->len);
	enum parse_result result =
	    dns_reply_parse(&r, p->bytes, p->len, &p->query.question, &fault);
	int i;

	printf("verdict %s\n", dns_verdict(match, result));
	printf("match %s\n", match_names[match]);
	printf("result %s%s%s\n", result_names[result], fault ? " " : "",
	    fault ? fault : "");
	printf("bytes %zu\n", p->len);
	printf("id %04x\n", r.id);
	printf("flags%s%s%s%s%s%s%s\n", r.qr ? " qr" : "", r.aa ? " aa" : "",
	    r.tc ? " tc" : "", r.rd ? " rd" : "", r.ra ? " ra" : "",
	    r.ad ? " ad" : "", r.cd ? " cd" : "");
	printf("opcode %d\nrcode %d\n", r.opcode, r.rcode);
	printf("counts %d %d %d %d\n", r.question_count, r.answer_count,
	    r.authority_count, r.additional_count);
	if (r.edns)
		printf(
		    "edns version %d size %d\n", r.edns_version, r.edns_size);
	if (r.nsid.present) {
		show_bytes("nsid", r.nsid.bytes, r.nsid.len);
		printf("nsid of %" PRIu32 " bytes, options %d\n", r.nsid_len,
		    r.nsid_count);
	}
	for (i = 0; i < r.answer_kept; i++)
		show_bytes("answer", r.answer[i].bytes, r.answer[i].len);
	printf("serial %" PRId64 "\n", r.serial);
}

static void
show_quote(const struct icmp_quote *q)
{
	show_addr("quote src", &q->src);
	show_addr("quote dst", &q->dst);
	printf("quote protocol %d ttl %d label %" PRId32 "\n", q->protocol,
	    q->ttl, q->label);
	printf(
	    "quote sport %" PRId32 " dport %" PRId32 "\n", q->sport, q->dport);
	printf("quote icmp_id %" PRId32 " icmp_seq %" PRId32 "\n", q->icmp_id,
	    q->icmp_seq);
	printf("quote cksum %" PRId32 "\n", q->cksum);
	show_bytes("quote payload", q->payload, q->payload_len);
}

static const char *
icmp_verdict(const struct icmp_message *m, int af, enum parse_result result)
{
	if (result != PARSE_OK)
		return "refused";
	if (!icmp_is_error(af, m->type))
		return m->id == -1 ? "ignored" : "accepted";
	if (!m->quote.present)
		return "accepted without quote";
	return m->extension_bad ? "accepted without extension" : "accepted";
}

static void
show_icmp(int af, const void *bytes, size_t len)
{
	struct icmp_message m;
	enum parse_result result = icmp_read(&m, af, bytes, len);
	int i;

	printf("verdict %s\n", icmp_verdict(&m, af, result));
	printf("result %s\n", result_names[result]);
	printf("type %d code %d\n", m.type, m.code);
	printf("id %" PRId32 " seq %" PRId32 "\n", m.id, m.seq);
	if (m.payload != NULL)
		show_bytes("payload", m.payload, m.payload_len);
	if (m.quote.present)
		show_quote(&m.quote);
	printf("extended %d bad %d\n", m.extended, m.extension_bad);
	for (i = 0; i < m.mpls_count; i++)
		printf("mpls label %u exp %u s %u ttl %u\n", m.mpls[i] >> 12,
		    m.mpls[i] >> 9 & 7, m.mpls[i] >> 8 & 1, m.mpls[i] & 0xff);
}

static void
show_ip(const struct packet *p)
{
	struct cursor c = cursor_over(p->bytes, p->len);
	struct ip_header ip;
	enum parse_result result = ip_header_read(&ip, &c);
	size_t left = cursor_left(&c);

	if (result != PARSE_OK) {
		printf("verdict refused\nip %s\n", result_names[result]);
		return;
	}
	if (ip.protocol == (ip.af == 4 ? 1 : 58) && !ip.fragment)
		show_icmp(ip.af, cursor_take(&c, left), left);
	show_addr("ip src", &ip.src);
	show_addr("ip dst", &ip.dst);
	printf("ip protocol %d ttl %d tos %d label %" PRId32 "\n", ip.protocol,
	    ip.ttl, ip.tos, ip.label);
	printf("ip total %" PRIu32 " fragment %d left %zu\n", ip.total_len,
	    ip.fragment, left);
}

static void
show_packet(const struct packet *p)
{
	if (strcmp(p->kind, "dns") == 0)
		show_dns(p);
	else if (strcmp(p->kind, "icmp4") == 0)
		show_icmp(4, p->bytes, p->len);
	else if (strcmp(p->kind, "icmp6") == 0)
		show_icmp(6, p->bytes, p->len);
	else if (strcmp(p->kind, "ip") == 0)
		show_ip(p);
	else
		errx(2, "no such kind: %s", p->kind);
}

/* --- outcomes --- */

static void
outcome_dns(const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	struct dns_question question = { 0 };
	struct dns_reply r;
	enum parse_result result;
	const char *fault;
	char nsid[2 * LIMIT_IDENTITY + 1];

	cursor_seek(&c, DNS_HEADER_LEN);
	(void)dns_question_read(&question, &c);
	result = dns_reply_parse(&r, bytes, len, &question, &fault);
	printf("dns %s", result_names[result]);
	if (fault != NULL)
		printf(" %s", fault);
	if (result != PARSE_SHORT)
		printf(" %s rcode %d answers %d", r.qr ? "reply" : "query",
		    r.rcode, r.answer_kept);
	if (r.nsid.present) {
		text_hex(nsid, r.nsid.bytes, r.nsid.len);
		printf(" nsid \"%s\"", nsid);
	}
	printf("\n");
}

static void
outcome_icmp(int af, const uint8_t *bytes, size_t len)
{
	struct icmp_message m;
	enum parse_result result = icmp_read(&m, af, bytes, len);

	printf("icmp%d %s %d/%d", af, result_names[result], m.type, m.code);
	if (m.id != -1)
		printf(" echo reply, payload %zu", m.payload_len);
	if (m.quote.present)
		printf(" quote %d ttl %d payload %zu", m.quote.protocol,
		    m.quote.ttl, m.quote.payload_len);
	if (m.extended)
		printf(" %s extension, mpls %d",
		    m.extension_bad ? "bad" : "good", m.mpls_count);
	printf("\n");
}

static void
outcome_tcp(struct cursor c)
{
	size_t words, len;

	cursor_skip(&c, 12);
	words = cursor_u8(&c) >> 4;
	cursor_skip(&c, 7);
	cursor_skip(&c, words < 5 ? 0 : (words - 5) * 4);
	len = cursor_u16(&c);
	if (cursor_failed(&c) || len != cursor_left(&c)) {
		printf("tcp, not one message\n");
		return;
	}
	outcome_dns(cursor_take(&c, len), len);
}

static void
outcome_ip(const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	struct ip_header ip;
	enum parse_result result = ip_header_read(&ip, &c);
	size_t left = cursor_left(&c);

	printf("ip%d %s ", ip.af, result_names[result]);
	if (result != PARSE_OK || ip.fragment)
		printf("%s\n", ip.fragment ? "fragment" : "");
	else if (ip.protocol == (ip.af == 4 ? 1 : 58))
		outcome_icmp(ip.af, cursor_take(&c, left), left);
	else if (ip.protocol == 17 && left >= 8) {
		cursor_skip(&c, 8);
		outcome_dns(cursor_take(&c, left - 8), left - 8);
	} else if (ip.protocol == 6)
		outcome_tcp(c);
	else
		printf("protocol %d\n", ip.protocol);
}

static void
outcome(const struct packet *p)
{
	if (strcmp(p->kind, "dns") == 0)
		outcome_dns(p->bytes, p->len);
	else if (strcmp(p->kind, "icmp4") == 0)
		outcome_icmp(4, p->bytes, p->len);
	else if (strcmp(p->kind, "icmp6") == 0)
		outcome_icmp(6, p->bytes, p->len);
	else if (strcmp(p->kind, "ip") == 0)
		outcome_ip(p->bytes, p->len);
	else
		errx(2, "no such kind: %s", p->kind);
}

static void
outcomes_of_lines(void)
{
	char *line = NULL, *hex;
	size_t size = 0;

	while (getline(&line, &size, stdin) != -1) {
		struct packet p = { 0 };

		line[strcspn(line, "\n")] = '\0';
		hex = line;
		(void)text_copy(p.kind, sizeof(p.kind), strsep(&hex, " "));
		packet_add(&p, hex == NULL ? "" : hex);
		packet_trim(&p);
		outcome(&p);
		free(p.bytes);
	}
	free(line);
}

int
main(int argc, char **argv)
{
	int i;

	if (argc == 2 && strcmp(argv[1], "-") == 0) {
		outcomes_of_lines();
		return 0;
	}
	for (i = 1; i < argc; i++) {
		struct packet p = { 0 };

		packet_read(&p, argv[i]);
		show_packet(&p);
		free(p.bytes);
	}
	return 0;
}
