/*
 * The operator's lists of sites: what names mean, since when, as lines of a
 * site map (acsitemap(5)) that are all "listed".
 */
#ifndef COLLECTOR_STORE_SITE_LIST_H
#define COLLECTOR_STORE_SITE_LIST_H

#include "collector/store.h"

struct site_list {
	const char *name; /* 1 to LIMIT_SITE_LIST bytes, as a vantage point's */
	int64_t since_us;
	const char *lines; /* "": the list ends */
};

/* An act of the operator, archived, inside a transaction. The same again is
 * nothing; other lines since then replace. STORE_REFUSED: error says why. */
enum store_result store_site_list(
    struct store *, const struct site_list *, char *error, size_t size);

/* The same, of the archive's bytes, behind which is a NUL. */
enum store_result store_site_list_restore(
    struct store *, const char *bytes, size_t len, char *error, size_t size);

#endif
