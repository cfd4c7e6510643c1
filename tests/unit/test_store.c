/* Proves that the store keeps what it is given, once, and forgets what was
 * rolled back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/store_fixture.h"
#include "collector/archive.h"
#include "collector/names.h"
#include "collector/settle.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct batch_head head = {
	.round_at = { T_US * 1000 },
	.every_s = 300,
	.questions = 2,
	.lost = 3,
	.clock_offset_us = -1,
	.clock_max_error_us = -1,
};

/* Add a batch in a transaction of its own; what it came to. */
static enum store_result
add(struct fixture *f, int64_t number, uint8_t content,
    const struct record *records, size_t count)
{
	struct store_batch batch = {
		.spool = "s", .number = number, .head = &head
	};
	enum store_result result;

	memset(batch.sha256, content, sizeof(batch.sha256));
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &batch.vp), STORE_OK);
	result = store_add_batch(f->store, &batch, records, count);
	assert_int_equal(store_commit(f->store), STORE_OK);
	return result;
}

static void
settle(struct fixture *f)
{
	const struct wall always = { INT64_MAX };
	int64_t left = -1;

	assert_int_equal(settle_marked(f->store, 0, always, &left), STORE_OK);
	assert_int_equal(left, 0);
}

static void
a_batch_is_stored_once_and_a_second_content_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct record records[2];
	uint8_t digest[SIGN_SHA256_LEN];

	fixture_record(&records[0], T_US + 50, "lhr1");
	fixture_record(&records[1], T_US, NULL);
	assert_int_equal(add(f, 1, 7, records, 2), STORE_OK);
	assert_int_equal(add(f, 1, 7, records, 2), STORE_DUPLICATE);
	assert_int_equal(add(f, 1, 8, records, 1), STORE_CONFLICT);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM measurement"), 2);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM batch"), 1);
	assert_int_equal(fixture_ask(f, "SELECT lost FROM batch"), 3);
	assert_int_equal(fixture_ask(f, "SELECT t0 FROM batch"), T_US);
	assert_int_equal(
	    fixture_ask(f, "SELECT dt_us FROM measurement WHERE id = 1"), 50);
	memset(digest, 7, sizeof(digest));
	assert_int_equal(
	    store_find_batch(f->store, "vp1", "s", 1, digest), STORE_DUPLICATE);
	assert_int_equal(
	    store_find_batch(f->store, "vp1", "s", 2, digest), STORE_OK);
	assert_int_equal(
	    store_find_batch(f->store, "vp2", "s", 1, digest), STORE_OK);
	digest[0] = 9;
	assert_int_equal(
	    store_find_batch(f->store, "vp1", "s", 1, digest), STORE_CONFLICT);
}

static void
what_repeats_is_kept_once_and_lanes_differ_in_every_part(void **state)
{
	struct fixture *f = *state;
	struct record records[9];

	for (size_t i = 0; i < COUNT(records); i++)
		fixture_record(&records[i], T_US + (int64_t)i, "lhr1");
	(void)text_copy(records[1].target, sizeof(records[1].target), "other");
	(void)addr_parse(&records[2].addr, "192.0.2.54");
	(void)addr_parse(&records[3].addr, "2001:db8::53");
	records[4].port = 5353;
	records[5].proto = PROTO_TCP;
	(void)text_copy(records[6].question, sizeof(records[6].question), "x.");
	records[7].flow.n = 1;
	assert_int_equal(add(f, 1, 1, records, COUNT(records)), STORE_OK);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM lane"), 8);
	/* Those of records 0 and 8 alone are the same. */
	assert_int_equal(
	    fixture_ask(f, "SELECT count(DISTINCT lane) FROM measurement"), 8);
	/* Flow 1 has another number in its tuple; and the replies' one. */
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM detail"), 3);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(DISTINCT reply) FROM measurement"), 1);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM instance"), 2);
}

static void
outcomes_and_unknowns_are_null_where_they_are_unknown(void **state)
{
	struct fixture *f = *state;
	struct record r;

	fixture_record(&r, T_US, "lhr1");
	r.outcome = OUTCOME_TIMEOUT;
	r.stamp = STAMP_NONE;
	r.dns.rcode = r.dns.size = -1;
	r.dns.tc = r.dns.aa = r.dns.edns = -1;
	r.dns.nsid.present = false;
	assert_int_equal(add(f, 1, 1, &r, 1), STORE_OK);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM measurement WHERE outcome = 3"
			   " AND rtt_us IS NULL AND instance IS NULL AND ttl"
			   " IS NULL AND rcode IS NULL AND stamp IS NULL AND"
			   " size IS NULL AND reply IS NULL"),
	    1);
}

static void
names_of_a_transaction_that_was_rolled_back_are_found_anew(void **state)
{
	struct fixture *f = *state;
	struct store_batch batch = { .spool = "s", .number = 5, .head = &head };
	struct record r;

	fixture_record(&r, T_US, "lhr1");
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &batch.vp), STORE_OK);
	assert_int_equal(store_add_batch(f->store, &batch, &r, 1), STORE_OK);
	store_rollback(f->store);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM lane"), 0);
	assert_int_equal(add(f, 1, 1, &r, 1), STORE_OK);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM v_record WHERE instance ="
			   " 'lhr1' AND detail LIKE '%40000%'"),
	    1);
}

static void
a_batch_of_more_than_an_hour_is_refused_and_of_an_hour_not(void **state)
{
	struct fixture *f = *state;
	struct record records[2];

	fixture_record(&records[0], T_US, "lhr1");
	fixture_record(&records[1], T_US + 3600000001LL, "lhr1");
	assert_int_equal(add(f, 1, 1, records, 2), STORE_REFUSED);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM lane"), 0);
	records[1].t = wall_from_us(T_US + 3600000000LL);
	assert_int_equal(add(f, 1, 1, records, 2), STORE_OK);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM unsettled"), 2);
	settle(f);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM run"), 2);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM interval"), 1);
}

static void
a_round_without_questions_is_a_batch_without_rows(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, 1, 1, NULL, 0), STORE_OK);
	assert_int_equal(add(f, 1, 1, NULL, 0), STORE_DUPLICATE);
	assert_int_equal(
	    fixture_ask(f, "SELECT t0 FROM batch WHERE rows = 0"), T_US);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM unsettled"), 0);
}

static void
what_is_beyond_the_horizon_is_counted_and_amends_nothing(void **state)
{
	struct fixture *f = *state;
	struct wall horizon = { 0 };
	struct record records[2];

	assert_int_equal(store_raw_horizon(f->store, &horizon), STORE_OK);
	assert_true(horizon.ns == INT64_MIN);
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(
	    store_set_raw_horizon(f->store, wall_from_us(T_US + 1)), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
	assert_int_equal(store_raw_horizon(f->store, &horizon), STORE_OK);
	/* A whole hour: an hour is there or it is not. */
	assert_int_equal(wall_to_us(horizon), T_US / 3600000000 * 3600000000);
	fixture_record(&records[0], wall_to_us(horizon) - 1, "old");
	fixture_record(&records[1], wall_to_us(horizon), "new");
	records[0].type = RECORD_TRACE;
	records[0].hop_count = 1;
	records[0].dns.raw_len = 1;
	assert_int_equal(add(f, 1, 1, records, 2), STORE_OK);
	assert_int_equal(add(f, 1, 1, records, 2), STORE_DUPLICATE);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM batch WHERE too_late"), 1);
	assert_int_equal(
	    fixture_ask(f,
		"SELECT (SELECT count(*) FROM measurement) + (SELECT"
		" count(*) FROM lane) + (SELECT count(*) FROM trace)"
		" + (SELECT count(*) FROM path) + (SELECT count(*)"
		" FROM unsettled) + (SELECT count(*) FROM instance)"),
	    1);
	assert_int_equal(add(f, 2, 2, &records[1], 1), STORE_OK);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM v_record WHERE"
					" instance = 'new'"),
	    1);
}

static void
a_key_signs_for_one_vantage_point(void **state)
{
	struct fixture *f = *state;
	const struct wall since = { 0 };
	uint8_t key[SIGN_PUBLIC_LEN] = { 1, 2, 3 };
	char keyid[SIGN_KEYID_TEXT];
	struct sign_key *found = sign_public_from_bytes(key);
	struct store_signed count = { 0 };
	int64_t one, two;

	assert_non_null(found);
	sign_key_id(found, keyid);
	sign_key_free(found);
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &one), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp2", true, &two), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp3", false, &two), STORE_UNKNOWN);
	assert_int_equal(store_vp(f->store, "vp2", false, &two), STORE_OK);
	assert_int_equal(store_vp_key(f->store, one, key, since), STORE_OK);
	assert_int_equal(store_vp_key(f->store, one, key, since), STORE_OK);
	assert_int_equal(
	    store_vp_key(f->store, two, key, since), STORE_CONFLICT);
	assert_int_equal(store_commit(f->store), STORE_OK);
	assert_int_equal(
	    store_find_key(f->store, "vp1", keyid, &found), STORE_OK);
	sign_key_free(found);
	assert_int_equal(
	    store_find_key(f->store, "vp2", keyid, &found), STORE_UNKNOWN);
	assert_null(found);
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp_revoke(f->store, two, keyid, since, &count),
	    STORE_UNKNOWN);
	assert_int_equal(
	    store_vp_revoke(f->store, one, keyid, since, &count), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
	/* Whether it holds is asked of what was measured. */
	assert_int_equal(
	    store_find_key(f->store, "vp1", keyid, &found), STORE_OK);
	sign_key_free(found);
}

static void
a_place_has_one_row_for_each_time_since_when(void **state)
{
	struct fixture *f = *state;
	struct vp_place place = { .has_position = true,
		.lat = 51.5,
		.lon = -0.1,
		.region = "eu",
		.asn = -1 };
	int64_t vp;

	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &vp), STORE_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    store_vp_place(f->store, vp, &place), STORE_OK);
	place.since = wall_from_us(T_US);
	assert_int_equal(store_vp_place(f->store, vp, &place), STORE_OK);
	(void)text_copy(place.region, sizeof(place.region), "na");
	assert_int_equal(store_vp_place(f->store, vp, &place), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
	assert_int_equal(fixture_ask(f, "SELECT count(*) FROM vp_place"), 2);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM vp_place WHERE region = 'na'"
			   " AND city IS NULL AND asn IS NULL AND since > 0"),
	    1);
}

/* --- archive --- */

static int
count_entries(const char *path, int64_t *damaged)
{
	struct archive_reader *r = archive_reader_open(path);
	struct archive_entry entry;
	int count = 0;

	assert_non_null(r);
	while (archive_reader_next(r, &entry) == 1) {
		assert_int_equal(entry.bytes[entry.len], 0);
		count++;
	}
	*damaged = archive_reader_damaged(r);
	archive_reader_close(r);
	return count;
}

static void
the_archive_has_what_was_committed_and_not_what_was_rolled_back(void **state)
{
	struct fixture *f = *state;
	int64_t damaged;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(store_begin(f->store), STORE_OK);
		assert_int_equal(
		    store_archive(f->store, "batch", "some\nbytes", 10),
		    STORE_OK);
		if (i % 2 == 0)
			assert_int_equal(store_commit(f->store), STORE_OK);
		else
			store_rollback(f->store);
	}
	assert_int_equal(count_entries(f->archive, &damaged), 2);
	assert_int_equal(damaged, 0);
}

static void
append(struct fixture *f, const char *bytes)
{
	struct archive *a = archive_open(f->archive);

	assert_non_null(a);
	assert_int_equal(archive_append(a, "act", bytes, strlen(bytes)), 0);
	assert_int_equal(archive_flush(a), 0);
	archive_close(a);
}

static void
a_torn_entry_ends_its_file_and_a_damaged_one_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char path[256];
	int64_t damaged;
	FILE *file;

	append(f, "first");
	append(f, "second");
	(void)text_print(path, sizeof(path), "%s/00000001.acarc", f->archive);
	assert_non_null(file = fopen(path, "r+e"));
	/* A byte of the first one's bytes. */
	assert_int_equal(fseek(file, 80, SEEK_SET), 0);
	assert_int_equal(fputc('#', file), '#');
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	assert_true(fputs("acarc 1 act 100 12", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(count_entries(f->archive, &damaged), 1);
	assert_int_equal(damaged, 2);
	append(f, "third");
	(void)text_print(path, sizeof(path), "%s/00000002.acarc", f->archive);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(count_entries(f->archive, &damaged), 2);
	assert_int_equal(damaged, 2);
}

/* --- names --- */

static struct hash_128
name_of(int64_t i)
{
	const struct hash_key key = { { 7 } };

	return keyed_hash_128(&key, &i, sizeof(i));
}

static void
names_are_found_until_there_are_too_many(void **state)
{
	struct names *n = names_new(1 << 20);
	struct hash_128 half;
	int64_t id;

	(void)state;
	assert_non_null(n);
	assert_false(names_find(n, name_of(1), &id));
	for (int64_t i = 1; i <= 5000; i++)
		names_add(n, name_of(i), i);
	for (int64_t i = 1; i <= 5000; i++) {
		assert_true(names_find(n, name_of(i), &id));
		assert_int_equal(id, i);
	}
	/* Half the hash is another name. */
	half = name_of(5);
	half.high++;
	assert_false(names_find(n, half, &id));
	names_clear(n);
	assert_false(names_find(n, name_of(5), &id));
	for (int64_t i = 1; i <= 100000; i++)
		names_add(n, name_of(i), i);
	assert_true(names_find(n, name_of(100000), &id));
	assert_int_equal(id, 100000);
	assert_false(names_find(n, name_of(1), &id));
	names_free(n);
}

#define WITH_STORE(test) \
	cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
		    a_batch_is_stored_once_and_a_second_content_is_a_conflict),
		WITH_STORE(
		    what_repeats_is_kept_once_and_lanes_differ_in_every_part),
		WITH_STORE(
		    outcomes_and_unknowns_are_null_where_they_are_unknown),
		WITH_STORE(
		    names_of_a_transaction_that_was_rolled_back_are_found_anew),
		WITH_STORE(
		    a_batch_of_more_than_an_hour_is_refused_and_of_an_hour_not),
		WITH_STORE(a_round_without_questions_is_a_batch_without_rows),
		WITH_STORE(
		    what_is_beyond_the_horizon_is_counted_and_amends_nothing),
		WITH_STORE(a_key_signs_for_one_vantage_point),
		WITH_STORE(a_place_has_one_row_for_each_time_since_when),
		WITH_STORE(
		    the_archive_has_what_was_committed_and_not_what_was_rolled_back),
		WITH_STORE(
		    a_torn_entry_ends_its_file_and_a_damaged_one_is_passed_over),
		cmocka_unit_test(names_are_found_until_there_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
