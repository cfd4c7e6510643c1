/*
 * Makes signed batches of full records, as vantage points would send them
 * over weeks: `batches DIR VPS ROUNDS [RECORDS [SEED]]`.
 *
 * Writes DIR/vpN.pub, a public key of each, and DIR/ROUND-vpN.acbatch. A
 * round asks 250 addresses of 25 targets four questions in two flows: 2,000
 * records. Twelve rounds fill an hour; the hours that are measured are spread
 * over 30 days. A hundredth is lost, an address moves to another instance in
 * one hour of fifty, and round trips have a long tail.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/batch.h"
#include "lib/dns.h"
#include "lib/text.h"

#define TARGETS 25
#define ADDRESSES 10 /* of a target, half of them IPv6 */
#define QUESTIONS 4
#define FLOWS 2
#define EVERY_S 300
#define ROUNDS_AN_HOUR 12
#define SITES 40
#define START_S 1700002800LL /* a whole hour */
#define WINDOW_S (30LL * 86400)
#define PER_ROUND (TARGETS * ADDRESSES * QUESTIONS * FLOWS)

struct asked {
	int vp, target, address, question, flow;
};

static uint64_t state;
static int64_t per_round = PER_ROUND;

static uint32_t
draw(void)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33);
}

/* The same for the same question, whatever was drawn before. */
static uint32_t
fixed(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t x = a * 0x9e3779b97f4a7c15ULL ^ b * 0xc2b2ae3d27d4eb4fULL ^
		     c * 0x165667b19e3779f9ULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return (uint32_t)(x >> 32);
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Where an address is served from, as its vantage point sees it: a site that
 * holds for about fifty hours. */
static uint32_t
site_of(const struct asked *a, int hour)
{
	const uint32_t who =
	    (uint32_t)(a->vp * 1000 + a->target * ADDRESSES + a->address);
	const uint32_t phase = fixed(who, 1, 1) % 50;

	return fixed(who, ((uint32_t)hour + phase) / 50, 2) % SITES;
}

static struct addr
address_of(const struct asked *a)
{
	uint8_t bytes[16] = { 0x20, 0x01, 0x05, 0x03 };

	if (a->address % 2 == 0)
		return addr_from_bytes(
		    4, (uint8_t[]){ 193, 0, (uint8_t)a->target,
			   (uint8_t)(a->address + 1) });
	bytes[5] = (uint8_t)a->target;
	bytes[15] = (uint8_t)(a->address + 1);
	return addr_from_bytes(6, bytes);
}

static int64_t
rtt_of(const struct asked *a, uint32_t site)
{
	const uint32_t who = (uint32_t)(a->vp * TARGETS + a->target);
	const double base = 2000 + fixed(who, site, 3) % 120000;
	const double tail = -log(1.0 - draw() / 2147483648.0);

	return (int64_t)(base * (1 + 0.02 * tail) + draw() % 300);
}

static void
set_flow(struct record *r, const struct asked *a)
{
	const uint32_t who = (uint32_t)(a->target * ADDRESSES + a->address);

	r->flow.n = a->flow;
	r->flow.src = addr_from_bytes(
	    4, (uint8_t[]){ 198, 51, 100, (uint8_t)(a->vp + 1) });
	if (r->proto == PROTO_ICMP) {
		r->flow.icmp_id =
		    (int32_t)(fixed(who, (uint32_t)a->vp, 4) % 65536);
		r->flow.cksum =
		    (int32_t)(fixed(who, (uint32_t)a->flow, 5) % 65536);
		return;
	}
	r->flow.sport =
	    (int32_t)(32768 +
		      fixed(who, (uint32_t)(a->vp * FLOWS + a->flow), 6) %
			  28000);
	r->flow.dport = 53;
	if (r->addr.af == 6)
		r->flow.label =
		    (int32_t)(fixed(who, (uint32_t)a->flow, 7) % 0xfffff);
}

static void
set_reply(struct record *r, const struct asked *a, uint32_t site, int hour)
{
	static const char *const places[] = { "ams", "lhr", "fra", "iad", "sin",
		"nrt", "gru", "jnb", "syd", "waw" };
	struct record_dns *d = &r->dns;
	struct record_bytes *name = a->question == 0 ? &d->nsid : &d->answer[0];

	d->rcode = 0;
	d->tc = 0;
	d->aa = 1;
	d->edns = 1;
	d->ra = 0;
	d->ad = 0;
	d->size = a->question == 0 ? 129 : 74;
	name->present = true;
	name->len = (uint16_t)snprintf((char *)name->bytes, sizeof(name->bytes),
	    "ns%u.%s%u.t%02d.example", site % 3 + 1, places[site % 10],
	    site / 10 + 1, a->target);
	d->nsid_len = d->nsid.len;
	if (a->question != 0) {
		d->answer_count = 1;
		return;
	}
	d->serial = 2026110100 + hour / 12;
	d->answer_count = 1;
	d->answer[0].present = true;
	d->answer[0].len = (uint16_t)snprintf((char *)d->answer[0].bytes,
	    sizeof(d->answer[0].bytes),
	    "ns1.t%02d.example. hostmaster.t%02d.example. %lld 1800 900 604800 "
	    "86400",
	    a->target, a->target, (long long)d->serial);
}

static void
set_answer(struct record *r, const struct asked *a, int hour)
{
	const uint32_t site = site_of(a, hour);

	r->outcome = OUTCOME_ANSWERED;
	r->rtt_us = rtt_of(a, site);
	r->stamp = STAMP_KERNEL;
	r->reply_ttl = (int16_t)(64 - fixed(site, (uint32_t)a->vp, 8) % 16);
	r->auth_bits = a->question == 3 ? 64 : 48;
	if (r->type == RECORD_DNS)
		set_reply(r, a, site, hour);
}

static void
set_question(struct record *r, const struct asked *a)
{
	static const char *const questions[] = { "soa", "hostname.bind",
		"id.server", "echo" };

	(void)snprintf(r->target, sizeof(r->target), "target%02d", a->target);
	r->addr = address_of(a);
	r->proto = a->question == 3 ? PROTO_ICMP : PROTO_UDP;
	r->type = a->question == 3 ? RECORD_ECHO : RECORD_DNS;
	r->port = a->question == 3 ? -1 : 53;
	(void)text_copy(
	    r->question, sizeof(r->question), questions[a->question]);
	set_flow(r, a);
	if (r->type != RECORD_DNS)
		return;
	r->dns.qtype = a->question == 0 ? DNS_TYPE_SOA : DNS_TYPE_TXT;
	r->dns.qclass = a->question == 0 ? DNS_CLASS_IN : DNS_CLASS_CH;
	if (a->question == 0)
		(void)snprintf(r->dns.qname, sizeof(r->dns.qname),
		    "t%02d.example.", a->target);
	else
		(void)snprintf(r->dns.qname, sizeof(r->dns.qname), "%s.",
		    questions[a->question]);
}

static struct asked
asked_of(int vp, int i)
{
	return (struct asked){ .vp = vp,
		.flow = i % FLOWS,
		.question = i / FLOWS % QUESTIONS,
		.address = i / (FLOWS * QUESTIONS) % ADDRESSES,
		.target = i / (FLOWS * QUESTIONS * ADDRESSES) };
}

static void
add_records(struct batch_writer *writer, int vp, int64_t at_us, int hour)
{
	static struct record r;

	for (int i = 0; i < (int)per_round; i++) {
		const struct asked a = asked_of(vp, i);

		record_init(&r);
		r.t = wall_from_us(at_us + i * 10000LL + draw() % 9000);
		set_question(&r, &a);
		if (draw() % 100 == 0)
			r.outcome = OUTCOME_TIMEOUT;
		else
			set_answer(&r, &a, hour);
		if (batch_writer_add(writer, &r) == -1)
			die("a record");
	}
}

/* The measured hours are spread over the window. */
static int64_t
start_us(int round, int rounds)
{
	const int hours = (rounds + ROUNDS_AN_HOUR - 1) / ROUNDS_AN_HOUR;
	const int hour = round / ROUNDS_AN_HOUR;

	return (START_S + hour * (WINDOW_S / hours / 3600 * 3600) +
		   round % ROUNDS_AN_HOUR * EVERY_S) *
	       1000000LL;
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wbe");

	if (file == NULL || fwrite(bytes, 1, len, file) != len ||
	    fclose(file) == EOF)
		die(path);
}

static void
write_round(
    const char *dir, const struct sign_key *key, int vp, int round, int rounds)
{
	const int64_t at_us = start_us(round, rounds) + vp * 250000LL;
	struct batch_head head = { .round_at = wall_from_us(at_us),
		.every_s = EVERY_S,
		.questions = per_round,
		.clock = CLOCK_SYNCED,
		.clock_offset_us = -1,
		.clock_max_error_us = -1,
		.boot_id = "bench",
		.version = "0.1" };
	struct batch_line line = { .number = round + 1 };
	struct batch_writer *writer = batch_writer_new(&head);
	char path[512];
	uint8_t *file;
	size_t len;

	(void)snprintf(line.vp, sizeof(line.vp), "vp%d", vp);
	(void)snprintf(line.spool, sizeof(line.spool), "%032x", vp + 1);
	memset(line.previous, '0', sizeof(line.previous) - 1);
	if (writer == NULL)
		die("a batch");
	add_records(writer, vp, at_us, round / ROUNDS_AN_HOUR);
	if (batch_writer_finish(writer, &line, key, &file, &len) == -1)
		die("a batch");
	batch_writer_free(writer);
	(void)snprintf(
	    path, sizeof(path), "%s/%06d-vp%d.acbatch", dir, round, vp);
	write_file(path, file, len);
	free(file);
}

static struct sign_key *
new_key(const char *dir, int vp)
{
	char secret[512], public[512], path[512];
	struct sign_key *key = NULL;

	if (sign_generate(secret, sizeof(secret), public, sizeof(public)) ==
		-1 ||
	    (key = sign_key_from_pem(secret, strlen(secret))) == NULL)
		die("a key");
	(void)snprintf(path, sizeof(path), "%s/vp%d.pub", dir, vp);
	write_file(path, public, strlen(public));
	return key;
}

int
main(int argc, char **argv)
{
	int64_t vps, rounds, seed = 1;

	if (argc < 4 || text_int(&vps, argv[2], 1, 20000) == -1 ||
	    text_int(&rounds, argv[3], 1, 100000) == -1 ||
	    (argc > 4 && text_int(&per_round, argv[4], 1, PER_ROUND) == -1) ||
	    (argc > 5 && text_int(&seed, argv[5], 0, INT32_MAX) == -1)) {
		fprintf(
		    stderr, "usage: batches DIR VPS ROUNDS [RECORDS [SEED]]\n");
		return 2;
	}
	state = (uint64_t)seed;
	for (int vp = 0; vp < (int)vps; vp++) {
		struct sign_key *key = new_key(argv[1], vp);

		for (int round = 0; round < (int)rounds; round++)
			write_round(argv[1], key, vp, round, (int)rounds);
		sign_key_free(key);
	}
	return 0;
}
