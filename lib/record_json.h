/*
 * What the writers and the readers of a record's JSON share: how DNS types and
 * classes are spelled, and parts that are written alike wherever they stand.
 * And the two readers behind record_from_json.
 */
#ifndef LIB_RECORD_JSON_H
#define LIB_RECORD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/json_out.h"
#include "lib/record.h"

#define RECORD_MNEMONIC 12 /* fits "CLASS65535" */

/* "SOA" "TXT" "A" and other mnemonics, else "TYPE65280" (RFC 3597). */
void record_qtype_format(char text[RECORD_MNEMONIC], uint16_t qtype);
/* "IN" "CH", others "CLASS7". */
void record_qclass_format(char text[RECORD_MNEMONIC], uint16_t qclass);

/* 0, or -1 where text is no such spelling. One number has one spelling. */
int record_qtype_parse(uint16_t *qtype, const char *text);
int record_qclass_parse(uint16_t *qclass, const char *text);

/* Keys with their values: qtype and qclass; nsid, nsid_hex and nsid_len of one
 * that is there; answer; what of the flow and of the reply stands only where it
 * says something. */
void record_put_qtype(struct json_out *, const struct record_dns *);
void record_put_nsid(struct json_out *, const struct record_dns *);
void record_put_answers(struct json_out *, const struct record_dns *);
void record_put_flow_more(struct json_out *, const struct record_flow *);
void record_put_dns_more(struct json_out *, const struct record_dns *);
/* A hop's "11/0", "" where it has none; its labels as an array. */
#define RECORD_ICMP 16
void record_icmp_format(char text[RECORD_ICMP], const struct record_hop *);
void record_put_mpls(struct json_out *, const struct record_hop *);

/* A line in the form that record_to_json writes, 30 times as fast as the
 * other. False: it is something else, and *record is undefined. */
bool record_scan(struct record *, const char *json, size_t len);
/* Any form of JSON; what record_from_json is documented to do. */
int record_parse(struct record *, const char *json, size_t len, char *error,
    size_t error_size);

#endif
