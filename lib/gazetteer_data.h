/*
 * The rows of the gazetteer, made at build time by schema/sitemap: the metro
 * table of the tree, and airports where npm could bring them. Ordered by
 * country, heaviest first; by_code and by_name are orders of the same rows.
 */
#ifndef LIB_GAZETTEER_DATA_H
#define LIB_GAZETTEER_DATA_H

#include <stddef.h>
#include <stdint.h>

enum gazetteer_use {
	GAZETTEER_LOCODE,  /* a code that needs its country beside it */
	GAZETTEER_CODE,    /* means the place by itself */
	GAZETTEER_METRO,   /* the same, of a town that everybody knows */
	GAZETTEER_AIRPORT, /* IATA */
	GAZETTEER_NAME, /* another name of a town; its code is not looked at */
};

struct gazetteer_row {
	char country[3]; /* ISO 3166, capitals */
	char code[4];    /* lower case */
	char region[4];  /* of US, CA and AU: the state; else "" */
	char city[32];   /* ASCII */
	enum gazetteer_use use;
	int weight; /* 4 metro, 3 large airport, 2, 1 */
	double lat, lon;
};

extern const struct gazetteer_row gazetteer_rows[];
extern const size_t gazetteer_count;
extern const size_t gazetteer_airports; /* 0: built without npm */
extern const uint16_t gazetteer_by_code[];
extern const uint16_t gazetteer_by_name[]; /* letters and digits, lower case */

#endif
