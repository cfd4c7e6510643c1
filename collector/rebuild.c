#include "collector/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/archive.h"
#include "collector/contested.h"
#include "collector/import_batch.h"
#include "collector/ingest.h"
#include "collector/settle.h"
#include "collector/store_address.h"
#include "collector/store_note.h"
#include "collector/store_private.h"
#include "collector/store_site_list.h"
#include "lib/json_in.h"
#include "lib/log.h"
#include "lib/text.h"

/* Entries that are not batches share transactions of this many. */
#define PER_COMMIT 500

struct rebuild {
	struct store *store;
	struct contested contested;
	int open; /* entries in the transaction that is open */
	int64_t stored, repeated, refused, acts, damaged;
	bool opened;
	bool again; /* contested is known */
};

static enum store_result
begin(struct rebuild *r)
{
	return r->open++ == 0 ? store_begin(r->store) : STORE_OK;
}

static enum store_result
commit(struct rebuild *r)
{
	if (r->open == 0)
		return STORE_OK;
	r->open = 0;
	return store_commit(r->store);
}

static void
refuse(struct rebuild *r, const struct archive_entry *entry, const char *reason)
{
	log_warnx("archive: %s, byte %lld: %s: %s", entry->file,
	    (long long)entry->at, entry->kind, reason);
	r->refused++;
}

/* What stands later in the archive is what the database had. */
static enum store_result
contest(struct rebuild *r, const struct archive_entry *entry)
{
	if (contested_note(&r->contested, entry) == 0)
		return STORE_OK;
	log_warnx("rebuild: no memory");
	return STORE_BROKEN;
}

static enum store_result
restore_batch(struct rebuild *r, const struct archive_entry *entry)
{
	struct ingest_result result;
	enum store_result committed = commit(r);

	if (committed != STORE_OK)
		return committed;
	ingest_batch(r->store, entry->bytes, entry->len, &result);
	switch (result.verdict) {
	case INGEST_STORED:
		r->stored++;
		return STORE_OK;
	case INGEST_DUPLICATE:
		r->repeated++;
		contested_again(&r->contested, entry);
		return STORE_OK;
	case INGEST_CONFLICT:
		return contest(r, entry);
	case INGEST_BUSY:
		return STORE_BUSY;
	case INGEST_FULL:
		return STORE_FULL;
	case INGEST_BROKEN:
		return STORE_BROKEN;
	default:
		refuse(r, entry, result.reason);
		return STORE_OK;
	}
}

static enum store_result
restore_import(struct rebuild *r, const struct archive_entry *entry)
{
	char reason[200] = "";
	enum store_result result = begin(r);

	if (result != STORE_OK)
		return result;
	if ((result = store_save(r->store)) != STORE_OK)
		return result;
	result = import_batch_restore(r->store, (const char *)entry->bytes,
	    entry->len, reason, sizeof(reason));
	if (result == STORE_OK) {
		if ((result = store_keep(r->store)) != STORE_OK)
			return result;
		r->stored++;
		return r->open < PER_COMMIT ? STORE_OK : commit(r);
	}
	if (result != STORE_DUPLICATE && result != STORE_CONFLICT &&
	    result != STORE_REFUSED)
		return result;
	if (result == STORE_DUPLICATE) {
		r->repeated++;
		contested_again(&r->contested, entry);
	} else if (result == STORE_CONFLICT) {
		if ((result = contest(r, entry)) != STORE_OK)
			return result;
	} else
		refuse(r, entry,
		    reason[0] == '\0' ? store_result_name(result) : reason);
	/* What was read of it before the fault is taken back. */
	return store_undo(r->store);
}

static void
read_degrees(const struct json_in *in, const char *key, double max,
    double *value, bool *has)
{
	char text[32] = "";

	*has = false;
	if (json_in_value(in, key, false) == NULL)
		return;
	json_in_text(in, key, text, sizeof(text));
	if (text_double(value, text, -max, max) == -1)
		json_in_fail(in, key, "is no position");
	else
		*has = true;
}

static enum store_result
restore_place(struct rebuild *r, const struct json_in *in, int64_t vp)
{
	struct vp_place place = { 0 };
	bool has_lon;

	place.since =
	    wall_from_us(json_in_int(in, "since_us", 0, LIMIT_TIME_MAX_US));
	read_degrees(in, "lat", 90, &place.lat, &place.has_position);
	read_degrees(in, "lon", 180, &place.lon, &has_lon);
	place.has_position &= has_lon;
	json_in_text_or_null(in, "region", place.region, sizeof(place.region));
	json_in_text_or_null(
	    in, "country", place.country, sizeof(place.country));
	json_in_text_or_null(in, "city", place.city, sizeof(place.city));
	json_in_text_or_null(in, "tags", place.tags, sizeof(place.tags));
	place.asn = json_in_int_or_null(in, "asn", 0, UINT32_MAX);
	return json_in_failed(in) ? STORE_REFUSED
				  : store_vp_place(r->store, vp, &place);
}

static enum store_result
restore_key(struct rebuild *r, const struct json_in *in, int64_t vp)
{
	uint8_t key[SIGN_PUBLIC_LEN];
	char hex[2 * SIGN_PUBLIC_LEN + 1] = "";
	struct wall since;
	size_t len;

	json_in_text(in, "public", hex, sizeof(hex));
	since = wall_from_us(json_in_int(in, "since_us", 0, LIMIT_TIME_MAX_US));
	if (json_in_failed(in))
		return STORE_REFUSED;
	if (text_unhex(key, sizeof(key), &len, hex) == -1 ||
	    len != sizeof(key)) {
		json_in_fail(in, "public", "is no key");
		return STORE_REFUSED;
	}
	return store_vp_key(r->store, vp, key, since);
}

static enum store_result
restore_revoke(struct rebuild *r, const struct json_in *in, int64_t vp)
{
	char keyid[SIGN_KEYID_TEXT] = "";
	struct store_signed count;
	struct wall until;

	json_in_text(in, "keyid", keyid, sizeof(keyid));
	until = wall_from_us(json_in_int(in, "until_us", 0, LIMIT_TIME_MAX_US));
	if (json_in_failed(in))
		return STORE_REFUSED;
	return store_vp_revoke(r->store, vp, keyid, until, &count);
}

static enum store_result
restore_seen(struct rebuild *r, const struct json_in *in, int64_t vp)
{
	char text[ADDR_TEXT] = "";
	struct addr addr;
	struct wall since;

	json_in_text(in, "address", text, sizeof(text));
	since = wall_from_us(json_in_int(in, "since_us", 0, LIMIT_TIME_MAX_US));
	if (!json_in_failed(in) && addr_parse(&addr, text) == -1)
		json_in_fail(in, "address", "is none");
	return json_in_failed(in) ? STORE_REFUSED
				  : store_vp_seen(r->store, vp, &addr, since);
}

static enum store_result
restore_note(struct rebuild *r, const struct json_in *in)
{
	struct note note = { 0 };

	note.t = wall_from_us(json_in_int(in, "t_us", 0, LIMIT_TIME_MAX_US));
	json_in_text_or_null(in, "target", note.target, sizeof(note.target));
	json_in_text_or_null(in, "site", note.site, sizeof(note.site));
	json_in_text(in, "text", note.text, sizeof(note.text));
	return json_in_failed(in) ? STORE_REFUSED : store_note(r->store, &note);
}

static enum store_result
do_act(struct rebuild *r, const struct json_in *in)
{
	static const char *const acts[] = { "vp", "place", "key", "revoke",
		"seen", "note" };
	char name[LIMIT_VP_NAME + 1] = "";
	const int act = json_in_name(in, "act", acts, 6);
	enum store_result result;
	int64_t vp;

	if (act == 5)
		return restore_note(r, in);
	json_in_text(in, "vp", name, sizeof(name));
	if (!json_in_failed(in) && !text_is_vp_name(name))
		json_in_fail(in, "vp", "is no name");
	if (json_in_failed(in))
		return STORE_REFUSED;
	if ((result = store_vp(r->store, name, true, &vp)) != STORE_OK)
		return result;
	if (act == 1)
		return restore_place(r, in, vp);
	if (act == 2)
		return restore_key(r, in, vp);
	if (act == 3)
		return restore_revoke(r, in, vp);
	return act == 4 ? restore_seen(r, in, vp) : STORE_OK;
}

static enum store_result
restore_act(struct rebuild *r, const struct archive_entry *entry)
{
	char reason[200] = "";
	bool failed = false;
	struct json_t *object = json_in_parse(
	    (const char *)entry->bytes, entry->len, reason, sizeof(reason));
	const struct json_in in = { .object = object,
		.error = reason,
		.error_size = sizeof(reason),
		.failed = &failed };
	enum store_result result;

	if (object == NULL) {
		refuse(r, entry, reason);
		return STORE_OK;
	}
	if ((result = begin(r)) == STORE_OK)
		result = do_act(r, &in);
	json_in_free(object);
	if (result == STORE_OK)
		r->acts++;
	if (result != STORE_REFUSED && result != STORE_CONFLICT &&
	    result != STORE_UNKNOWN)
		return result;
	refuse(
	    r, entry, reason[0] == '\0' ? store_result_name(result) : reason);
	return STORE_OK;
}

static enum store_result
restore_sites(struct rebuild *r, const struct archive_entry *entry)
{
	char reason[512] = "";
	enum store_result result = begin(r);

	if (result != STORE_OK)
		return result;
	result = store_site_list_restore(r->store, (const char *)entry->bytes,
	    entry->len, reason, sizeof(reason));
	if (result == STORE_OK)
		r->acts++;
	if (result != STORE_REFUSED)
		return result;
	refuse(r, entry, reason);
	return STORE_OK;
}

static enum store_result
restore_entry(struct rebuild *r, const struct archive_entry *entry)
{
	if (r->again && contested_is_older(&r->contested, entry)) {
		refuse(r, entry, "another content followed under its number");
		return STORE_OK;
	}
	if (strcmp(entry->kind, "batch") == 0)
		return restore_batch(r, entry);
	if (strcmp(entry->kind, "import") == 0)
		return restore_import(r, entry);
	if (strcmp(entry->kind, "act") == 0)
		return restore_act(r, entry);
	if (strcmp(entry->kind, "sites") == 0)
		return restore_sites(r, entry);
	refuse(r, entry, "a kind that this program does not know");
	return STORE_OK;
}

static int
restore_all(struct rebuild *r, struct archive_reader *reader)
{
	const struct wall always = { INT64_MAX };
	enum store_result result = STORE_OK;
	struct archive_entry entry;
	int64_t left;
	int more = 1;

	while (result == STORE_OK &&
	       (more = archive_reader_next(reader, &entry)) == 1)
		result = restore_entry(r, &entry);
	if (more == -1) {
		log_warn("archive");
		return EXIT_STORAGE;
	}
	if (result == STORE_OK)
		result = commit(r);
	if (result == STORE_OK && (r->again || r->contested.count == 0))
		result = settle_marked(r->store, 0, always, &left);
	return command_result(result, "rebuild");
}

static int
rebuild_once(struct rebuild *r, const char *archive, const char *db)
{
	struct archive_reader *reader = archive_reader_open(archive);
	int code;

	if (reader == NULL) {
		code = log_exit_code(errno, EXIT_BAD_USAGE);
		log_warn("%s", archive);
		return code;
	}
	if ((code = store_create(db)) == EXIT_DONE &&
	    (r->store = store_open(db, NULL, &code)) != NULL) {
		r->opened = true;
		code = restore_all(r, reader);
		r->damaged = archive_reader_damaged(reader);
		store_close(r->store);
	}
	archive_reader_close(reader);
	return code;
}

/* A database of ours that was only a look. */
static int
discard(const char *db)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[4096];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (text_print(path, sizeof(path), "%s%s", db, ends[i]) == -1 ||
		    (unlink(path) == -1 && errno != ENOENT)) {
			log_warn("%s", db);
			return EXIT_STORAGE;
		}
	}
	return EXIT_DONE;
}

static int
rebuild(const char *archive, const char *db)
{
	struct rebuild r = { 0 };
	int code = rebuild_once(&r, archive, db);

	if (code == EXIT_DONE && r.contested.count > 0 &&
	    (code = discard(db)) == EXIT_DONE) {
		r = (struct rebuild){ .contested = r.contested, .again = true };
		code = rebuild_once(&r, archive, db);
	}
	contested_clear(&r.contested);
	if (!r.opened)
		return code;
	(void)printf("%lld batches, %lld repeated, %lld acts, %lld refused, "
		     "%lld damaged\n",
	    (long long)r.stored, (long long)r.repeated, (long long)r.acts,
	    (long long)r.refused, (long long)r.damaged);
	if (code == EXIT_DONE && r.refused + r.damaged > 0)
		return EXIT_UNANSWERED;
	return code;
}

int
command_rebuild(int argc, char **argv)
{
	struct command command = { 0 };
	int code = command_options(&command, argc, argv);

	if (code != EXIT_DONE)
		return code;
	if (optind != argc)
		return command_usage(
		    "rebuild: %s: takes no file", argv[optind]);
	if ((code = command_locate(&command)) == EXIT_DONE) {
		if (command.archive == NULL)
			code = command_usage("rebuild: which archive? "
					     "--archive DIR or -f CONF");
		else
			code = rebuild(command.archive, command.db);
	}
	command_clear(&command);
	return code;
}
