/*
 * What an import asks of another database of accollect, and an export of its
 * own.
 */
#ifndef COLLECTOR_STATEMENTS_IMPORT_H
#define COLLECTOR_STATEMENTS_IMPORT_H

#include "collector/statements.h"

/* Every vantage point, with each of its places; those without one too. */
extern const char import_places[];
extern const char import_keys[];
extern const char import_notes[];
extern const char import_site_lists[];
/* Every batch; ?1: the bits of pruned that leave it without records. */
extern const char import_batches[];
/* Measurements ?1 to ?2, and all that they refer to. */
extern const char import_rows[];

#endif
