/* Proves that what is asked while others wait costs no more where there are
 * more batches of others, or of the same spool. */
#include "collector/statements.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/store_fixture.h"

#define FEW "20"
#define MANY "3000"

/* Batches 1 to ?1 of the second of two vantage points, and of the first one. */
static const char names_sql[] =
    "INSERT INTO vp(id, name) VALUES(1, 'vp1'), (2, 'vp2');"
    "INSERT INTO spool(id, name) VALUES(1, 's');"
    "INSERT INTO host(id, hash, json) VALUES(1, x'00', '{\"boot_id\": \"b\"}');"
    "INSERT INTO batch(vp, spool, number, sha256, t0, t1, first_row, rows,"
    " questions, received, keyid, host)"
    " VALUES(1, 1, 1, x'00', 5, 6, 1, 0, 0, 0, 'k', 1);";
static const char batches_sql[] =
    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
    "INSERT OR IGNORE INTO batch(vp, spool, number, sha256, t0, t1, first_row,"
    " rows, questions, received, keyid, host)"
    " SELECT 2, 1, i, x'00', i, i + 1, 1, 0, 0, 0, 'l', 1 FROM n";

static void
have_batches(struct fixture *f, const char *count)
{
	char sql[sizeof(batches_sql) + 16];

	assert_int_not_equal(
	    text_print(sql, sizeof(sql), batches_sql, count), -1);
	assert_int_equal(
	    sqlite3_exec(store_db(f->store), sql, NULL, NULL, NULL), SQLITE_OK);
}

/* How many steps the statement takes; its second column. */
static int
steps_of(struct fixture *f, enum statement statement, int64_t *second)
{
	sqlite3_stmt *stmt = NULL;
	int steps;

	assert_int_equal(sqlite3_prepare_v2(store_db(f->store),
			     statement_sql[statement], -1, &stmt, NULL),
	    SQLITE_OK);
	if (statement == STATEMENT_CONFLICTING) {
		(void)sqlite3_bind_text(stmt, 1, "vp2", -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(stmt, 2, "s", -1, SQLITE_STATIC);
	} else {
		(void)sqlite3_bind_int64(stmt, 1, 1);
		(void)sqlite3_bind_text(stmt, 2, "k", -1, SQLITE_STATIC);
	}
	(void)sqlite3_bind_int64(stmt, 3, 1);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	*second = sqlite3_column_int64(stmt, 1);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
	(void)sqlite3_finalize(stmt);
	return steps;
}

static void
a_conflict_and_a_key_are_looked_up_in_as_many_steps_of_many_batches(
    void **state)
{
	struct fixture *f = *state;
	int64_t latest, later;
	int conflicting, signed_by;

	assert_int_equal(
	    sqlite3_exec(store_db(f->store), names_sql, NULL, NULL, NULL),
	    SQLITE_OK);
	have_batches(f, FEW);
	conflicting = steps_of(f, STATEMENT_CONFLICTING, &latest);
	assert_int_equal(latest, 21);
	signed_by = steps_of(f, STATEMENT_COUNT_SIGNED, &later);
	assert_int_equal(later, 1);
	have_batches(f, MANY);
	assert_int_equal(
	    steps_of(f, STATEMENT_CONFLICTING, &latest), conflicting);
	assert_int_equal(latest, 3001);
	assert_int_equal(
	    steps_of(f, STATEMENT_COUNT_SIGNED, &later), signed_by);
	assert_int_equal(later, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_conflict_and_a_key_are_looked_up_in_as_many_steps_of_many_batches,
		    fixture_set_up, fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
