/*
 * Lines of CSV (RFC 4180) with a header row whose columns are found by name.
 * A record is one line: names of instances are text forms, without newlines.
 * Lines before the header that begin with # are comments.
 */
#ifndef COLLECTOR_SITES_CSV_H
#define COLLECTOR_SITES_CSV_H

#include <stddef.h>

#define SITES_CSV_COLUMNS 16 /* that may be asked for */

struct sites_csv;

/* Open FILE or "-" and read its header. columns ends with NULL; the first
 * required of them must be there, in any order, others are skipped. NULL
 * after one line of log; *code is then the exit code. */
struct sites_csv *sites_csv_open(
    const char *path, const char *const *columns, size_t required, int *code);

/* 1: fields[i] is the text of columns[i], "" where it is not there, valid
 * until the next call; 0: end; -1: refused, after one line of log. An
 * apostrophe that escape_csv put before a formula is taken off again. */
int sites_csv_next(struct sites_csv *, const char **fields);
/* The comments, each line with its newline; "" for none. Borrowed. */
const char *sites_csv_comments(const struct sites_csv *);
/* The number of the line read last, 1 first. */
unsigned long sites_csv_line(const struct sites_csv *);
void sites_csv_close(struct sites_csv *);

#endif
