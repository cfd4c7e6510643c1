/*
 * Continents, from the subregions of the UN's standard M49 (lib/regions.h).
 */
#ifndef ANALYSIS_CONTINENTS_H
#define ANALYSIS_CONTINENTS_H

#include "lib/regions.h"

/* "Africa", "Asia", "Europe", "North America", "Oceania" or "South America",
 * of a country in capitals; "" where it is not known, and in Antarctica. The
 * same pointer for the same continent. */
const char *continent_of(const struct regions *, const char *country);

#endif
