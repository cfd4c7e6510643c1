/*
 * What the parts of a look's page share.
 */
#ifndef PROBE_SHOW_PRIVATE_H
#define PROBE_SHOW_PRIVATE_H

#include "lib/limits.h"
#include "probe/look.h"

#define NAME_TEXT (4 * LIMIT_IDENTITY + 1) /* of foreign bytes, escaped */

/* What switches to a colour and back; "" without a terminal. */
struct style {
	const char *strong, *dim, *bad, *end;
};

/* The first column of a line. */
void show_label(const struct style *, const char *text);
/* "12.345", or "-" for -1. */
void show_ms(int64_t us);

/* The hops of its trace, if there is one. */
void show_path(const struct style *, const struct look_result *);

#endif
