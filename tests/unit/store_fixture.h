/*
 * A store in a folder of its own, for the tests of the collector.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "collector/store.h"
#include "lib/log.h"
#include "lib/text.h"
#include "tests/unit/temporary.h"

#define T_US 1700000100000000LL

struct fixture {
	char folder[TEMPORARY_SIZE], db[TEMPORARY_SIZE + 32];
	char archive[TEMPORARY_SIZE + 32];
	struct store *store;
};

static inline int
fixture_make(struct fixture *f)
{
	int code;

	if (temporary_path(f->folder, "store.XXXXXX") == -1 ||
	    mkdtemp(f->folder) == NULL ||
	    text_print(f->db, sizeof(f->db), "%s/a.db", f->folder) == -1 ||
	    text_print(f->archive, sizeof(f->archive), "%s/archive",
		f->folder) == -1 ||
	    store_create(f->db) != EXIT_DONE)
		return -1;
	f->store = store_open(f->db, f->archive, &code);
	return f->store == NULL ? -1 : 0;
}

static inline void
fixture_remove(struct fixture *f)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db.lock", "archive/00000001.acarc",
		"archive/00000002.acarc" };
	char path[TEMPORARY_SIZE + 32];

	store_close(f->store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)text_print(
		    path, sizeof(path), "%s/%s", f->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->archive);
	(void)rmdir(f->folder);
}

/* Of a test that has a store of its own: cmocka calls them around it. */
static inline int
fixture_set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	*state = &f;
	return fixture_make(&f);
}

static inline int
fixture_tear_down(void **state)
{
	fixture_remove(*state);
	return 0;
}

/* One number that the database says; -1 where it says none. */
static inline int64_t
fixture_ask(struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(store_db(f->store), sql, -1, &stmt, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return value;
}

/* An answered SOA question whose NSID is name (NULL: none). */
static inline void
fixture_record(struct record *r, int64_t t_us, const char *name)
{
	record_init(r);
	r->t = wall_from_us(t_us);
	r->type = RECORD_DNS;
	r->proto = PROTO_UDP;
	r->port = 53;
	(void)text_copy(r->target, sizeof(r->target), "root");
	(void)addr_parse(&r->addr, "192.0.2.53");
	(void)text_copy(r->question, sizeof(r->question), "soa");
	(void)text_copy(r->dns.qname, sizeof(r->dns.qname), ".");
	r->dns.qtype = 6;
	r->dns.qclass = 1;
	r->flow.sport = 40000;
	r->flow.dport = 53;
	r->outcome = OUTCOME_ANSWERED;
	r->rtt_us = 12345;
	r->stamp = STAMP_KERNEL;
	r->dns.rcode = 0;
	r->dns.size = 90;
	r->dns.tc = r->dns.aa = r->dns.edns = 0;
	if (name == NULL)
		return;
	r->dns.nsid.present = true;
	r->dns.nsid.len = (uint16_t)strlen(name);
	r->dns.nsid_len = r->dns.nsid.len;
	memcpy(r->dns.nsid.bytes, name, strlen(name));
}

#endif
