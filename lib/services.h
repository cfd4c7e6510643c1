/*
 * Which question names the instance of a service, in which order: the table
 * that is shipped (schema/services), and the operator's lines before it.
 */
#ifndef LIB_SERVICES_H
#define LIB_SERVICES_H

#include <stddef.h>
#include "lib/addr.h"
#include "lib/limits.h"

struct services;

/* path: the operator's file; NULL: none. NULL with "FILE:LINE: reason" in
 * error, and errno. services_free frees. */
struct services *services_read(
    const char *path, char *error, size_t error_size);
void services_free(struct services *);

/* The methods of an address, the best first, borrowed; how many. 0: it is not
 * in the table. */
size_t services_order(const struct services *, const struct addr *,
    const char (**order)[LIMIT_QUESTION]);

/* How the answer to a question begins that names the instance, where it is one
 * of several; NULL: any. Borrowed. */
const char *services_begins(
    const struct services *, const struct addr *, const char *question);

#endif
