/* What came of a look: records and identities in order, as a page or as
 * lines of JSON. */
#include "probe/look_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

#define NAMES_WAIT_MS 500
#define MANY 16 /* addresses */
#define OUTPUT_BUFFER 65536

/* An address at a time: its records, with room for the next one's. */
struct shown {
	struct record *records;
	const struct record **places; /* of each */
	struct look_result result;    /* of the address; it is large */
	size_t count, room;
	char *line;
};

static int
restore(struct shown *s, const struct look *look, const struct look_address *of)
{
	size_t i, count;
	const struct kept *kept = look_kept_of(&look->kept, of, &count);

	if (count > s->room) {
		free(s->records);
		free(s->places);
		s->records = calloc(count, sizeof(*s->records));
		s->places = calloc(count, sizeof(*s->places));
		s->room = count;
	}
	if (s->records == NULL || s->places == NULL)
		return -1;
	look_kept_restore(kept, count, s->records);
	for (i = 0; i < count; i++)
		s->places[i] = &s->records[i];
	s->count = count;
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

/* Networks of the hops, by the operator's files. */
static void
find_networks(const struct look *look, struct record *r)
{
	struct geo_place place;
	int i;

	for (i = 0; r->type == RECORD_TRACE && i < r->hop_count; i++) {
		if (addr_is_set(&r->hop[i].addr) &&
		    geo_find(look->geo, &r->hop[i].addr, &place) &&
		    place.asn > 0)
			r->hop[i].asn = (uint32_t)place.asn;
	}
}

static void
show_address(const struct look *look, const struct look_address *address,
    struct shown *shown)
{
	const struct service *service =
	    services_find(look->services, &address->addr);
	struct look_result *result = &shown->result;
	struct identify_by by = { .map = look->map };
	size_t i;

	result->address = address;
	result->names = look->names;
	result->geo = look->geo;
	result->service = service;
	result->records = shown->places;
	result->record_count = shown->count;
	for (i = 0; look->geo != NULL && i < shown->count; i++)
		find_networks(look, &shown->records[i]);
	if (service != NULL) {
		by.order = service->method;
		by.order_count = service->method_count;
	}
	identify(&result->identity, result->records, result->record_count, &by);
	if (look->options->json) {
		print_json(result, shown->line);
		return;
	}
	if (address > look->addresses)
		(void)puts("");
	show_page(look->options, result);
}

/* 0 where each address answered a timed question. With --only that question is
 * the one asked. */
static bool
answered(const struct look *look, const struct shown *shown)
{
	const struct look_options *o = look->options;
	const char *timed = o->dns ? "soa" : o->echo ? "echo" : "trace";
	size_t i;

	for (i = 0; i < shown->count; i++) {
		const struct record *r = &shown->records[i];

		if (r->outcome == OUTCOME_ANSWERED &&
		    (look->read != NULL || strcmp(r->question, timed) == 0))
			return true;
	}
	return false;
}

/* Names of the hops, for a person. */
static void
find_names(struct look *look)
{
	struct addr hops[LIMIT_HOPS * 4];
	size_t count;

	if (look->options->json || look->options->numeric || look->read != NULL)
		return;
	count = look_kept_hops(&look->kept, hops, LIMIT_HOPS * 4);
	look->names = names_find(hops, count, span_ms(NAMES_WAIT_MS));
}

static int
show_all(const struct look *look, struct shown *shown)
{
	int code = EXIT_DONE;
	size_t i;

	for (i = 0; i < look->address_count; i++) {
		if (restore(shown, look, &look->addresses[i]) == -1)
			return EXIT_STORAGE;
		show_address(look, &look->addresses[i], shown);
		if (!answered(look, shown))
			code = EXIT_UNANSWERED;
	}
	return code;
}

/* Of thousands of addresses a few lines at a time are not worth a call. A
 * person sees each line as before. */
static void
buffer_output(const struct look *look)
{
	if (look->address_count > MANY && isatty(STDOUT_FILENO) != 1)
		(void)setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
}

int
look_show(struct look *look)
{
	struct shown shown = { .line = malloc(IDENTITY_LINE) };
	int code = EXIT_STORAGE;

	buffer_output(look);
	if (shown.line != NULL && look_kept_sort(&look->kept, look->addresses,
				      look->address_count) == 0) {
		find_names(look);
		code = show_all(look, &shown);
	}
	free(shown.records);
	free(shown.places);
	free(shown.line);
	return code;
}
