#include "collector/import_row.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "collector/statements_import.h"
#include "lib/text.h"

struct row_reader {
	struct query query;
	int64_t t0;
};

enum column {
	DT_US,
	TARGET,
	ADDRESS,
	PORT,
	PROTO,
	QUESTION,
	OUTCOME,
	RTT_US,
	STAMP,
	TTL,
	RCODE,
	SIZE,
	DETAIL,
	REPLY,
	HOPS,
	HOP_TIMES,
	RAW,
};

/* --- columns --- */

static int64_t
int_or(const struct query *q, int column, int64_t otherwise)
{
	return query_column_is_null(q, column) ? otherwise
					       : query_column_int(q, column);
}

static void
read_type(struct record *record, const json_t *detail)
{
	const char *type = json_string_value(json_object_get(detail, "type"));

	for (int i = RECORD_DNS; type != NULL && i <= RECORD_TRACE; i++)
		if (strcmp(type, record_type_name((enum record_type)i)) == 0)
			record->type = (enum record_type)i;
}

static void
read_proto(struct record *record, const char *proto)
{
	for (int i = PROTO_UDP; i <= PROTO_ICMP; i++)
		if (strcmp(proto, proto_name((enum proto)i)) == 0)
			record->proto = (enum proto)i;
}

static void
read_raw(struct record *record, const struct query *q)
{
	const int len = sqlite3_column_bytes(q->stmt, RAW);

	if (len <= 0 || len > LIMIT_RAW_REPLY)
		return;
	record->dns.raw_len = (uint16_t)len;
	memcpy(record->dns.raw, sqlite3_column_blob(q->stmt, RAW), (size_t)len);
}

/* What is added up, an index or cut short before anybody looks; the rest is
 * judged as any record's. NULL, or what is wrong with it. */
static const char *
find_wrong(const struct query *q)
{
	static const struct {
		int column;
		int64_t min, max;
		const char *wrong;
	} bounds[] = {
		{ DT_US, 0, LIMIT_BATCH_SPAN_US, "no such time" },
		{ OUTCOME, 0, OUTCOME_COUNT - 1, "no such outcome" },
		{ STAMP, STAMP_NONE, STAMP_USER, "no such stamp" },
		{ PORT, -1, UINT16_MAX, "no such port" },
		{ TTL, 0, UINT8_MAX, "no such TTL" },
		{ RCODE, 0, UINT16_MAX, "no such rcode" },
		{ SIZE, 0, INT32_MAX, "no such size" },
	};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const int64_t value = query_column_int(q, bounds[i].column);

		if (!query_column_is_null(q, bounds[i].column) &&
		    (value < bounds[i].min || value > bounds[i].max))
			return bounds[i].wrong;
	}
	return NULL;
}

static void
read_columns(struct record *record, const struct row_reader *reader)
{
	const struct query *q = &reader->query;

	record->t = wall_from_us(reader->t0 + query_column_int(q, DT_US));
	(void)text_copy(record->target, sizeof(record->target),
	    query_column_text(q, TARGET));
	(void)addr_parse(&record->addr, query_column_text(q, ADDRESS));
	record->port = (int32_t)query_column_int(q, PORT);
	read_proto(record, query_column_text(q, PROTO));
	(void)text_copy(record->question, sizeof(record->question),
	    query_column_text(q, QUESTION));
	record->outcome = (enum outcome)query_column_int(q, OUTCOME);
	record->rtt_us = int_or(q, RTT_US, -1);
	record->stamp = (enum stamp_source)int_or(q, STAMP, STAMP_NONE);
	record->reply_ttl = (int16_t)int_or(q, TTL, -1);
	record->dns.rcode = (int32_t)int_or(q, RCODE, -1);
	record->dns.size = (int32_t)int_or(q, SIZE, -1);
	read_raw(record, q);
}

/* --- texts that were kept once --- */

static json_t *
column_json(const struct query *q, int column)
{
	return json_loads(query_column_text(q, column), 0, NULL);
}

/* Null where the store leaves a key out. */
static json_t *
whole_hop(json_t *hop, json_t *time)
{
	json_t *whole = json_pack("{s:n, s:n, s:n, s:n, s:n, s:i}", "addr",
	    "rtt_us", "icmp", "quoted_ttl", "mpls", "auth_bits", 0);

	if (whole == NULL || json_object_update(whole, hop) == -1 ||
	    (time != NULL && json_object_set(whole, "rtt_us", time) == -1)) {
		json_decref(whole);
		return NULL;
	}
	return whole;
}

static int
put_hops(json_t *object, const struct query *q)
{
	json_t *hops = column_json(q, HOPS), *times = column_json(q, HOP_TIMES);
	json_t *whole = json_array(), *hop;
	int status = 0;
	size_t i;

	json_array_foreach(hops, i, hop)
	{
		if (json_array_append_new(
			whole, whole_hop(hop, json_array_get(times, i))) == -1)
			status = -1;
	}
	if (json_object_set_new(object, "hops", whole) == -1)
		status = -1;
	json_decref(hops);
	json_decref(times);
	return status;
}

static int
put_texts(json_t *object, json_t *detail, const struct query *q)
{
	json_t *reply;
	int status = 0;

	if (json_object_update_recursive(object, detail) == -1)
		return -1;
	if (!query_column_is_null(q, REPLY)) {
		reply = column_json(q, REPLY);
		status = json_object_update(object, reply);
		json_decref(reply);
	}
	if (status == 0 && !query_column_is_null(q, HOPS))
		status = put_hops(object, q);
	return status;
}

/* The record's own JSON with the texts laid over it, read as any other. */
static int
lay_over(struct record *record, json_t *detail, const struct query *q,
    char *error, size_t error_size)
{
	char *line = malloc(LIMIT_RECORD_LINE);
	json_t *object = NULL;
	char *text = NULL;
	int status = -1;

	(void)text_copy(error, error_size, "a text in it is no JSON");
	if (line != NULL && record_to_json(record, line, LIMIT_RECORD_LINE) > 0)
		object = json_loads(line, 0, NULL);
	if (object != NULL && put_texts(object, detail, q) == 0)
		text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text != NULL)
		status = record_from_json(
		    record, text, strlen(text), error, error_size);
	free(text);
	json_decref(object);
	free(line);
	return status;
}

/* --- the reader --- */

struct row_reader *
row_reader_open(struct store *s, int64_t t0, int64_t first, int64_t last)
{
	struct row_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->t0 = t0;
	reader->query = query_once(s, import_rows);
	query_int(&reader->query, first);
	query_int(&reader->query, last);
	return reader;
}

int
row_reader_next(struct row_reader *reader, struct record *record, char *error,
    size_t error_size)
{
	const char *wrong;
	json_t *detail;
	int status;

	error[0] = '\0';
	if (!query_row(&reader->query))
		return reader->query.rc == SQLITE_DONE ? 0 : -1;
	if ((wrong = find_wrong(&reader->query)) != NULL) {
		(void)text_copy(error, error_size, wrong);
		return -1;
	}
	detail = column_json(&reader->query, DETAIL);
	record_init(record);
	read_type(record, detail);
	read_columns(record, reader);
	status = lay_over(record, detail, &reader->query, error, error_size);
	json_decref(detail);
	return status == 0 ? 1 : -1;
}

void
row_reader_close(struct row_reader *reader)
{
	if (reader == NULL)
		return;
	(void)query_end(&reader->query);
	free(reader);
}
