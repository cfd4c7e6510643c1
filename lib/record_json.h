/*
 * What the writer and the readers of a record's JSON share: how DNS types and
 * classes are spelled. And the two readers behind record_from_json.
 */
#ifndef LIB_RECORD_JSON_H
#define LIB_RECORD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/record.h"

#define RECORD_MNEMONIC 12 /* fits "CLASS65535" */

/* "SOA" "TXT" "A" and other mnemonics, else "TYPE65280" (RFC 3597). */
void record_qtype_format(char text[RECORD_MNEMONIC], uint16_t qtype);
/* "IN" "CH", others "CLASS7". */
void record_qclass_format(char text[RECORD_MNEMONIC], uint16_t qclass);

/* 0, or -1 where text is no such spelling. One number has one spelling. */
int record_qtype_parse(uint16_t *qtype, const char *text);
int record_qclass_parse(uint16_t *qclass, const char *text);

/* A line in the form that record_to_json writes, 30 times as fast as the
 * other. False: it is something else, and *record is undefined. */
bool record_scan(struct record *, const char *json, size_t len);
/* Any form of JSON; what record_from_json is documented to do. */
int record_parse(struct record *, const char *json, size_t len, char *error,
    size_t error_size);

#endif
