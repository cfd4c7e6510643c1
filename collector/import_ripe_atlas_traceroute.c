#include <stdbool.h>
#include <string.h>

#include "collector/import_ripe_atlas_error.h"
#include "collector/import_ripe_atlas_result.h"
#include "collector/import_ripe_atlas_values.h"
#include "lib/addr.h"
#include "lib/text.h"

/* A packet beyond the gap limit, sent to find the target at any distance. */
#define TTL_LAST 255

/* What evtraceroute writes for a code of Destination Unreachable. */
static const struct {
	char letter;
	int8_t v4, v6; /* codes of RFC 792 and RFC 4443; -1: none */
} unreachable[] = {
	{ 'N', 0, 0 },
	{ 'H', 1, 3 },
	{ 'P', 2, -1 },
	{ 'p', 3, 4 },
	{ 'A', 13, 1 },
	{ 'h', -1, 2 },
};

static bool
is_v6(const struct record *record)
{
	return record->addr.af == 6;
}

/* The code, or -1 where err says nothing that is known. */
static int
unreachable_code(const struct record *record, const json_t *err)
{
	const char *text = json_string_value(err);
	size_t i;

	if (json_is_integer(err) && json_integer_value(err) >= 0 &&
	    json_integer_value(err) <= UINT8_MAX)
		return (int)json_integer_value(err);
	for (i = 0;
	     text != NULL && i < sizeof(unreachable) / sizeof(unreachable[0]);
	     i++)
		if (text[0] == unreachable[i].letter && text[1] == '\0')
			return is_v6(record) ? unreachable[i].v6
					     : unreachable[i].v4;
	return -1;
}

/* --- MPLS --- */

static bool
entry_read(uint32_t *entry, const json_t *object)
{
	int64_t label = atlas_int(object, "label", -1);
	int64_t exp = atlas_int(object, "exp", -1);
	int64_t bottom = atlas_int(object, "s", -1);
	int64_t ttl = atlas_int(object, "ttl", -1);

	if (label < 0 || label > 0xfffff || exp < 0 || exp > 7 || bottom < 0 ||
	    bottom > 1 || ttl < 0 || ttl > UINT8_MAX)
		return false;
	*entry = (uint32_t)(label << 12 | exp << 9 | bottom << 8 | ttl);
	return true;
}

static void
mpls_read(struct record_hop *hop, const json_t *reply)
{
	const json_t *objects =
	    json_object_get(json_object_get(reply, "icmpext"), "obj");
	const json_t *stack, *object, *entry;
	size_t i, j;

	json_array_foreach(objects, i, object)
	{
		stack = json_object_get(object, "mpls");
		json_array_foreach(stack, j, entry)
		{
			if (hop->mpls_count < LIMIT_MPLS &&
			    entry_read(&hop->mpls[hop->mpls_count], entry))
				hop->mpls_count++;
		}
	}
}

/* --- hops --- */

static struct record_hop
hop_of_nobody(uint8_t ttl)
{
	return (struct record_hop){ .ttl = ttl,
		.rtt_us = -1,
		.icmp_type = -1,
		.icmp_code = -1,
		.quoted_ttl = -1 };
}

/* Which message came back: the probe writes it only where it is an error
 * other than Time Exceeded. */
static void
message_read(
    const struct record *record, struct record_hop *hop, const json_t *reply)
{
	const json_t *err = json_object_get(reply, "err");
	const bool v6 = is_v6(record);
	int64_t ttl;

	if (err != NULL) {
		hop->icmp_type = v6 ? 1 : 3;
		hop->icmp_code = (int16_t)unreachable_code(record, err);
		if (hop->icmp_code == -1)
			hop->icmp_type = -1;
		return;
	}
	if (addr_equal(&hop->addr, &record->addr))
		return; /* the target itself */
	hop->icmp_type = v6 ? 3 : 11;
	hop->icmp_code = 0;
	ttl = atlas_int(reply, "ittl", 1);
	if (ttl >= 0 && ttl <= UINT8_MAX)
		hop->quoted_ttl = (int16_t)ttl;
}

static bool
hop_read(
    const struct record *record, struct record_hop *hop, const json_t *reply)
{
	hop->rtt_us = atlas_rtt_us(reply, "rtt");
	if (hop->rtt_us == -1 ||
	    addr_parse(&hop->addr, atlas_text(reply, "from")) == -1)
		return false;
	message_read(record, hop, reply);
	mpls_read(hop, reply);
	return true;
}

/* Of several packets of one TTL the quickest from each address stands for
 * all of them. */
static struct record_hop *
same_hop(struct record *record, const struct record_hop *hop)
{
	struct record_hop *before;
	size_t i;

	for (i = record->hop_count; i > 0; i--) {
		before = &record->hop[i - 1];
		if (before->ttl != hop->ttl)
			return NULL;
		if (addr_equal(&before->addr, &hop->addr))
			return before;
	}
	return NULL;
}

static enum atlas_fault
hop_add(struct record *record, const struct record_hop *hop)
{
	struct record_hop *before = same_hop(record, hop);

	if (before != NULL) {
		if (hop->rtt_us < before->rtt_us)
			*before = *hop;
		return ATLAS_OK;
	}
	if (record->hop_count == LIMIT_HOPS)
		return ATLAS_TOO_MANY;
	record->hop[record->hop_count++] = *hop;
	return ATLAS_OK;
}

/* Neither a hop nor one of the ways to say that there was none. */
static bool
says_nothing(const json_t *reply)
{
	return json_object_get(reply, "x") == NULL &&
	       json_object_get(reply, "error") == NULL;
}

static enum atlas_fault
replies_read(struct atlas_result *result, uint8_t ttl, const json_t *replies)
{
	struct record *record = &result->records[result->count];
	struct record_hop hop;
	enum atlas_fault fault = ATLAS_OK;
	const json_t *reply;
	bool answered = false;
	size_t i;

	json_array_foreach(replies, i, reply)
	{
		hop = hop_of_nobody(ttl);
		if (json_object_get(reply, "late") != NULL) {
			record->late++;
		} else if (json_object_get(reply, "dup") != NULL) {
			record->dup++;
		} else if (hop_read(record, &hop, reply)) {
			answered = true;
			fault = hop_add(record, &hop);
		} else if (says_nothing(reply)) {
			result->unread[ATLAS_NO_REPLY]++;
		}
		if (fault != ATLAS_OK)
			return fault;
	}
	hop = hop_of_nobody(ttl);
	return answered || ttl == TTL_LAST ? ATLAS_OK : hop_add(record, &hop);
}

static enum atlas_fault
hops_read(struct atlas_result *result, const json_t *hops)
{
	struct record *record = &result->records[result->count];
	enum atlas_fault fault = ATLAS_OK;
	const json_t *object;
	int64_t ttl;
	size_t i;

	json_array_foreach(hops, i, object)
	{
		ttl = atlas_int(object, "hop", -1);
		if (json_object_get(object, "error") != NULL && i == 0) {
			atlas_error_of_text(
			    record, atlas_text(object, "error"));
			return ATLAS_OK;
		}
		if (ttl < 1 || ttl > UINT8_MAX)
			continue;
		fault = replies_read(
		    result, (uint8_t)ttl, json_object_get(object, "result"));
		if (fault != ATLAS_OK)
			break;
	}
	return fault;
}

/* --- the whole path --- */

static void
set_reached(struct record *record, const struct record_hop *hop)
{
	record->outcome = OUTCOME_ANSWERED;
	record->rtt_us = hop->rtt_us;
	record->stamp = STAMP_USER;
	record->auth_bits = 0; /* what was checked it does not say */
}

static void
set_refused(struct record *record, const struct record_hop *hop)
{
	const bool port = hop->icmp_code == (is_v6(record) ? 4 : 3);

	record->outcome = port ? OUTCOME_REFUSED : OUTCOME_UNREACHABLE;
	(void)text_print(record->reason, sizeof(record->reason), "icmp %d/%d",
	    hop->icmp_type, hop->icmp_code);
}

static bool
is_target(const struct record *record, const struct record_hop *hop)
{
	return hop->addr.af != 0 && addr_equal(&hop->addr, &record->addr) &&
	       hop->icmp_type == -1;
}

/* The target decides where it answered; else the first router that refused
 * to go on. */
static void
outcome_set(struct record *record)
{
	const int16_t refusal = is_v6(record) ? 1 : 3;
	size_t i;

	if (record->outcome == OUTCOME_UNSENT)
		return;
	record->outcome = OUTCOME_TIMEOUT;
	for (i = 0; i < record->hop_count; i++)
		if (is_target(record, &record->hop[i])) {
			set_reached(record, &record->hop[i]);
			return;
		}
	for (i = 0; i < record->hop_count; i++)
		if (record->hop[i].icmp_type == refusal) {
			set_refused(record, &record->hop[i]);
			return;
		}
}

static void
flow_read(struct record *record, const struct atlas_reading *r)
{
	int64_t paris = atlas_int(r->object, "paris_id", 0);

	/* A Paris id keeps the flow; each is a flow of its own. */
	if (paris > 0 && paris < LIMIT_FLOWS)
		record->flow.n = (int)paris;
}

static void
digest_write(const struct atlas_reading *r, const struct record *record)
{
	char addr[ADDR_TEXT];
	size_t i;

	(void)fprintf(r->digest, "%lld %s %s %d %d %s %u %u\n",
	    (long long)record->t.ns, addr_format(addr, &record->addr),
	    proto_name(record->proto), record->flow.n, (int)record->outcome,
	    record->reason, record->late, record->dup);
	for (i = 0; i < record->hop_count; i++) {
		const struct record_hop *hop = &record->hop[i];

		(void)fprintf(r->digest, "%u %s %lld %d/%d %d %u\n", hop->ttl,
		    addr_format(addr, &hop->addr), (long long)hop->rtt_us,
		    hop->icmp_type, hop->icmp_code, hop->quoted_ttl,
		    hop->mpls_count > 0 ? hop->mpls[0] : 0);
	}
}

enum atlas_fault
atlas_traceroute_read(struct atlas_reading *r)
{
	const json_t *hops = json_object_get(r->object, "result");
	struct record *record = atlas_record_begin(r, RECORD_TRACE, "trace");
	enum atlas_fault fault;

	if (!json_is_array(hops) || json_array_size(hops) == 0)
		return ATLAS_NO_HOPS;
	flow_read(record, r);
	if ((fault = hops_read(r->result, hops)) != ATLAS_OK)
		return fault;
	if (record->hop_count == 0 && record->outcome != OUTCOME_UNSENT)
		return ATLAS_NO_HOPS;
	outcome_set(record);
	digest_write(r, record);
	r->result->count++;
	return ATLAS_OK;
}
