/*
 * The region of a country: what the operator's own table says, else the UN's
 * standard M49 as it ships (schema/regions, which tells the format).
 */
#ifndef LIB_REGIONS_H
#define LIB_REGIONS_H

#include <stddef.h>

struct regions;

/* With path, its lines before the shipped ones. NULL with one line in error,
 * "FILE:LINE: reason" or "FILE: reason", and errno EACCES where that was it. */
struct regions *regions_read(const char *path, char *error, size_t size);
void regions_free(struct regions *);

/* Of an ISO 3166 code in capitals; "" where none is known. regions may be
 * NULL. */
const char *regions_of(const struct regions *, const char *country);

/* The countries of a region, "DE,FR,NL", in REGIONS_COUNTRIES_TEXT. How many.
 */
#define REGIONS_COUNTRIES_TEXT (26 * 26 * 3 + 1)
size_t regions_countries(
    const struct regions *, const char *region, char *text);

#endif
