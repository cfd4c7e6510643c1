/*
 * The configuration that acprobe and acship share: acprobe.conf(5).
 */
#ifndef PROBE_CONFIG_H
#define PROBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "lib/addr.h"
#include "lib/limits.h"
#include "lib/sign.h"
#include "lib/times.h"

#define CONFIG_CONTACT 64   /* bytes of contact text, NUL included */
#define CONFIG_QUESTIONS 16 /* of one target */

struct config_address {
	char *host;       /* a name, without @port; NULL: it is an address */
	struct addr addr; /* not set where host is a name */
	uint16_t port;    /* of DNS */
};

struct config_target {
	char name[LIMIT_TARGET_NAME + 1];
	struct config_address *address;
	size_t address_count;
	char *zone; /* the SOA that is asked for */
	int flows;  /* of each address */
	int count;  /* timed questions of each flow in a round */
	bool echo, trace;
	bool udp, tcp; /* over which DNS is asked */
	int edns_size;
	bool dnssec, cookies, recursion;
	enum config_mixed_case {
		MIXED_CASE_KNOWN, /* for servers known to give it back */
		MIXED_CASE_NEVER,
		MIXED_CASE_ALWAYS,
	} mixed_case;
	char *question[CONFIG_QUESTIONS]; /* "soa", "service", or as dns.h
					     reads them, in one spelling */
	size_t question_count;
};

struct config {
	char vp[LIMIT_VP_NAME + 1];
	char *key;               /* file of the private key */
	char *spool;             /* folder */
	char *user;              /* NULL: stay who started it */
	struct span every;       /* ns 0: not said */
	struct span splay;       /* a round starts at random within it */
	struct span deadline;    /* of a round, from its start */
	struct span timeout;     /* of one question */
	double rate;             /* packets per second */
	struct span trace_every; /* of a path that does not change */
	int trace_budget; /* paths of a round for changes, and for their time */
	struct addr source4, source6; /* not set: the host's choice */
	char *interface;              /* NULL: the host's choice */
	int dscp;                     /* 0: as usual */
	char *blocklist;              /* file; NULL: none */
	char *services;               /* file; NULL: the shipped lines alone */
	struct prefix_list allow_special;
	char contact[CONFIG_CONTACT]; /* "": none */
	char *collector; /* "https://HOST[:PORT][/PATH]", NULL: none */
	char *ca;        /* file; NULL: the system's */
	char *proxy;     /* NULL: none, whatever the environment says */
	int64_t spool_bytes;
	struct span spool_age;
	struct config_target *target;
	size_t target_count;
	size_t address_count; /* of all targets */
};

/* acship takes targets as they stand; acprobe checks their addresses too:
 * special-purpose ones outside allow_special are refused. */
enum config_reader {
	CONFIG_PROBE,
	CONFIG_SHIP,
};

/* NULL where it cannot be read or is refused: error then holds one line,
 * "FILE:LINE: reason" or "FILE: reason", and errno is EACCES or ENOENT where
 * that was the reason, else EINVAL. config_free frees. */
struct config *config_read(
    const char *path, enum config_reader, char *error, size_t error_size);
void config_free(struct config *);

/* The same settings in the same syntax, defaults included: read again it
 * prints the same. */
void config_print(const struct config *, FILE *);

/* The private key that the configuration names. Refused where anybody but
 * its owner can read it, or where its owner is another than root, who runs
 * this or user. NULL with one line in error, errno as above. sign_key_free
 * frees. */
struct sign_key *config_load_key(
    const struct config *, char *error, size_t error_size);

#endif
