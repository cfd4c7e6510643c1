#include "collector/export_ripe_atlas.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/export_reply.h"
#include "collector/import_row.h"
#include "collector/statements_import.h"
#include "collector/store_private.h"
#include "lib/base64.h"
#include "lib/dns.h"
#include "lib/json_out.h"
#include "lib/log.h"
#include "lib/text.h"

#define FIRMWARE 5080         /* whose format this is */
#define MADE_ID 1000000000    /* ids of our own begin here */
#define MESSAGE_MAX 65535     /* a reply made again */
#define RESULT_TEXT (2 << 20) /* LIMIT_ATLAS_ANSWERS replies, as base64 */
#define PRUNED_RECORDS 4      /* store.sql, batch.pruned */

struct export
{
	FILE *stream;
	struct record *records; /* of the batch at hand */
	bool *done;             /* as many */
	size_t size, count;
	char vp[LIMIT_VP_NAME + 1], spool[256];
	char *text; /* RESULT_TEXT */
	uint64_t results, left_out;
};

/* --- numbers --- */

/* FNV-1a, 32 bits. */
static uint32_t
add_hash(uint32_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619;
	return hash * 16777619; /* the end of a text counts too */
}

static int64_t
made_id(uint32_t hash)
{
	return MADE_ID + hash % MADE_ID;
}

static int64_t
probe_id(const struct export *e)
{
	int64_t id;

	if (strncmp(e->vp, "atlas-", 6) == 0 &&
	    text_int(&id, e->vp + 6, 0, UINT32_MAX) == 0)
		return id;
	return made_id(add_hash(2166136261, e->vp));
}

static int64_t
measurement_id(const struct export *e, const struct record *record)
{
	char address[ADDR_TEXT];
	uint32_t hash = 2166136261;
	int64_t id;

	if (strncmp(e->spool, "ripe-atlas:", 11) == 0 &&
	    text_int(&id, e->spool + 11, 0, UINT32_MAX) == 0)
		return id;
	hash = add_hash(hash, record->target);
	hash = add_hash(hash, addr_format(address, &record->addr));
	hash = add_hash(hash, proto_name(record->proto));
	hash = add_hash(hash, record->question);
	return made_id(hash);
}

/* --- parts of a result --- */

static void
put_int(struct json_out *out, const char *key, int64_t value)
{
	json_out_key(out, key);
	json_out_int(out, value);
}

static void
put_text(struct json_out *out, const char *key, const char *value)
{
	json_out_key(out, key);
	json_out_text(out, value);
}

static void
put_addr(struct json_out *out, const char *key, const struct addr *addr)
{
	if (!addr_is_set(addr))
		return;
	json_out_key(out, key);
	json_out_addr(out, addr);
}

static void
put_ms(struct json_out *out, const char *key, int64_t us)
{
	if (us < 0)
		return;
	json_out_key(out, key);
	json_out_thousandths(out, us);
}

static const char *
protocol(const struct record *record)
{
	return record->proto == PROTO_TCP   ? "TCP"
	       : record->proto == PROTO_UDP ? "UDP"
					    : "ICMP";
}

static int64_t
seconds(const struct record *record)
{
	return wall_to_us(record->t) / 1000000;
}

static void
put_head(struct json_out *out, const struct export *e,
    const struct record *record, const char *type)
{
	json_out_open(out, '{');
	put_int(out, "fw", FIRMWARE);
	put_text(out, "type", type);
	put_int(out, "msm_id", measurement_id(e, record));
	put_int(out, "prb_id", probe_id(e));
	put_int(out, "timestamp", seconds(record));
	put_int(out, "lts", -1);
	put_text(out, "dst_name", record->target);
}

static void
put_ends(struct json_out *out, const struct record *record)
{
	put_addr(out, "dst_addr", &record->addr);
	put_addr(out, "src_addr", &record->flow.src);
	if (addr_is_set(&record->addr))
		put_int(out, "af", record->addr.af);
	put_text(out, "proto", protocol(record));
}

/* --- DNS --- */

static void
put_dns_error(struct json_out *out, const struct record *record)
{
	static const char *const keys[OUTCOME_COUNT] = {
		[OUTCOME_REFUSED] = "connect",
		[OUTCOME_UNREACHABLE] = "unreachable",
		[OUTCOME_UNSENT] = "socket",
		[OUTCOME_MALFORMED] = "malformed",
	};

	json_out_key(out, "error");
	json_out_open(out, '{');
	if (record->outcome == OUTCOME_TIMEOUT)
		put_int(out, "timeout", 5000);
	else if (record->outcome == OUTCOME_REFUSED)
		put_text(out, keys[record->outcome], "Connection refused");
	else
		put_text(out, keys[record->outcome], record->reason);
	json_out_close(out, '}');
}

static void
put_reply(struct json_out *out, const struct record *record,
    const struct writer *reply)
{
	static const char *const counts[] = { "QDCOUNT", "ANCOUNT", "NSCOUNT",
		"ARCOUNT" };
	char *text = malloc(BASE64_TEXT(MESSAGE_MAX));

	if (text == NULL) {
		out->failed = true;
		return;
	}
	base64_encode(text, reply->bytes, reply->len);
	json_out_key(out, "result");
	json_out_open(out, '{');
	put_int(out, "ID", 0);
	for (size_t i = 0; i < 4 && reply->len >= DNS_HEADER_LEN; i++)
		put_int(out, counts[i],
		    reply->bytes[4 + 2 * i] << 8 | reply->bytes[5 + 2 * i]);
	put_ms(out, "rt", record->rtt_us);
	if (record->dns.size >= 0)
		put_int(out, "size", record->dns.size);
	put_text(out, "abuf", text);
	json_out_close(out, '}');
	free(text);
}

static bool
has_reply(const struct record *record)
{
	return record->outcome == OUTCOME_ANSWERED ||
	       (record->outcome == OUTCOME_MALFORMED &&
		   record->dns.raw_len > 0);
}

/* False, and nothing written, where the reply cannot be made again. */
static bool
put_answer(struct json_out *out, const struct record *record, int64_t subid)
{
	static uint8_t message[MESSAGE_MAX];
	struct writer reply = writer_over(message, sizeof(message));
	char port[16];

	if (has_reply(record) && !export_reply_write(&reply, record))
		return false;
	json_out_open(out, '{');
	put_int(out, "time", seconds(record));
	put_int(out, "lts", -1);
	put_int(out, "subid", subid);
	put_ends(out, record);
	if (record->port >= 0) {
		(void)text_print(port, sizeof(port), "%d", record->port);
		put_text(out, "dst_port", port);
	}
	if (has_reply(record))
		put_reply(out, record, &reply);
	else
		put_dns_error(out, record);
	json_out_close(out, '}');
	return true;
}

/* --- echo and trace --- */

static void
put_packet(struct json_out *out, const struct record *record)
{
	json_out_open(out, '{');
	if (record->outcome == OUTCOME_ANSWERED) {
		put_ms(out, "rtt", record->rtt_us);
		if (record->reply_ttl >= 0)
			put_int(out, "ttl", record->reply_ttl);
	} else if (record->outcome == OUTCOME_UNSENT) {
		put_text(out, "error", record->reason);
	} else {
		put_text(out, "x", "*");
	}
	json_out_close(out, '}');
	for (uint32_t i = 0; i < record->dup + record->late; i++) {
		json_out_open(out, '{');
		put_int(out, "dup", 1);
		json_out_close(out, '}');
	}
}

static void
put_mpls(struct json_out *out, const struct record_hop *hop)
{
	if (hop->mpls_count == 0)
		return;
	json_out_key(out, "icmpext");
	json_out_open(out, '{');
	put_int(out, "version", 2);
	put_int(out, "rfc4884", 1);
	json_out_key(out, "obj");
	json_out_open(out, '[');
	json_out_open(out, '{');
	put_int(out, "class", 1);
	put_int(out, "type", 1);
	json_out_key(out, "mpls");
	json_out_open(out, '[');
	for (size_t i = 0; i < hop->mpls_count; i++) {
		json_out_open(out, '{');
		put_int(out, "label", hop->mpls[i] >> 12);
		put_int(out, "exp", hop->mpls[i] >> 9 & 7);
		put_int(out, "s", hop->mpls[i] >> 8 & 1);
		put_int(out, "ttl", hop->mpls[i] & 255);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
	json_out_close(out, '}');
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static void
put_hop(struct json_out *out, const struct record_hop *hop, bool v6)
{
	json_out_open(out, '{');
	if (!addr_is_set(&hop->addr)) {
		put_text(out, "x", "*");
		json_out_close(out, '}');
		return;
	}
	put_addr(out, "from", &hop->addr);
	put_ms(out, "rtt", hop->rtt_us);
	if (hop->icmp_type == (v6 ? 1 : 3))
		put_int(out, "err", hop->icmp_code);
	if (hop->quoted_ttl >= 0 && hop->quoted_ttl != 1)
		put_int(out, "ittl", hop->quoted_ttl);
	put_mpls(out, hop);
	json_out_close(out, '}');
}

static void
put_hops(struct json_out *out, const struct record *record)
{
	json_out_key(out, "result");
	json_out_open(out, '[');
	if (record->outcome == OUTCOME_UNSENT) {
		json_out_open(out, '{');
		put_text(out, "error", record->reason);
		json_out_close(out, '}');
	}
	for (size_t i = 0; i < record->hop_count; i++) {
		const uint8_t ttl = record->hop[i].ttl;

		if (i == 0 || record->hop[i - 1].ttl != ttl) {
			json_out_open(out, '{');
			put_int(out, "hop", ttl);
			json_out_key(out, "result");
			json_out_open(out, '[');
		}
		put_hop(out, &record->hop[i], record->addr.af == 6);
		if (i + 1 == record->hop_count ||
		    record->hop[i + 1].ttl != ttl) {
			json_out_close(out, ']');
			json_out_close(out, '}');
		}
	}
	json_out_close(out, ']');
}

/* --- results --- */

static bool
belong_together(const struct record *a, const struct record *b)
{
	return a->type == b->type && a->proto == b->proto &&
	       a->port == b->port && addr_equal(&a->addr, &b->addr) &&
	       strcmp(a->target, b->target) == 0 &&
	       strcmp(a->question, b->question) == 0;
}

/* The records of one result, from the first on; how many there are. */
static size_t
gather(struct export *e, size_t first, size_t which[LIMIT_ATLAS_ANSWERS])
{
	size_t count = 0;

	for (size_t i = first; i < e->count && count < LIMIT_ATLAS_ANSWERS;
	     i++) {
		if (e->done[i] ||
		    !belong_together(&e->records[first], &e->records[i]))
			continue;
		e->done[i] = true;
		which[count++] = i;
	}
	return count;
}

static void
put_dns(struct json_out *out, struct export *e, size_t first)
{
	size_t which[LIMIT_ATLAS_ANSWERS];
	const size_t count = gather(e, first, which);

	put_head(out, e, &e->records[first], "dns");
	put_text(out, "msm_name", "Tdig");
	json_out_key(out, "resultset");
	json_out_open(out, '[');
	for (size_t i = 0; i < count; i++)
		if (!put_answer(out, &e->records[which[i]], (int64_t)i + 1))
			e->left_out++;
	json_out_close(out, ']');
}

struct totals {
	int64_t received, dups, min_us, max_us, sum_us, timed;
};

static void
add_packet(struct totals *totals, const struct record *record)
{
	const int64_t rtt_us = record->rtt_us;

	totals->dups += record->dup + record->late;
	totals->received += record->outcome == OUTCOME_ANSWERED;
	if (rtt_us < 0)
		return;
	if (totals->timed == 0 || rtt_us < totals->min_us)
		totals->min_us = rtt_us;
	if (rtt_us > totals->max_us)
		totals->max_us = rtt_us;
	totals->sum_us += rtt_us;
	totals->timed++;
}

static void
put_totals(struct json_out *out, const struct totals *totals, size_t sent)
{
	put_int(out, "sent", (int64_t)sent);
	put_int(out, "rcvd", totals->received);
	put_int(out, "dup", totals->dups);
	if (totals->timed == 0) {
		put_int(out, "min", -1);
		put_int(out, "avg", -1);
		put_int(out, "max", -1);
		return;
	}
	put_ms(out, "min", totals->min_us);
	put_ms(out, "avg", totals->sum_us / totals->timed);
	put_ms(out, "max", totals->max_us);
}

static void
put_ping(struct json_out *out, struct export *e, size_t first)
{
	size_t which[LIMIT_ATLAS_ANSWERS];
	const size_t count = gather(e, first, which);
	struct totals totals = { 0 };

	put_head(out, e, &e->records[first], "ping");
	put_ends(out, &e->records[first]);
	put_text(out, "msm_name", "Ping");
	json_out_key(out, "result");
	json_out_open(out, '[');
	for (size_t i = 0; i < count; i++) {
		add_packet(&totals, &e->records[which[i]]);
		put_packet(out, &e->records[which[i]]);
	}
	json_out_close(out, ']');
	put_totals(out, &totals, count);
}

static void
put_trace(struct json_out *out, struct export *e, size_t first)
{
	const struct record *record = &e->records[first];

	e->done[first] = true;
	put_head(out, e, record, "traceroute");
	put_ends(out, record);
	put_text(out, "msm_name", "Traceroute");
	put_int(out, "paris_id", record->flow.n);
	put_int(out, "endtime", seconds(record));
	put_hops(out, record);
}

static int
put_result(struct export *e, size_t first)
{
	static void (*const put[])(
	    struct json_out *, struct export *, size_t) = {
		[RECORD_DNS] = put_dns,
		[RECORD_ECHO] = put_ping,
		[RECORD_TRACE] = put_trace,
	};
	struct json_out out = json_out_over(e->text, RESULT_TEXT);
	size_t len;

	put[e->records[first].type](&out, e, first);
	json_out_close(&out, '}');
	if ((len = json_out_end(&out)) == 0) {
		e->left_out++;
		return 0;
	}
	e->results++;
	return fwrite(e->text, 1, len, e->stream) == len &&
		       putc('\n', e->stream) != EOF
		   ? 0
		   : -1;
}

/* What was asked by neither UDP nor TCP is no DNS result. */
static bool
has_place(const struct record *record)
{
	return record->type != RECORD_DNS || record->proto != PROTO_ICMP;
}

static int
put_batch(struct export *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (!has_place(&e->records[i])) {
			e->done[i] = true;
			e->left_out++;
		}
	for (size_t i = 0; i < e->count; i++)
		if (!e->done[i] && put_result(e, i) == -1)
			return -1;
	return 0;
}

/* --- batches --- */

static int
make_room(struct export *e, size_t count)
{
	struct record *records;
	bool *done;

	if (count > e->size) {
		records = reallocarray(e->records, count, sizeof(*records));
		if (records == NULL)
			return -1;
		e->records = records;
		if ((done = reallocarray(e->done, count, 1)) == NULL)
			return -1;
		e->done = done;
		e->size = count;
	}
	e->count = 0;
	memset(e->done, 0, e->size);
	return 0;
}

static int
read_batch(struct export *e, struct store *s, const struct query *q)
{
	const int64_t first = query_column_int(q, 5);
	const size_t count = (size_t)query_column_int(q, 6);
	struct row_reader *rows;
	char reason[128] = "";
	int more = 1;

	if (make_room(e, count) == -1)
		return -1;
	(void)text_copy(e->vp, sizeof(e->vp), query_column_text(q, 0));
	(void)text_copy(e->spool, sizeof(e->spool), query_column_text(q, 1));
	rows = row_reader_open(
	    s, query_column_int(q, 4), first, first + (int64_t)count - 1);
	while (rows != NULL && e->count < count && more == 1) {
		more = row_reader_next(
		    rows, &e->records[e->count], reason, sizeof(reason));
		e->count += more == 1;
	}
	row_reader_close(rows);
	if (e->count == count)
		return 0;
	log_warnx("%s %s number %lld: %s", e->vp, e->spool,
	    (long long)query_column_int(q, 2),
	    more == 0 ? "a row is missing" : reason);
	return -1;
}

static int
write_all(struct export *e, struct store *s, const char *vp)
{
	struct query q = query_once(s, import_batches);
	int code = EXIT_DONE;

	query_int(&q, PRUNED_RECORDS);
	while (code == EXIT_DONE && query_row(&q)) {
		if (query_column_int(&q, 9) != 0 ||
		    (vp != NULL && strcmp(vp, query_column_text(&q, 0)) != 0))
			continue;
		if (read_batch(e, s, &q) == -1)
			code = EXIT_STORAGE;
		else if (put_batch(e) == -1) {
			log_warn("export");
			code = EXIT_STORAGE;
		}
	}
	return query_end(&q) == STORE_OK ? code : EXIT_STORAGE;
}

int
export_ripe_atlas(const char *db, const char *vp, FILE *stream)
{
	struct export e = { .stream = stream };
	struct store *s;
	int code;

	if ((s = store_open_shadow(db, &code)) == NULL)
		return code;
	if ((e.text = malloc(RESULT_TEXT)) == NULL)
		code = EXIT_STORAGE;
	else
		code = write_all(&e, s, vp);
	if (fflush(stream) == EOF && code == EXIT_DONE) {
		log_warn("export");
		code = EXIT_STORAGE;
	}
	if (e.left_out > 0)
		log_warnx("%" PRIu64 " records have no place in a RIPE Atlas "
			  "result",
		    e.left_out);
	store_close(s);
	free(e.text);
	free(e.records);
	free(e.done);
	return code;
}
