/*
 * The operator's notes: what happened or was done, when, and to what.
 */
#ifndef COLLECTOR_STORE_NOTE_H
#define COLLECTOR_STORE_NOTE_H

#include "collector/store.h"

/* Printable ASCII; target and site "" where the note is of all. */
struct note {
	struct wall t;
	char target[LIMIT_TARGET_NAME + 1], site[LIMIT_REGION + 1];
	char text[LIMIT_NOTE + 1];
};

/* An act of the operator, archived, inside a transaction. Idempotent. */
enum store_result store_note(struct store *, const struct note *);

#endif
