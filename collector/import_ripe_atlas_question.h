/*
 * What a DNS measurement of RIPE Atlas asked.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_QUESTION_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_QUESTION_H

#include <stdint.h>
#include "lib/dns.h"
#include "lib/limits.h"
#include "lib/record.h"

struct atlas_question {
	char name[LIMIT_QUESTION];  /* as record.question; "": not known */
	char qname[LIMIT_QUESTION]; /* with final dot */
	uint16_t qtype, qclass;
};

/* "hostname.bind", "id.server", "soa" or a name, as a person writes it. 0, or
 * -1 where it is no name. */
int atlas_question_parse(struct atlas_question *, const char *text);

void atlas_question_of_dns(
    struct atlas_question *, const struct dns_question *);
void atlas_question_of_record(struct atlas_question *, const struct record *);
void atlas_question_to_record(struct record *, const struct atlas_question *);

#endif
