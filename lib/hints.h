/*
 * Where an instance's name sounds like, for names that no rule places: a
 * guess of last resort. It looks for a country beside a code (de-fra, nlams1),
 * for towns by name and for codes of large airports and metro areas. A place
 * in another country than the name says, and a name that could mean two
 * places, is no place.
 */
#ifndef LIB_HINTS_H
#define LIB_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/gazetteer.h"

#define HINT_CODE 40
#define HINTS_MAX 8
/* Below the confidence of every rule. */
#define HINT_CONFIDENCE 45

/* One reading of a part of the name. */
struct hint {
	char code[HINT_CODE]; /* as in the name, lower case: "de-fra" */
	const char *kind;     /* "country+code", "town", "code" */
	struct gazetteer_place place;
	int confidence;
	const char *refused; /* NULL, or why it does not count */
};

struct hints {
	struct hint found[HINTS_MAX];
	size_t count;
	int chosen;      /* index, or -1 */
	const char *why; /* where none was chosen: why, a constant text */
};

/* name is a text form in lower case. */
void hints_read(struct hints *, const char *name);

#endif
