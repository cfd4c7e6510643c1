#include "lib/geo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <maxminddb.h>
#include "lib/geo_private.h"
#include "lib/latin.h"
#include "lib/log.h"
#include "lib/text.h"

#define PATH_KEYS 4
#define NUMBER_TEXT 32

struct database {
	MMDB_s mmdb;
	char *path;
	bool said; /* that it is damaged */
};

struct geo {
	size_t count;
	struct database databases[];
};

/* Where publishers keep a field, in order; each way ends with NULL. */
typedef const char *const way_keys[PATH_KEYS];

static way_keys country_ways[] = {
	{ "country", "iso_code" },
	{ "country_code" },
	{ "country" },
	{ NULL },
};
static way_keys city_ways[] = {
	{ "city", "names", "en" },
	{ "city" },
	{ NULL },
};
static way_keys lat_ways[] = {
	{ "location", "latitude" },
	{ "latitude" },
	{ "lat" },
	{ NULL },
};
static way_keys lon_ways[] = {
	{ "location", "longitude" },
	{ "longitude" },
	{ "lng" },
	{ "lon" },
	{ NULL },
};
static way_keys asn_ways[] = {
	{ "autonomous_system_number" },
	{ "asn" },
	{ "traits", "autonomous_system_number" },
	{ NULL },
};
static way_keys as_name_ways[] = {
	{ "autonomous_system_organization" },
	{ "as_name" },
	{ "traits", "autonomous_system_organization" },
	{ "name" },
	{ NULL },
};

/* --- the databases --- */

static bool
open_one(struct database *db, const char *path)
{
	const char *reason = geo_distrust(path);
	int status;

	if (reason == NULL) {
		status = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
		if (status != MMDB_SUCCESS)
			reason = MMDB_strerror(status);
	}
	if (reason == NULL && (db->path = strdup(path)) == NULL) {
		MMDB_close(&db->mmdb);
		reason = "out of memory";
	}
	if (reason != NULL)
		log_warnx("%s: %s; going on without it", path, reason);
	return reason == NULL;
}

struct geo *
geo_open(const char *const *paths, size_t count)
{
	struct geo *geo;

	if (count == 0)
		return NULL;
	geo = calloc(1, sizeof(*geo) + count * sizeof(geo->databases[0]));
	if (geo == NULL) {
		log_warn("%s", paths[0]);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		geo->count += open_one(&geo->databases[geo->count], paths[i]);
	if (geo->count > 0)
		return geo;
	free(geo);
	return NULL;
}

void
geo_close(struct geo *geo)
{
	if (geo == NULL)
		return;
	for (size_t i = 0; i < geo->count; i++) {
		MMDB_close(&geo->databases[i].mmdb);
		free(geo->databases[i].path);
	}
	free(geo);
}

/* --- one record --- */

struct record_of {
	struct database *db;
	MMDB_entry_s entry;
};

static void
complain(struct database *db, int status)
{
	if (!db->said)
		log_warnx("%s: %s; what it says of such addresses is unknown",
		    db->path, MMDB_strerror(status));
	db->said = true;
}

static bool
take(struct record_of *r, const char *const *way, MMDB_entry_data_s *data)
{
	const int status = MMDB_aget_value(&r->entry, data, way);

	if (status == MMDB_SUCCESS)
		return data->has_data;
	if (status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR &&
	    status != MMDB_INVALID_LOOKUP_PATH_ERROR)
		complain(r->db, status);
	return false;
}

static bool
take_text(struct record_of *r, way_keys *ways, char *text, size_t size)
{
	MMDB_entry_data_s data;

	text[0] = '\0';
	for (; (*ways)[0] != NULL && text[0] == '\0'; ways++)
		if (take(r, *ways, &data) &&
		    data.type == MMDB_DATA_TYPE_UTF8_STRING)
			latin_ascii(
			    text, size, data.utf8_string, data.data_size);
	return text[0] != '\0';
}

/* A number, or the text of one, which may begin with a prefix. */
static bool
number_of(const MMDB_entry_data_s *data, const char *prefix, double *value)
{
	char text[NUMBER_TEXT];
	const size_t skip = strlen(prefix);

	switch (data->type) {
	case MMDB_DATA_TYPE_DOUBLE:
		*value = data->double_value;
		return true;
	case MMDB_DATA_TYPE_FLOAT:
		*value = (double)data->float_value;
		return true;
	case MMDB_DATA_TYPE_UINT16:
		*value = data->uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*value = data->uint32;
		return true;
	case MMDB_DATA_TYPE_UTF8_STRING:
		latin_ascii(
		    text, sizeof(text), data->utf8_string, data->data_size);
		return text_double(value,
			   text + (strncmp(text, prefix, skip) == 0 ? skip : 0),
			   -UINT32_MAX, UINT32_MAX) == 0;
	default:
		return false;
	}
}

static bool
take_number(
    struct record_of *r, way_keys *ways, const char *prefix, double *value)
{
	MMDB_entry_data_s data;

	for (; (*ways)[0] != NULL; ways++)
		if (take(r, *ways, &data) && number_of(&data, prefix, value))
			return isfinite(*value);
	return false;
}

/* --- fields --- */

static bool
take_country(struct record_of *r, char country[3])
{
	char text[8];

	country[0] = '\0';
	if (!take_text(r, country_ways, text, sizeof(text)) ||
	    strlen(text) != 2)
		return false;
	for (int i = 0; i < 2; i++) {
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
		if (text[i] < 'A' || text[i] > 'Z')
			return false;
	}
	return text_copy(country, 3, text) == 0;
}

static void
add_network(struct record_of *r, struct geo_place *place)
{
	double number;

	if (place->asn >= 0 || !take_number(r, asn_ways, "AS", &number) ||
	    number < 0 || number > UINT32_MAX || number != floor(number))
		return;
	place->asn = (int64_t)number;
	(void)take_text(
	    r, as_name_ways, place->as_name, sizeof(place->as_name));
}

static void
add_position(struct record_of *r, struct geo_place *place)
{
	double lat, lon;

	if (place->has_position || !take_number(r, lat_ways, "", &lat) ||
	    !take_number(r, lon_ways, "", &lon) || fabs(lat) > 90 ||
	    fabs(lon) > 180)
		return;
	place->has_position = true;
	place->lat = lat;
	place->lon = lon;
}

static void
add_record(struct record_of *r, struct geo_place *place)
{
	const bool nowhere = place->city[0] == '\0' && !place->has_position;
	char country[3];

	add_network(r, place);
	if (take_country(r, country) && place->country[0] == '\0')
		(void)text_copy(
		    place->country, sizeof(place->country), country);
	if (!nowhere ||
	    (country[0] != '\0' && strcmp(country, place->country) != 0))
		return;
	(void)take_text(r, city_ways, place->city, sizeof(place->city));
	add_position(r, place);
}

bool
geo_find(struct geo *geo, const struct addr *addr, struct geo_place *place)
{
	struct sockaddr_storage address;

	*place = (struct geo_place){ .asn = -1 };
	if (geo == NULL || !addr_is_set(addr))
		return false;
	(void)addr_to_sockaddr(&address, addr, 0);
	for (size_t i = 0; i < geo->count; i++) {
		struct record_of r = { .db = &geo->databases[i] };
		int status;
		const MMDB_lookup_result_s found = MMDB_lookup_sockaddr(
		    &r.db->mmdb, (const struct sockaddr *)&address, &status);

		if (status == MMDB_SUCCESS && found.found_entry) {
			r.entry = found.entry;
			add_record(&r, place);
		} else if (status != MMDB_SUCCESS &&
			   status != MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
			complain(r.db, status);
	}
	return place->country[0] != '\0' || place->asn >= 0 ||
	       place->city[0] != '\0' || place->has_position;
}
