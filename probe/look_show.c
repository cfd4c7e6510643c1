/* What came of a look: records and identities in order, as a page or as
 * lines of JSON. */
#include "probe/look_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define NAMES_WAIT_MS 500

static int
compare_owners(const char *a, const char *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int
earlier(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int order = compare_owners(x->owner, y->owner);

	if (order != 0)
		return order;
	return (x->record->t.ns > y->record->t.ns) -
	       (x->record->t.ns < y->record->t.ns);
}

/* Where the records of an address begin; what follows may be another's. */
static size_t
first_of(const struct look *look, const struct look_address *address)
{
	size_t low = 0, high = look->kept_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_owners(look->kept[middle].owner, address->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* retry_of counted the records in the order in which they came; from here on
 * it counts them in that of the output. 0, or -1 without memory. */
static int
renumber_retries(const struct look *look)
{
	int32_t *place = calloc(look->kept_count + 1, sizeof(*place));
	int32_t next = 0;
	size_t i, j;

	if (place == NULL)
		return -1;
	for (i = 0; i < look->address_count; i++) {
		const char *owner = look->addresses[i].name;

		for (j = first_of(look, &look->addresses[i]);
		     j < look->kept_count && look->kept[j].owner == owner; j++)
			place[look->kept[j].emitted] = next++;
	}
	for (j = 0; j < look->kept_count; j++) {
		struct record *r = look->kept[j].record;

		if (r->retry_of != -1)
			r->retry_of = place[r->retry_of];
	}
	free(place);
	return 0;
}

static void
print_json(const struct look_result *result, char *line)
{
	size_t i;

	for (i = 0; i < result->record_count; i++) {
		if (record_to_json(result->records[i], line, IDENTITY_LINE) > 0)
			(void)puts(line);
	}
	if (identity_to_json(&result->identity, line, IDENTITY_LINE) > 0)
		(void)puts(line);
}

static int
show_address(const struct look *look, const struct look_address *address)
{
	const struct service *service =
	    services_find(look->services, &address->addr);
	struct look_result result = {
		.address = address, .names = look->names, .geo = look->geo
	};
	struct identify_by by = { .map = look->map };
	size_t first = first_of(look, address), i;
	char *line = malloc(IDENTITY_LINE);

	for (i = first; i < look->kept_count; i++) {
		if (look->kept[i].owner != address->name)
			break;
	}
	result.records = calloc(i - first + 1, sizeof(struct record *));
	if (result.records == NULL || line == NULL) {
		free(result.records);
		free(line);
		return -1;
	}
	while (first < i)
		result.records[result.record_count++] =
		    look->kept[first++].record;
	if (service != NULL) {
		by.order = service->method;
		by.order_count = service->method_count;
	}
	result.service = service;
	identify(&result.identity, result.records, result.record_count, &by);
	if (look->options->json) {
		print_json(&result, line);
	} else {
		if (address > look->addresses)
			(void)puts("");
		show_page(look->options, &result);
	}
	free(result.records);
	free(line);
	return 0;
}

/* 0 where each address answered a timed question. With --only that question is
 * the one asked. */
static bool
answered(const struct look *look, const struct look_address *address)
{
	const struct look_options *o = look->options;
	const char *timed = o->dns ? "soa" : o->echo ? "echo" : "trace";
	size_t i;

	for (i = first_of(look, address); i < look->kept_count; i++) {
		const struct record *r = look->kept[i].record;

		if (look->kept[i].owner != address->name)
			break;
		if (r->outcome == OUTCOME_ANSWERED &&
		    (look->read != NULL || strcmp(r->question, timed) == 0))
			return true;
	}
	return false;
}

/* Networks of the hops, by the operator's files. */
static void
find_networks(const struct look *look)
{
	struct geo_place place;
	size_t i;
	int j;

	for (i = 0; i < look->kept_count && look->geo != NULL; i++) {
		struct record *r = look->kept[i].record;

		for (j = 0; j < r->hop_count; j++) {
			if (addr_is_set(&r->hop[j].addr) &&
			    geo_find(look->geo, &r->hop[j].addr, &place) &&
			    place.asn > 0)
				r->hop[j].asn = (uint32_t)place.asn;
		}
	}
}

/* Names of the hops, for a person. */
static void
find_names(struct look *look)
{
	struct addr hops[LIMIT_HOPS * 4];
	size_t i, count = 0;
	int j;

	if (look->options->json || look->options->numeric || look->read != NULL)
		return;
	for (i = 0; i < look->kept_count; i++) {
		const struct record *r = look->kept[i].record;

		for (j = 0; j < r->hop_count && count < LIMIT_HOPS * 4; j++) {
			if (addr_is_set(&r->hop[j].addr))
				hops[count++] = r->hop[j].addr;
		}
	}
	look->names = names_find(hops, count, span_ms(NAMES_WAIT_MS));
}

int
look_show(struct look *look)
{
	int code = EXIT_DONE;
	size_t i;

	qsort(look->kept, look->kept_count, sizeof(struct kept), earlier);
	if (renumber_retries(look) == -1)
		return EXIT_STORAGE;
	find_networks(look);
	find_names(look);
	for (i = 0; i < look->address_count; i++) {
		if (show_address(look, &look->addresses[i]) == -1)
			code = EXIT_STORAGE;
		else if (!answered(look, &look->addresses[i]) &&
			 code == EXIT_DONE)
			code = EXIT_UNANSWERED;
	}
	if (fflush(stdout) == EOF) {
		log_warn("standard output");
		code = EXIT_STORAGE;
	}
	return code;
}
