#include "analysis/continents.h"

#include <string.h>

/* A subregion has this word in its name. */
static const struct {
	const char *word, *continent;
} continents[] = {
	{ "Africa", "Africa" },
	{ "Asia", "Asia" },
	{ "Europe", "Europe" },
	{ "South America", "South America" },
	{ "America", "North America" },
	{ "Caribbean", "North America" },
	{ "Australia", "Oceania" },
	{ "nesia", "Oceania" },
};

const char *
continent_of(const struct regions *regions, const char *country)
{
	const char *region = regions_of(regions, country);

	for (size_t i = 0; i < sizeof(continents) / sizeof(continents[0]);
	     i++) {
		if (strstr(region, continents[i].word) != NULL)
			return continents[i].continent;
	}
	return "";
}
