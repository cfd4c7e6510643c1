/*
 * A group of countries, as a list of ISO 3166 codes.
 */
#ifndef ANALYSIS_BLOC_H
#define ANALYSIS_BLOC_H

#include <stdbool.h>

/* "DE,FR,NL", or "eu" for the members of the European Union. 0, or -1. */
int bloc_check(const char *text);

/* Whether a country is one of a text that bloc_check takes. */
bool bloc_holds(const char *text, const char *country);

#endif
