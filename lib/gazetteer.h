/*
 * Codes and names of towns to places. What is found is what the words most
 * likely mean, never a proof: every answer carries a confidence in percent,
 * and what could be two places more than 150 km apart is none.
 */
#ifndef LIB_GAZETTEER_H
#define LIB_GAZETTEER_H

#include <stdbool.h>

/* Two places nearer than this are one for a site map. */
#define GAZETTEER_NEAR_KM 150.0

struct gazetteer_place {
	double lat, lon;
	char country[3]; /* ISO 3166, capitals */
	char city[32];   /* ASCII; "" where only the country is known */
	int confidence;  /* percent */
	bool major;      /* a metro area or a large airport */
};

/* Two letters of either case as an ISO 3166 code in capitals (uk is GB).
 * false where the gazetteer knows no such country. */
bool gazetteer_country(char country[3], const char *letters);

/* Three letters: IATA code of an airport or town. With a country (capitals),
 * also a code that UN/LOCODE uses there, and nothing elsewhere. "": anywhere.
 */
bool gazetteer_code(
    struct gazetteer_place *, const char *code, const char *country);

/* A town's name or an abbreviation of it: its first letters, its initials,
 * letters of it in order. Lower case, letters and digits. area is a country
 * or, with states, also a state of the US, Canada or Australia (capitals);
 * with "" only whole names, and first letters of metro areas. */
bool gazetteer_town(
    struct gazetteer_place *, const char *name, const char *area, bool states);

/* Somewhere in a country that is so small that it does not matter where. */
bool gazetteer_small_country(struct gazetteer_place *, const char *country);

/* NULL, or what the gazetteer was built without, as a sentence. */
const char *gazetteer_missing(void);

#endif
