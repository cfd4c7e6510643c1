#include "probe/identify.h"

#include <stdlib.h>
#include <string.h>

#include "lib/escape.h"
#include "lib/json_out.h"
#include "lib/text.h"

#define ATTACK_REPLIES 100

static int
compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t
median_us(int64_t *values, size_t count)
{
	if (count == 0)
		return -1;
	qsort(values, count, sizeof(*values), compare_int64);
	if (count % 2 == 1)
		return values[count / 2];
	return (values[count / 2 - 1] + values[count / 2] + 1) / 2;
}

static bool
is_timed(const struct record *r)
{
	return r->type == RECORD_DNS && r->retry_of == -1 &&
	       strcmp(r->question, "soa") == 0;
}

/* The name that a record gives under the identity's method; NULL: none. */
static const struct record_bytes *
named_by(const struct record *r, const struct identity *id)
{
	const struct record_bytes *bytes;

	if (record_identity(r, &bytes) != id->method ||
	    (id->method == IDENTITY_NAME &&
		strcmp(r->question, id->question) != 0))
		return NULL;
	return bytes;
}

/* What was asked again may have gone another way, over TCP: it names the
 * instance only where nothing else does. */
static bool
is_aside(const struct record *r, bool retries)
{
	return r->retry_of != -1 && !retries;
}

/* How good a method is, the lower the better: the service's, then the usual
 * order. */
static size_t
rank_of(const struct identify_by *by, enum identity_method method,
    const char *question)
{
	const char *name = identity_method_name(method, question);
	size_t i;

	for (i = 0; i < by->order_count; i++) {
		if (strcmp(by->order[i], name) == 0)
			return i;
	}
	return by->order_count + (size_t)method;
}

/* The best method by which any record has a name. */
static void
choose_method(struct identity *id, const struct record *const *records,
    size_t count, const struct identify_by *by)
{
	const struct record_bytes *bytes;
	size_t best = SIZE_MAX, rank, i;

	for (i = 0; i < count; i++) {
		const char *question = records[i]->question;
		enum identity_method m = record_identity(records[i], &bytes);

		if (m == IDENTITY_NONE || is_aside(records[i], id->retries))
			continue;
		rank = rank_of(by, m, question);
		if (rank >= best)
			continue;
		best = rank;
		id->method = m;
		(void)text_copy(id->question, sizeof(id->question),
		    m == IDENTITY_NAME ? question : "");
	}
}

static void
find_site(const struct site_map *map, const char *target,
    const struct record_bytes *instance, struct site *site)
{
	char text[4 * LIMIT_IDENTITY + 1];

	memset(site, 0, sizeof(*site));
	if (!instance->present)
		return;
	(void)escape_text(text, sizeof(text), instance->bytes, instance->len);
	if (!site_map_find(map, target, text, site))
		memset(site, 0, sizeof(*site));
}

/* Where two names are: the same site, or without a map the same name. */
static bool
same_place(const struct site_map *map, const char *target,
    const struct record_bytes *a, const struct record_bytes *b)
{
	struct site site_a, site_b;

	if (a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0)
		return true;
	find_site(map, target, a, &site_a);
	find_site(map, target, b, &site_b);
	return site_a.name[0] != '\0' && strcmp(site_a.name, site_b.name) == 0;
}

/* What one flow shows over its repeats. */
struct flow_history {
	int named, flips;
	const struct record_bytes *first, *last;
};

static void
read_flow(struct identity *id, struct identity_flow *flow,
    const struct record *const *records, size_t count,
    const struct site_map *map, struct flow_history *history)
{
	int64_t rtts[LIMIT_COUNT];
	size_t i, rtt_count = 0;
	const struct record_bytes *name;
	struct site site;

	memset(history, 0, sizeof(*history));
	for (i = 0; i < count; i++) {
		const struct record *r = records[i];

		if (r->flow.n != flow->n || r->type != RECORD_DNS)
			continue;
		if (is_timed(r)) {
			flow->sport = r->flow.sport;
			flow->asked += r->outcome != OUTCOME_UNSENT;
			flow->answered += r->outcome == OUTCOME_ANSWERED;
			if (r->rtt_us >= 0 && rtt_count < LIMIT_COUNT)
				rtts[rtt_count++] = r->rtt_us;
		}
		if (is_aside(r, id->retries) ||
		    (name = named_by(r, id)) == NULL)
			continue;
		if (history->named++ == 0)
			history->first = name;
		else if (!same_place(map, id->target, history->last, name))
			history->flips++;
		history->last = name;
	}
	flow->rtt_us = median_us(rtts, rtt_count);
	if (history->last != NULL)
		flow->instance = *history->last;
	find_site(map, id->target, &flow->instance, &site);
	(void)text_copy(flow->site, sizeof(flow->site), site.name);
}

static enum verdict
judge(const struct identity *id, const struct flow_history *history,
    const struct site_map *map)
{
	int most_flips = 0;
	bool differ = false, changed = false;
	const struct record_bytes *one = NULL;
	size_t i;

	for (i = 0; i < id->flow_count; i++) {
		if (history[i].named == 0)
			continue;
		if (history[i].flips > most_flips)
			most_flips = history[i].flips;
		changed = changed || history[i].flips > 0;
		if (one == NULL)
			one = history[i].last;
		else if (!same_place(map, id->target, one, history[i].last))
			differ = true;
	}
	if (one == NULL)
		return VERDICT_NONE;
	if (most_flips > 1)
		return VERDICT_PER_PACKET;
	if (changed)
		return VERDICT_CHANGED;
	return differ ? VERDICT_PER_FLOW : VERDICT_STABLE;
}

static void
list_flows(
    struct identity *id, const struct record *const *records, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		if (records[i]->type != RECORD_DNS ||
		    records[i]->retry_of != -1)
			continue;
		for (j = 0; j < id->flow_count; j++) {
			if (id->flow[j].n == records[i]->flow.n)
				break;
		}
		if (j == id->flow_count && j < LIMIT_FLOWS) {
			memset(&id->flow[j], 0, sizeof(id->flow[j]));
			id->flow[j].n = records[i]->flow.n;
			id->flow[j].sport = records[i]->flow.sport;
			id->flow_count++;
		}
	}
}

void
identify(struct identity *id, const struct record *const *records, size_t count,
    const struct identify_by *by)
{
	const struct site_map *map = by->map;
	struct flow_history history[LIMIT_FLOWS];
	size_t i;

	/* Flows are cleared as they are found: they are 38 KB. */
	memset(id, 0, offsetof(struct identity, flow));
	id->rtt_us = id->port = -1;
	if (count == 0)
		return;
	(void)text_copy(id->target, sizeof(id->target), records[0]->target);
	id->addr = records[0]->addr;
	for (i = 0; i < count && id->port == -1; i++)
		id->port = records[i]->port;
	for (i = 0; i < count; i++) {
		id->unwanted += records[i]->unwanted;
		id->foreign += foreign_replies(records[i]);
	}
	choose_method(id, records, count, by);
	id->retries = id->method == IDENTITY_NONE;
	if (id->retries)
		choose_method(id, records, count, by);
	list_flows(id, records, count);
	for (i = 0; i < id->flow_count; i++) {
		read_flow(id, &id->flow[i], records, count, map, &history[i]);
		if (id->flow[i].n != 0)
			continue;
		id->instance = id->flow[i].instance;
		id->rtt_us = id->flow[i].rtt_us;
	}
	find_site(map, id->target, &id->instance, &id->site);
	id->verdict = judge(id, history, map);
}

bool
is_attack(uint32_t foreign)
{
	return foreign >= ATTACK_REPLIES;
}

uint32_t
foreign_replies(const struct record *record)
{
	return record->proto == PROTO_TCP ? 0 : record->unwanted;
}

bool
identity_is_attacked(const struct identity *id)
{
	return is_attack(id->foreign);
}

const char *
verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_STABLE] = "stable",
		[VERDICT_PER_FLOW] = "per-flow",
		[VERDICT_PER_PACKET] = "per-packet",
		[VERDICT_CHANGED] = "changed-in-run",
	};

	return verdict == VERDICT_NONE ? NULL : names[verdict];
}

/* --- JSON --- */

static void
put_bytes(
    struct json_out *out, const char *key, const struct record_bytes *bytes)
{
	json_out_key(out, key);
	if (bytes->present)
		json_out_bytes(out, bytes->bytes, bytes->len);
	else
		json_out_null(out);
}

static void
put_flow(struct json_out *out, const struct identity_flow *flow)
{
	json_out_open(out, '{');
	json_out_key(out, "n");
	json_out_int(out, flow->n);
	json_out_key(out, "sport");
	json_out_int_or_null(out, flow->sport);
	put_bytes(out, "instance", &flow->instance);
	json_out_key(out, "site");
	json_out_text_or_null(out, flow->site);
	json_out_key(out, "asked");
	json_out_int(out, flow->asked);
	json_out_key(out, "answered");
	json_out_int(out, flow->answered);
	json_out_key(out, "rtt_us");
	json_out_int_or_null(out, flow->rtt_us);
	json_out_close(out, '}');
}

static void
put_head(struct json_out *out, const struct identity *id)
{
	const char *method = identity_method_name(id->method, id->question);

	json_out_key(out, "type");
	json_out_text(out, "identity");
	json_out_key(out, "target");
	json_out_text(out, id->target);
	json_out_key(out, "addr");
	json_out_addr(out, &id->addr);
	json_out_key(out, "port");
	json_out_int_or_null(out, id->port);
	json_out_key(out, "af");
	json_out_int(out, id->addr.af);
	put_bytes(out, "instance", &id->instance);
	json_out_key(out, "instance_hex");
	if (id->instance.present)
		json_out_hex(out, id->instance.bytes, id->instance.len);
	else
		json_out_null(out);
	json_out_key(out, "method");
	json_out_text_or_null(out, id->method == IDENTITY_NONE ? NULL : method);
}

size_t
identity_to_json(const struct identity *id, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);
	size_t i;

	json_out_open(&out, '{');
	put_head(&out, id);
	json_out_key(&out, "site");
	json_out_text_or_null(&out, id->site.name);
	json_out_key(&out, "rtt_us");
	json_out_int_or_null(&out, id->rtt_us);
	json_out_key(&out, "verdict");
	json_out_text_or_null(&out, verdict_name(id->verdict));
	json_out_key(&out, "flows");
	json_out_open(&out, '[');
	for (i = 0; i < id->flow_count; i++)
		put_flow(&out, &id->flow[i]);
	json_out_close(&out, ']');
	json_out_key(&out, "unwanted");
	json_out_int(&out, id->unwanted);
	json_out_key(&out, "attacked");
	json_out_bool(&out, identity_is_attacked(id));
	json_out_close(&out, '}');
	return json_out_end(&out);
}
