#include "collector/import_accollect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/import_batch.h"
#include "collector/import_row.h"
#include "collector/import_writer.h"
#include "collector/settle.h"
#include "collector/statements_import.h"
#include "collector/store_note.h"
#include "collector/store_private.h"
#include "collector/store_site_list.h"
#include "lib/batch_head.h"
#include "lib/log.h"
#include "lib/text.h"

#define PRUNED_RECORDS 4 /* store.sql, batch.pruned */

struct import {
	struct import_writer writer;
	struct store *from;
	const char *path;
	struct record *records; /* of the batch at hand */
	size_t size;
	uint64_t empty, refused;
};

/* 0, or the exit code where a step of the store failed. */
static int
code_of(struct import *im, enum store_result result)
{
	if (result == STORE_OK)
		return 0;
	store_rollback(im->writer.store);
	im->writer.begun = false;
	return import_failed(&im->writer, result);
}

/* --- what the operator did --- */

/* A foreign row that cannot be is named and counted, and the rest goes on. */
static enum store_result
leave_out(
    struct import *im, const char *what, const char *whose, const char *why)
{
	log_warnx("%s: %s %s: %s", im->path, what, whose, why);
	im->refused++;
	return STORE_OK;
}

static bool
is_time(const struct query *q, int column)
{
	const int64_t us = query_column_int(q, column);

	return !query_column_is_null(q, column) && us >= 0 &&
	       us <= LIMIT_TIME_MAX_US;
}

/* Null is "". */
static bool
take_text(char *text, size_t size, const struct query *q, int column)
{
	const char *from = query_column_text(q, column);

	return (from[0] == '\0' || text_is_printable(from, size - 1)) &&
	       text_copy(text, size, from) == 0;
}

static bool
take_degrees(double *degrees, const struct query *q, int column, double max)
{
	*degrees = sqlite3_column_double(q->stmt, column);
	return *degrees >= -max && *degrees <= max;
}

/* NULL, or what is wrong with it. */
static const char *
read_place(struct vp_place *place, const struct query *q)
{
	*place = (struct vp_place){ .asn = -1 };
	if (!is_time(q, 1))
		return "since: no such time";
	place->since = wall_from_us(query_column_int(q, 1));
	place->has_position = !query_column_is_null(q, 2);
	if (!take_degrees(&place->lat, q, 2, 90) ||
	    !take_degrees(&place->lon, q, 3, 180))
		return "no such position";
	if (!take_text(place->region, sizeof(place->region), q, 4) ||
	    !take_text(place->country, sizeof(place->country), q, 5) ||
	    !take_text(place->city, sizeof(place->city), q, 6) ||
	    !take_text(place->tags, sizeof(place->tags), q, 8))
		return "not printable ASCII, or too long";
	if (!query_column_is_null(q, 7))
		place->asn = query_column_int(q, 7);
	return place->asn < -1 || place->asn > UINT32_MAX ? "no such network"
							  : NULL;
}

/* The row's first column; 0 where it is no name, which is said. */
static enum store_result
take_vp(struct import *im, const struct query *q, int64_t *vp)
{
	const char *name = query_column_text(q, 0);

	*vp = 0;
	if (!text_is_vp_name(name))
		return leave_out(im, "vantage point", name, "is no name");
	return store_vp(im->writer.store, name, true, vp);
}

static enum store_result
add_place(struct import *im, const struct query *q)
{
	struct vp_place place;
	const char *wrong;
	int64_t vp;
	enum store_result result = take_vp(im, q, &vp);

	if (result != STORE_OK || vp == 0 || query_column_is_null(q, 1))
		return result;
	if ((wrong = read_place(&place, q)) != NULL)
		return leave_out(
		    im, "place of", query_column_text(q, 0), wrong);
	return store_vp_place(im->writer.store, vp, &place);
}

static enum store_result
add_key(struct import *im, const struct query *q)
{
	const char *keyid = query_column_text(q, 1);
	int64_t vp;
	enum store_result result = take_vp(im, q, &vp);

	if (result != STORE_OK || vp == 0)
		return result;
	if (sqlite3_column_bytes(q->stmt, 2) != SIGN_PUBLIC_LEN)
		return leave_out(im, "key", keyid, "is none");
	if (!is_time(q, 3))
		return leave_out(im, "key", keyid, "since: no such time");
	result =
	    store_vp_key(im->writer.store, vp, sqlite3_column_blob(q->stmt, 2),
		wall_from_us(query_column_int(q, 3)));
	if (result == STORE_CONFLICT)
		return leave_out(
		    im, "key", keyid, "is another vantage point's here");
	return result == STORE_REFUSED ? leave_out(im, "key", keyid, "is none")
				       : result;
}

static enum store_result
revoke_key(struct import *im, const struct query *q)
{
	const char *keyid = query_column_text(q, 1);
	struct store_signed counts;
	enum store_result result;
	int64_t vp;

	if (query_column_is_null(q, 4))
		return STORE_OK;
	if (!is_time(q, 4))
		return leave_out(im, "key", keyid, "until: no such time");
	result =
	    store_vp(im->writer.store, query_column_text(q, 0), false, &vp);
	if (result == STORE_OK)
		result = store_vp_revoke(im->writer.store, vp, keyid,
		    wall_from_us(query_column_int(q, 4)), &counts);
	/* One that was not taken needs no end. */
	return result == STORE_UNKNOWN ? STORE_OK : result;
}

static enum store_result
add_note(struct import *im, const struct query *q)
{
	struct note note;

	if (!is_time(q, 0))
		return leave_out(
		    im, "note", query_column_text(q, 3), "no such time");
	note.t = wall_from_us(query_column_int(q, 0));
	if (!take_text(note.target, sizeof(note.target), q, 1) ||
	    !take_text(note.site, sizeof(note.site), q, 2) ||
	    !take_text(note.text, sizeof(note.text), q, 3))
		return leave_out(im, "note", query_column_text(q, 3),
		    "not printable ASCII, or too long");
	return store_note(im->writer.store, &note);
}

static enum store_result
add_site_list(struct import *im, const struct query *q)
{
	const struct site_list list = {
		.name = query_column_text(q, 0),
		.since_us = query_column_int(q, 1),
		.lines = query_column_text(q, 2),
	};
	char error[512];
	enum store_result result =
	    store_site_list(im->writer.store, &list, error, sizeof(error));

	if (result != STORE_REFUSED)
		return result;
	log_warnx("%s: site list: %s", im->path, error);
	im->refused++;
	return STORE_OK;
}

/* Do it for every row, in a transaction. */
static int
for_each(struct import *im, const char *sql,
    enum store_result (*take)(struct import *, const struct query *))
{
	struct query q;
	enum store_result result = STORE_OK, read;
	int code = import_begin(&im->writer);

	if (code != 0)
		return code;
	q = query_once(im->from, sql);
	while (result == STORE_OK && query_row(&q))
		result = take(im, &q);
	read = query_end(&q);
	code = code_of(im, result);
	if (code == 0 && read != STORE_OK)
		code = EXIT_STORAGE;
	return code == 0 ? import_commit(&im->writer) : code;
}

/* --- batches --- */

static int
make_room(struct import *im, size_t count)
{
	struct record *more;

	if (count <= im->size)
		return 0;
	more = reallocarray(im->records, count, sizeof(*more));
	if (more == NULL)
		return -1;
	im->records = more;
	im->size = count;
	return 0;
}

/* All records of a batch; 0, or -1 after a line of log. */
static int
read_records(struct import *im, const struct query *q)
{
	const int64_t first = query_column_int(q, 5);
	const size_t count = (size_t)query_column_int(q, 6);
	struct row_reader *rows;
	char reason[128] = "";
	size_t read = 0;
	int more = 1;

	if (make_room(im, count) == -1) {
		log_warnx("import: no memory");
		return -1;
	}
	rows = row_reader_open(im->from, query_column_int(q, 4), first,
	    first + (int64_t)count - 1);
	while (rows != NULL && read < count && more == 1) {
		more = row_reader_next(
		    rows, &im->records[read], reason, sizeof(reason));
		read += more == 1;
	}
	row_reader_close(rows);
	if (read == count)
		return 0;
	log_warnx("%s: %s %s number %lld, row %zu: %s", im->path,
	    query_column_text(q, 0), query_column_text(q, 1),
	    (long long)query_column_int(q, 2), read + 1,
	    more == 0 ? "is missing" : reason);
	return -1;
}

/* What the store takes as it is; NULL, or what is wrong with it. */
static const char *
find_wrong(const struct query *q)
{
	const char *spool = query_column_text(q, 1);
	const int64_t first = query_column_int(q, 5);
	const int64_t count = query_column_int(q, 6);

	if (!text_is_vp_name(query_column_text(q, 0)))
		return "vantage point: is no name";
	if (!text_is_printable(spool, IMPORT_SPOOL_MAX))
		return "spool: is no name";
	if (sqlite3_column_bytes(q->stmt, 3) != SIGN_SHA256_LEN)
		return "sha256: is none";
	if (!is_time(q, 4))
		return "t0: no such time";
	if (count < 0 || count > LIMIT_BATCH_RECORDS || first < 0 ||
	    first > INT64_MAX - LIMIT_BATCH_RECORDS)
		return "rows: cannot be so many, or there";
	return NULL;
}

static int
read_batch(struct import *im, const struct query *q, struct batch_head *head,
    struct store_batch *batch)
{
	const char *text = query_column_text(q, 7), *wrong = find_wrong(q);
	char reason[128];

	if (wrong == NULL && batch_head_from_json(head, text, strlen(text),
				 reason, sizeof(reason)) == -1)
		wrong = reason;
	if (wrong != NULL) {
		log_warnx("%s: %s %s number %lld: %s", im->path,
		    query_column_text(q, 0), query_column_text(q, 1),
		    (long long)query_column_int(q, 2), wrong);
		return -1;
	}
	memcpy(batch->sha256, sqlite3_column_blob(q->stmt, 3), SIGN_SHA256_LEN);
	batch->spool = query_column_text(q, 1);
	batch->number = query_column_int(q, 2);
	batch->head = head;
	if (!query_column_is_null(q, 8))
		batch->keyid = query_column_text(q, 8);
	return read_records(im, q);
}

/* A batch whose key does not hold here leaves nothing behind. */
static enum store_result
add_or_undo(struct store *to, const struct store_batch *batch,
    const struct record *records, size_t count)
{
	enum store_result result, ended;

	if ((result = store_save(to)) != STORE_OK)
		return result;
	result = store_add_batch(to, batch, records, count);
	ended = result == STORE_REVOKED ? store_undo(to) : store_keep(to);
	return ended == STORE_OK ? result : ended;
}

static int
add_batch(struct import *im, const struct query *q)
{
	struct store *to = im->writer.store;
	struct batch_head head;
	struct store_batch batch = { 0 };
	enum store_result result;

	if (query_column_int(q, 9) != 0) {
		im->empty++;
		return 0;
	}
	if (read_batch(im, q, &head, &batch) == -1) {
		im->refused++;
		return 0;
	}
	if ((result = store_vp(to, query_column_text(q, 0), true, &batch.vp)) !=
	    STORE_OK)
		return code_of(im, result);
	if ((result = add_or_undo(to, &batch, im->records,
		 (size_t)query_column_int(q, 6))) == STORE_REVOKED) {
		im->refused++;
		return 0;
	}
	return import_added(&im->writer, result);
}

static int
add_batches(struct import *im)
{
	struct query q = query_once(im->from, import_batches);
	int code = 0;

	query_int(&q, PRUNED_RECORDS);
	while (code == 0 && query_row(&q)) {
		if ((code = import_begin(&im->writer)) == 0)
			code = add_batch(im, &q);
		if (code == 0)
			code = import_commit_full(&im->writer);
	}
	if (query_end(&q) != STORE_OK && code == 0)
		code = EXIT_STORAGE;
	return code;
}

/* --- databases --- */

/* Keys are revoked last: what they signed before holds. */
static int
take_all(struct import *im)
{
	int code;

	if ((code = for_each(im, import_places, add_place)) != 0 ||
	    (code = for_each(im, import_keys, add_key)) != 0 ||
	    (code = for_each(im, import_notes, add_note)) != 0 ||
	    (code = for_each(im, import_site_lists, add_site_list)) != 0 ||
	    (code = add_batches(im)) != 0 ||
	    (code = import_commit(&im->writer)) != 0)
		return code;
	return for_each(im, import_keys, revoke_key);
}

static int
import_database(struct import *im, const char *path)
{
	int code;

	if (strcmp(path, im->writer.store->path) == 0) {
		log_warnx("%s: is the database to import into", path);
		return EXIT_BAD_USAGE;
	}
	if ((im->from = store_open_shadow(path, &code)) == NULL)
		return code;
	im->path = path;
	code = take_all(im);
	store_close(im->from);
	return code;
}

static int
finish(struct import *im)
{
	const struct wall always = { INT64_MAX };
	enum store_result result;
	int64_t left;

	result = settle_marked(im->writer.store, 0, always, &left);
	if (result != STORE_OK)
		return import_failed(&im->writer, result);
	return im->empty + im->refused + im->writer.conflicts == 0
		   ? 0
		   : EXIT_UNANSWERED;
}

int
import_accollect(struct store *store, char *const *files, size_t file_count)
{
	struct import im = { .writer = { .store = store } };
	int code = 0, file;

	for (size_t i = 0; i < file_count && !im.writer.failed; i++) {
		file = import_database(&im, files[i]);
		code = file > code ? file : code;
	}
	if (!im.writer.failed) {
		file = finish(&im);
		code = file > code ? file : code;
	}
	printf("%" PRIu64 " batches stored, %" PRIu64 " stored before, %" PRIu64
	       " in conflict, %" PRIu64 " without records any more, %" PRIu64
	       " not taken\n",
	    im.writer.stored, im.writer.duplicates, im.writer.conflicts,
	    im.empty, im.refused);
	free(im.records);
	return code;
}
