/*
 * A line of the table of services (services.h).
 */
#ifndef LIB_SERVICES_ITEM_H
#define LIB_SERVICES_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/addr.h"
#include "lib/limits.h"

#define SERVICE_METHODS 8
#define SERVICE_BEGINS 32

struct services;

struct service {
	char name[LIMIT_TARGET_NAME + 1];
	struct addr *address;
	size_t address_count;
	/* "nsid", or the one spelling of a question; the best first. */
	char method[SERVICE_METHODS][LIMIT_QUESTION];
	/* Of several answers the one that begins so is the name; "": any. */
	char begins[SERVICE_METHODS][SERVICE_BEGINS];
	size_t method_count;
	bool echoes_case; /* letters come back as they were asked */
};

/* Whether a method is a question that is not asked anyway. */
bool service_asks(const char *method);

/* The first with this address; NULL: none. Borrowed. */
const struct service *services_find(
    const struct services *, const struct addr *);

#endif
