/*
 * The same batches in a random order, with repetitions, settled at random
 * times: prints the hash of the content for each order. permutation.py runs
 * it, and looks at the database of the first order.
 *
 *   permutation FOLDER SEED ORDERS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/check.h"
#include "collector/settle.h"
#include "collector/store.h"
#include "lib/log.h"
#include "lib/text.h"

#define VPS 3
#define LANES 3
#define RECORDS 20
#define HOURS 8
#define WEEK_HOURS 168
#define START_US (1700000000000000LL / HOUR_US * HOUR_US)

struct test_batch {
	int vp;
	char spool[16];
	int64_t number;
	uint8_t sha256[SIGN_SHA256_LEN];
	struct batch_head head;
	struct record *records;
	size_t count;
};

struct test {
	uint64_t random; /* xorshift64: the same on every machine */
	struct test_batch *batches;
	size_t count, size;
	size_t *order;
	size_t order_len;
};

static uint64_t
draw(struct test *t, uint64_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (t->random >> 16) % below;
}

static void
fail(const char *what)
{
	(void)fprintf(stderr, "permutation: %s\n", what);
	exit(1);
}

/* Some names differ in their length alone, some in what no text shows. */
static void
name_instance(struct test *t, struct record *r, int style)
{
	static const char *const names[] = { "lhr1", "lhr1\\", "lhr", "jnb",
		"\xff\x01" };
	/* A lane that flaps at every sample, one that rests, one between. */
	static const uint64_t spread[LANES] = { 5, 1, 2 };
	const char *name = names[draw(t, spread[style])];

	if (draw(t, 12) == 0)
		return; /* answered without a name */
	if (strcmp(r->question, "hostname.bind") == 0) {
		r->dns.answer_count = 1;
		r->dns.answer[0].present = true;
		r->dns.answer[0].len = (uint16_t)strlen(name);
		memcpy(r->dns.answer[0].bytes, name, strlen(name));
	} else {
		r->dns.nsid.present = true;
		r->dns.nsid.len = (uint16_t)strlen(name);
		r->dns.nsid_len = r->dns.nsid.len;
		memcpy(r->dns.nsid.bytes, name, strlen(name));
	}
}

static void
answer(struct test *t, struct record *r, int style)
{
	r->outcome = OUTCOME_ANSWERED;
	r->rtt_us = 1 + (int64_t)draw(t, 300000);
	r->stamp = draw(t, 2) ? STAMP_KERNEL : STAMP_USER;
	r->reply_ttl = (int16_t)(40 + draw(t, 20));
	r->dns.rcode = draw(t, 10) == 0 ? 5 : 0;
	r->dns.size = (int32_t)(60 + draw(t, 40));
	r->dns.serial = (int64_t)draw(t, 3);
	r->dns.aa = 1;
	r->dns.tc = r->dns.edns = 0;
	name_instance(t, r, style);
}

static void
fill_record(struct test *t, struct record *r, int64_t t_us)
{
	static const enum outcome losses[] = { OUTCOME_TIMEOUT, OUTCOME_UNSENT,
		OUTCOME_UNREACHABLE };
	const int lane = (int)draw(t, LANES);

	record_init(r);
	r->t = wall_from_us(t_us);
	r->type = RECORD_DNS;
	r->proto = PROTO_UDP;
	r->port = 53;
	(void)text_copy(r->target, sizeof(r->target), "root");
	(void)addr_parse(&r->addr, "192.0.2.53");
	(void)text_copy(r->question, sizeof(r->question),
	    lane == 0 ? "hostname.bind" : "soa");
	(void)text_copy(r->dns.qname, sizeof(r->dns.qname), ".");
	r->dns.qtype = 6;
	r->dns.qclass = 1;
	r->flow.n = lane == 2;
	r->flow.sport = 40000 + lane;
	r->flow.dport = 53;
	if (draw(t, 5) != 0)
		answer(t, r, lane);
	else
		r->outcome = losses[draw(t, 3)];
	if (draw(t, 20) == 0) {
		r->dns.raw_len = 3;
		memcpy(r->dns.raw, "\0\1\2", 3);
	}
}

static struct test_batch *
next_batch(struct test *t, int vp, int64_t t_us)
{
	struct test_batch *b;

	if (t->count == t->size) {
		t->size = t->size * 2 + 64;
		t->batches =
		    reallocarray(t->batches, t->size, sizeof(*t->batches));
		if (t->batches == NULL)
			fail("out of memory");
	}
	b = &t->batches[t->count++];
	memset(b, 0, sizeof(*b));
	b->vp = vp;
	b->number = (int64_t)t->count;
	(void)text_copy(b->spool, sizeof(b->spool), "spool");
	for (size_t i = 0; i < sizeof(b->sha256); i++)
		b->sha256[i] = (uint8_t)draw(t, 256);
	b->head.round_at = wall_from_us(t_us);
	b->head.every_s = 300;
	b->head.clock_offset_us = b->head.clock_max_error_us = -1;
	return b;
}

/* Times are few, so that many are equal, in a batch and between batches; and
 * the beginning and the last microsecond of hours are among them. */
static void
make_batch(struct test *t, int vp, int64_t hour, int64_t span_us)
{
	const int64_t begin =
	    START_US + hour * HOUR_US + (int64_t)draw(t, 6) * 600000000LL;
	struct test_batch *b = next_batch(t, vp, begin);

	b->count = draw(t, RECORDS);
	b->head.questions = (int64_t)b->count;
	if ((b->records = calloc(b->count + 1, sizeof(*b->records))) == NULL)
		fail("out of memory");
	for (size_t i = 0; i < b->count; i++) {
		int64_t at = begin + (int64_t)draw(t, 5) * (span_us / 4);

		if (draw(t, 10) == 0 && at % HOUR_US == 0 && at > begin)
			at--;
		fill_record(t, &b->records[i], at);
	}
}

static void
make_batches(struct test *t)
{
	for (int vp = 0; vp < VPS; vp++) {
		for (int64_t hour = 0; hour < HOURS; hour++) {
			const uint64_t rounds = draw(t, 4);

			/* Whole hours without any are silence. */
			for (uint64_t i = 0; i < rounds; i++)
				make_batch(t, vp, hour,
				    draw(t, 3) == 0 ? HOUR_US : 1200000000LL);
		}
		/* A week before and a week after: what comes between them is
		 * a week late in half of the orders. */
		make_batch(t, vp, -WEEK_HOURS, 600000000LL);
		make_batch(t, vp, WEEK_HOURS, HOUR_US);
	}
}

/* Every batch once, some again. */
static void
shuffle(struct test *t)
{
	t->order_len = 0;
	for (size_t i = 0; i < t->count; i++) {
		t->order[t->order_len++] = i;
		if (draw(t, 4) == 0)
			t->order[t->order_len++] = i;
	}
	for (size_t i = t->order_len - 1; i > 0; i--) {
		const size_t j = draw(t, i + 1);
		const size_t kept = t->order[i];

		t->order[i] = t->order[j];
		t->order[j] = kept;
	}
}

static void
add(struct store *s, const struct test_batch *b)
{
	char name[] = { 'v', 'p', (char)('a' + b->vp), '\0' };
	struct store_batch batch = {
		.spool = b->spool,
		.number = b->number,
		.head = &b->head,
	};
	enum store_result result;

	memcpy(batch.sha256, b->sha256, sizeof(batch.sha256));
	if (store_begin(s) != STORE_OK ||
	    store_vp(s, name, true, &batch.vp) != STORE_OK)
		fail("begin");
	result = store_add_batch(s, &batch, b->records, b->count);
	if (result != STORE_OK && result != STORE_DUPLICATE)
		fail(store_result_name(result));
	if (store_commit(s) != STORE_OK)
		fail("commit");
}

static void
settle(struct store *s, int max)
{
	const struct wall always = { INT64_MAX };
	int64_t left;

	if (settle_marked(s, max, always, &left) != STORE_OK)
		fail("settle");
}

enum policy { POLICY_EACH, POLICY_END, POLICY_RANDOM, POLICY_COUNT };

static void
apply(struct test *t, struct store *s, enum policy policy)
{
	for (size_t i = 0; i < t->order_len; i++) {
		add(s, &t->batches[t->order[i]]);
		if (policy == POLICY_EACH)
			settle(s, 0);
		if (policy == POLICY_RANDOM && draw(t, 3) == 0)
			settle(s, (int)draw(t, 4));
	}
	settle(s, 0);
}

static void
run_order(struct test *t, const char *folder, int order)
{
	static const char *const policies[] = { "each", "end", "random" };
	const enum policy policy = (enum policy)(order % POLICY_COUNT);
	char path[4096], hash[SIGN_SHA256_TEXT];
	struct store *s;
	int code;

	if (text_print(path, sizeof(path), "%s/%d.db", folder, order) == -1 ||
	    store_create(path) != EXIT_DONE ||
	    (s = store_open(path, NULL, &code)) == NULL)
		fail("open");
	apply(t, s, policy);
	store_close(s);
	if (check_hash(path, hash) != EXIT_DONE)
		fail("hash");
	(void)printf("%s %s\n", hash, policies[policy]);
}

int
main(int argc, char **argv)
{
	struct test t = { 0 };
	int64_t seed, orders;

	log_init("permutation", 0);
	if (argc != 4 || text_int(&seed, argv[2], 1, INT64_MAX) == -1 ||
	    text_int(&orders, argv[3], 1, 100000) == -1)
		fail("usage: permutation FOLDER SEED ORDERS");
	t.random = (uint64_t)seed * 0x9e3779b97f4a7c15ULL | 1;
	make_batches(&t);
	if ((t.order = calloc(t.count * 2, sizeof(*t.order))) == NULL)
		fail("out of memory");
	for (int i = 0; i < (int)orders; i++) {
		shuffle(&t);
		run_order(&t, argv[1], i);
	}
	for (size_t i = 0; i < t.count; i++)
		free(t.batches[i].records);
	free(t.batches);
	free(t.order);
	return 0;
}
