#include "lib/gazetteer.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "lib/gazetteer_data.h"
#include "lib/sphere.h"
#include "lib/text.h"

#define SMALL_COUNTRY_KM 120.0
/* In a country with more places than these, a few letters in order fit too
 * many of them by chance. */
#define FEW_PLACES 60

enum quality {
	QUALITY_NONE,
	QUALITY_LETTERS, /* in order, the first one first */
	QUALITY_START,   /* the first letters, or the initials */
	QUALITY_NAME,
};

static const int quality_confidence[] = { 0, 55, 60, 75 };

static void
place_of(struct gazetteer_place *place, const struct gazetteer_row *row,
    int confidence)
{
	memset(place, 0, sizeof(*place));
	place->lat = row->lat;
	place->lon = row->lon;
	(void)text_copy(place->country, sizeof(place->country), row->country);
	(void)text_copy(place->city, sizeof(place->city), row->city);
	place->confidence = confidence;
	place->major = row->weight >= 3;
}

static double
km_between(const struct gazetteer_row *a, const struct gazetteer_row *b)
{
	return sphere_km((struct sphere_point){ a->lat, a->lon },
	    (struct sphere_point){ b->lat, b->lon });
}

static bool
near(const struct gazetteer_row *a, const struct gazetteer_row *b)
{
	return km_between(a, b) <= GAZETTEER_NEAR_KM;
}

/* The rows of a country: count of them from *first on. */
static size_t
rows_of(const char *country, size_t *first)
{
	size_t low = 0, high = gazetteer_count, count = 0;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (strcmp(gazetteer_rows[middle].country, country) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	while (low + count < gazetteer_count &&
	       strcmp(gazetteer_rows[low + count].country, country) == 0)
		count++;
	return count;
}

bool
gazetteer_country(char country[3], const char *letters)
{
	size_t first;

	if (!isalpha((unsigned char)letters[0]) ||
	    !isalpha((unsigned char)letters[1]) || letters[2] != '\0')
		return false;
	country[0] = (char)toupper((unsigned char)letters[0]);
	country[1] = (char)toupper((unsigned char)letters[1]);
	country[2] = '\0';
	if (strcmp(country, "UK") == 0)
		(void)text_copy(country, 3, "GB");
	return rows_of(country, &first) > 0;
}

bool
gazetteer_code(
    struct gazetteer_place *place, const char *code, const char *country)
{
	const struct gazetteer_row *best = NULL;
	size_t low = 0, high = gazetteer_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (strcmp(gazetteer_rows[gazetteer_by_code[middle]].code,
			code) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < gazetteer_count; low++) {
		const struct gazetteer_row *row =
		    &gazetteer_rows[gazetteer_by_code[low]];

		if (strcmp(row->code, code) != 0)
			break;
		if (row->use == GAZETTEER_NAME)
			continue;
		if (country[0] != '\0' ? strcmp(row->country, country) != 0
				       : row->use == GAZETTEER_LOCODE)
			continue;
		if (best == NULL || row->weight > best->weight)
			best = row;
	}
	if (best == NULL)
		return false;
	place_of(place, best, country[0] != '\0' ? 90 : 80);
	return true;
}

/* Compare the letters and digits of a town with a plain name. */
static int
name_compare(const char *city, const char *name)
{
	for (;; city++) {
		if (*city != '\0' && !isalnum((unsigned char)*city))
			continue;
		if (*city == '\0' || *name == '\0' ||
		    tolower((unsigned char)*city) != *name)
			return tolower((unsigned char)*city) - *name;
		name++;
	}
}

static bool
has_initials(const char *city, const char *name)
{
	bool begins = true;

	for (; *city != '\0'; city++) {
		if (begins && isalpha((unsigned char)*city) &&
		    tolower((unsigned char)*city) != *name++)
			return false;
		begins = !isalpha((unsigned char)*city);
	}
	return *name == '\0';
}

static enum quality
quality_of(const char *city, const char *name)
{
	const char *next = name;
	bool first_letters = true;

	if (name_compare(city, name) == 0)
		return QUALITY_NAME;
	if (has_initials(city, name))
		return QUALITY_START;
	if (tolower((unsigned char)*city) != *name)
		return QUALITY_NONE;
	for (; *city != '\0' && *next != '\0'; city++) {
		if (tolower((unsigned char)*city) == *next)
			next++;
		else if (isalnum((unsigned char)*city))
			first_letters = false;
	}
	if (*next != '\0')
		return QUALITY_NONE;
	if (first_letters)
		return QUALITY_START;
	return next - name >= 3 ? QUALITY_LETTERS : QUALITY_NONE;
}

/* The best row so far, and the best that is somewhere else. */
struct choice {
	const struct gazetteer_row *best, *rival;
	enum quality quality;
	int best_score, rival_score;
	int margin; /* by which the best must beat the rival */
};

static void
offer(struct choice *c, const struct gazetteer_row *row, enum quality quality)
{
	const int score = 3 * (int)quality + 2 * row->weight;

	if (c->best == NULL || score > c->best_score) {
		if (c->best != NULL && !near(c->best, row)) {
			c->rival = c->best;
			c->rival_score = c->best_score;
		}
		c->best = row;
		c->best_score = score;
		c->quality = quality;
	} else if (!near(c->best, row) && score > c->rival_score) {
		c->rival = row;
		c->rival_score = score;
	}
}

static bool
decide(struct gazetteer_place *place, const struct choice *c)
{
	int confidence;

	if (c->best == NULL ||
	    (c->rival != NULL && c->rival_score + c->margin > c->best_score))
		return false;
	confidence = quality_confidence[c->quality];
	if (c->rival != NULL)
		confidence -= 5;
	place_of(place, c->best, confidence);
	return true;
}

/* Whole names, anywhere. */
static void
offer_names(struct choice *c, const char *name)
{
	size_t low = 0, high = gazetteer_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (name_compare(gazetteer_rows[gazetteer_by_name[middle]].city,
			name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < gazetteer_count; low++) {
		const struct gazetteer_row *row =
		    &gazetteer_rows[gazetteer_by_name[low]];

		if (name_compare(row->city, name) != 0)
			break;
		offer(c, row, QUALITY_NAME);
	}
}

/* The first letters of metro areas, and of large airports' towns as rivals,
 * anywhere. */
static void
offer_metros(struct choice *c, const char *name)
{
	for (size_t i = 0; i < gazetteer_count; i++) {
		const struct gazetteer_row *row = &gazetteer_rows[i];

		if (row->weight >= 3 &&
		    quality_of(row->city, name) >= QUALITY_START)
			offer(c, row, QUALITY_START);
	}
	if (c->best != NULL && c->best->weight < 4)
		c->best = NULL;
}

static void
offer_country(struct choice *c, const char *name, const char *country)
{
	size_t first;
	const size_t count = rows_of(country, &first);

	for (size_t i = first; i < first + count; i++) {
		const struct gazetteer_row *row = &gazetteer_rows[i];
		const enum quality quality = quality_of(row->city, name);

		if (quality == QUALITY_NONE)
			continue;
		if (quality != QUALITY_NAME && count > FEW_PLACES &&
		    (row->weight < 3 || quality == QUALITY_LETTERS))
			continue;
		offer(c, row, quality);
	}
}

static void
offer_region(struct choice *c, const char *name, const char *region)
{
	for (size_t i = 0; i < gazetteer_count; i++) {
		const struct gazetteer_row *row = &gazetteer_rows[i];
		const enum quality quality = strcmp(row->region, region) == 0
						 ? quality_of(row->city, name)
						 : QUALITY_NONE;

		if (quality != QUALITY_NONE)
			offer(c, row, quality);
	}
}

bool
gazetteer_town(struct gazetteer_place *place, const char *name,
    const char *area, bool states)
{
	/* Few letters mean little: there one size of town is no difference. */
	struct choice c = {
		.margin = strlen(name) < (area[0] == '\0' ? 4 : 3) ? 3 : 2
	};

	if (name[0] == '\0')
		return false;
	if (area[0] != '\0') {
		offer_country(&c, name, area);
		if (states)
			offer_region(&c, name, area);
	} else if (strlen(name) > 3)
		offer_names(&c, name);
	else
		offer_metros(&c, name);
	return decide(place, &c);
}

bool
gazetteer_small_country(struct gazetteer_place *place, const char *country)
{
	size_t first;
	const size_t count = rows_of(country, &first);

	for (size_t i = first + 1; i < first + count; i++)
		if (km_between(&gazetteer_rows[first], &gazetteer_rows[i]) >
		    SMALL_COUNTRY_KM)
			return false;
	if (count == 0)
		return false;
	place_of(place, &gazetteer_rows[first], 50);
	place->city[0] = '\0';
	return true;
}

const char *
gazetteer_missing(void)
{
	return gazetteer_airports > 0
		   ? NULL
		   : "built without airports: hints and codes know only the "
		     "metro table (nodejs and npm, then: make gazetteer)";
}
