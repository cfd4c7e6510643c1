#include "collector/import_ripe_atlas_probes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/import_json_stream.h"
#include "lib/text.h"

#define FIRST_SIZE 1024 /* a power of two */
#define PROBE_BYTES (1 << 20)

struct probe {
	int64_t id;     /* -1: the slot is free */
	int64_t time_s; /* of the result that said it */
	bool archived, seen, has_position;
	char country[3];
	double lat, lon;
	int64_t asn; /* -1: unknown */
};

/* Open addressing, at most half full. */
struct atlas_probes {
	struct probe *slots;
	size_t size, count;
};

static struct probe *
make_slots(size_t size)
{
	struct probe *slots = calloc(size, sizeof(*slots));
	size_t i;

	for (i = 0; slots != NULL && i < size; i++)
		slots[i] = (struct probe){ .id = -1, .asn = -1 };
	return slots;
}

struct atlas_probes *
atlas_probes_new(void)
{
	struct atlas_probes *probes = calloc(1, sizeof(*probes));

	if (probes == NULL)
		return NULL;
	probes->size = FIRST_SIZE;
	if ((probes->slots = make_slots(probes->size)) == NULL) {
		free(probes);
		return NULL;
	}
	return probes;
}

void
atlas_probes_free(struct atlas_probes *probes)
{
	if (probes == NULL)
		return;
	free(probes->slots);
	free(probes);
}

/* The probe's slot, or the free one where it belongs. */
static struct probe *
find_slot(struct probe *slots, size_t size, int64_t id)
{
	size_t at = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15U >> 32);

	while (
	    slots[at & (size - 1)].id != -1 && slots[at & (size - 1)].id != id)
		at++;
	return &slots[at & (size - 1)];
}

static int
grow(struct atlas_probes *probes)
{
	size_t size = probes->size * 2, i;
	struct probe *slots;

	if ((slots = make_slots(size)) == NULL)
		return -1;
	for (i = 0; i < probes->size; i++)
		if (probes->slots[i].id != -1)
			*find_slot(slots, size, probes->slots[i].id) =
			    probes->slots[i];
	free(probes->slots);
	probes->slots = slots;
	probes->size = size;
	return 0;
}

/* The probe, made where it is missing. NULL: no memory. */
static struct probe *
get_probe(struct atlas_probes *probes, int64_t id)
{
	struct probe *probe;

	if (probes->count * 2 >= probes->size && grow(probes) == -1)
		return NULL;
	probe = find_slot(probes->slots, probes->size, id);
	if (probe->id == -1) {
		probe->id = id;
		probes->count++;
	}
	return probe;
}

static bool
get_number(const json_t *object, const char *key, double max, double *number)
{
	const json_t *value = json_object_get(object, key);
	double got = json_number_value(value);

	if (!json_is_number(value) || got < -max || got > max)
		return false;
	*number = got;
	return true;
}

static void
read_asn(struct probe *probe, const json_t *object)
{
	static const char *const keys[] = { "asn_v4", "asn_v6" };
	const json_t *value;
	json_int_t asn;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		value = json_object_get(object, keys[i]);
		asn = json_integer_value(value);
		if (json_is_integer(value) && asn > 0 && asn <= UINT32_MAX) {
			probe->asn = asn;
			return;
		}
	}
	probe->asn = -1;
}

static void
read_country(struct probe *probe, const json_t *object)
{
	const char *code =
	    json_string_value(json_object_get(object, "country_code"));

	probe->country[0] = '\0';
	if (code != NULL && strlen(code) == 2 && code[0] >= 'A' &&
	    code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z')
		(void)text_copy(probe->country, sizeof(probe->country), code);
}

/* GeoJSON has the longitude first (RFC 7946 section 3.1.1). */
static bool
read_geometry(struct probe *probe, const json_t *object)
{
	const json_t *pair =
	    json_object_get(json_object_get(object, "geometry"), "coordinates");
	const json_t *lon = json_array_get(pair, 0);
	const json_t *lat = json_array_get(pair, 1);

	if (!json_is_number(lon) || !json_is_number(lat))
		return false;
	probe->lon = json_number_value(lon);
	probe->lat = json_number_value(lat);
	return probe->lon >= -180 && probe->lon <= 180 && probe->lat >= -90 &&
	       probe->lat <= 90;
}

static void
read_place(struct probe *probe, const json_t *object, const char *lat_key,
    const char *lon_key)
{
	read_asn(probe, object);
	read_country(probe, object);
	probe->has_position = get_number(object, lat_key, 90, &probe->lat) &&
			      get_number(object, lon_key, 180, &probe->lon);
}

/* An object of the archive; what has no id is part of the wrapping. */
static int
load_probe(struct atlas_probes *probes, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *id = json_object_get(object, "id");
	struct probe *probe;
	int status = 0;

	if (json_is_integer(id) && json_integer_value(id) >= 0) {
		probe = get_probe(probes, json_integer_value(id));
		if (probe == NULL) {
			status = -1;
		} else {
			read_place(probe, object, "latitude", "longitude");
			if (!probe->has_position)
				probe->has_position =
				    read_geometry(probe, object);
			probe->archived = true;
		}
	}
	json_decref(object);
	return status;
}

int
atlas_probes_load(struct atlas_probes *probes, const char *path, char *error,
    size_t error_size)
{
	struct json_stream *stream;
	enum json_piece piece;
	const char *text, *reason = NULL;
	size_t len;

	if ((stream = json_stream_open(path, PROBE_BYTES)) == NULL) {
		(void)text_print(error, error_size, "%s: %m", path);
		return -1;
	}
	while (
	    (piece = json_stream_next(stream, &text, &len)) != JSON_PIECE_END &&
	    reason == NULL) {
		if (piece == JSON_PIECE_UNREADABLE)
			reason = "damaged";
		else if (piece == JSON_PIECE_OBJECT &&
			 load_probe(probes, text, len) == -1)
			reason = "no memory";
	}
	json_stream_close(stream);
	if (reason == NULL && probes->count == 0)
		reason = "no probes in it";
	if (reason == NULL)
		return 0;
	(void)text_print(error, error_size, "%s: %s", path, reason);
	return -1;
}

int
atlas_probes_see(struct atlas_probes *probes, int64_t id, int64_t time_s,
    const json_t *result)
{
	struct probe *probe = get_probe(probes, id);

	if (probe == NULL)
		return -1;
	if (!probe->archived && (!probe->seen || time_s > probe->time_s)) {
		read_place(probe, result, "src_lat", "src_lon");
		probe->time_s = time_s;
	}
	probe->seen = true;
	return 0;
}

void
atlas_probe_name(char *name, int64_t probe)
{
	(void)text_print(
	    name, LIMIT_VP_NAME + 1, "atlas-%lld", (long long)probe);
}

static enum store_result
store_place(struct store *store, const struct probe *probe)
{
	struct vp_place place = { .has_position = probe->has_position,
		.lat = probe->lat,
		.lon = probe->lon,
		.asn = probe->asn };
	char name[LIMIT_VP_NAME + 1];
	enum store_result result;
	int64_t vp;

	if (!probe->has_position && probe->asn == -1 &&
	    probe->country[0] == '\0')
		return STORE_OK;
	(void)text_copy(place.country, sizeof(place.country), probe->country);
	atlas_probe_name(name, probe->id);
	if ((result = store_vp(store, name, true, &vp)) != STORE_OK)
		return result;
	return store_vp_place(store, vp, &place);
}

enum store_result
atlas_probes_store(const struct atlas_probes *probes, struct store *store)
{
	enum store_result result;
	size_t i;

	if ((result = store_begin(store)) != STORE_OK)
		return result;
	for (i = 0; i < probes->size; i++) {
		if (!probes->slots[i].seen)
			continue;
		result = store_place(store, &probes->slots[i]);
		if (result != STORE_OK) {
			store_rollback(store);
			return result;
		}
	}
	return store_commit(store);
}
