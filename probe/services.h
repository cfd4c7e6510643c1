/*
 * Which question names the instance of a service, in which order: the table
 * that is shipped (schema/services), and the operator's lines before it.
 */
#ifndef PROBE_SERVICES_H
#define PROBE_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/addr.h"
#include "lib/limits.h"

#define SERVICE_METHODS 8

struct service {
	char name[LIMIT_TARGET_NAME + 1];
	struct addr *address;
	size_t address_count;
	/* "nsid", or the one spelling of a question; the best first. */
	char method[SERVICE_METHODS][LIMIT_QUESTION];
	size_t method_count;
};

struct services;

/* path: the operator's file; NULL: none. NULL with "FILE:LINE: reason" in
 * error, and errno. services_free frees. */
struct services *services_read(
    const char *path, char *error, size_t error_size);
void services_free(struct services *);

/* Whether a method is a question that is not asked anyway. */
bool service_asks(const char *method);

/* The first with this address; NULL: none. Borrowed. */
const struct service *services_find(
    const struct services *, const struct addr *);

#endif
