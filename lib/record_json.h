/*
 * What the writer and the reader of a record's JSON share: how DNS types and
 * classes are spelled.
 */
#ifndef LIB_RECORD_JSON_H
#define LIB_RECORD_JSON_H

#include <stdint.h>

#define RECORD_MNEMONIC 12 /* fits "CLASS65535" */

/* "SOA" "TXT" "A" and other mnemonics, else "TYPE65280" (RFC 3597). */
void record_qtype_format(char text[RECORD_MNEMONIC], uint16_t qtype);
/* "IN" "CH", others "CLASS7". */
void record_qclass_format(char text[RECORD_MNEMONIC], uint16_t qclass);

/* 0, or -1 where text is no such spelling. One number has one spelling. */
int record_qtype_parse(uint16_t *qtype, const char *text);
int record_qclass_parse(uint16_t *qclass, const char *text);

#endif
