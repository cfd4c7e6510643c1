/*
 * The rows of a statement as a table or as CSV. Columns have the names that
 * the statement gives them; numbers are told from text by their type.
 */
#ifndef COLLECTOR_LISTING_H
#define COLLECTOR_LISTING_H

#include <stdbool.h>
#include "collector/store.h"

struct listing {
	const char *sql;
	const char *parameter; /* ?1; NULL: null */
	bool csv;              /* else a table, two spaces between columns */
};

/* To standard output, from one state: the caller reads in a transaction. */
enum store_result listing_print(struct store *, const struct listing *);

#endif
