/*
 * A look: everything about a few addresses at once, for a person or, with -j,
 * for a program.
 */
#ifndef PROBE_LOOK_H
#define PROBE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/geo.h"
#include "lib/limits.h"
#include "lib/record.h"
#include "lib/site_map.h"
#include "lib/times.h"
#include "probe/identify.h"
#include "probe/manners.h"
#include "probe/names.h"
#include "probe/services.h"

struct look_options {
	int family; /* 4, 6; 0: both */
	bool json, numeric, quiet, dry_run;
	bool dns, echo, trace; /* what is asked */
	bool tcp;              /* DNS over TCP instead of UDP */
	bool dnssec_ok, cookie, rd, mixed_case; /* of every DNS question */
	uint16_t udp_size;                      /* 0: the default */
	int count;                              /* timed questions */
	int flows;
	int dscp; /* 0: as usual */
	double rate;
	struct span interval, timeout;
	struct span tail; /* to listen after the last answer; < 0: prober.h */
	const char *zone;
	const char *source4, *source6, *interface; /* NULL: the host's choice */
	const char *mmdb[LIMIT_MMDB_FILES];
	size_t mmdb_count;
	/* Files; NULL: none. */
	const char *site_map, *blocklist, *services;
	const char *write, *read; /* captures */
	struct manners *manners;
	char **targets;
	size_t target_count;
};

/* The exit code (log.h). */
int look(const struct look_options *);

/* --- between look.c, look_plan.c and show.c --- */

struct look_address {
	const char *name; /* as the user wrote it, without @port */
	struct addr addr;
	uint16_t port;
};

struct look_result {
	const struct look_address *address;
	const struct record **records; /* in time order */
	size_t record_count;
	struct identity identity;
	const struct service *service; /* NULL: not in the table */
	const struct names *names;     /* of hops; NULL: not looked up */
	struct geo *geo;               /* their networks; NULL: likewise */
};

/* Names and addresses of the command line, resolved and checked against the
 * manners. The exit code; *addresses is the caller's to free, its names
 * too (look_addresses_free). */
int look_resolve(const struct look_options *, struct look_address **addresses,
    size_t *count);
void look_addresses_free(struct look_address *, size_t count);

/* A page that reads at a glance. */
void show_page(const struct look_options *, const struct look_result *);

#endif
