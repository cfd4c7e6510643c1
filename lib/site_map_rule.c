/* What a rule says about a name. */
#include "lib/site_map_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/text.h"

/* A fast hash for short text (FNV-1a); nobody gains by collisions in their
 * own file. */
uint32_t
site_map_hash(const char *service, const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *service != '\0'; service++)
		hash = (hash ^ (uint8_t)*service) * 16777619U;
	hash = (hash ^ 0xff) * 16777619U;
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619U;
	return hash;
}

/* Put the groups of a match into a template. -1 where it gets too long or
 * nothing is left. */
static int
expand(char *out, size_t size, const char *template, const struct asked *asked,
    const PCRE2_SIZE *groups)
{
	size_t len = 0;

	for (; *template != '\0'; template ++) {
		const char *from = template;
		size_t part = 1;

		if (*template == '\\') {
			const int n = *++template - '0';
			const PCRE2_SIZE start = groups[2 * n];

			/* A group that took no part matches nothing. */
			part = start == PCRE2_UNSET ? 0
						    : groups[2 * n + 1] - start;
			from = part == 0 ? "" : asked->text + start;
		}
		if (len + part >= size)
			return -1;
		memcpy(out + len, from, part);
		len += part;
	}
	out[len] = '\0';
	return len == 0 ? -1 : 0;
}

/* Whether the text matches; then groups is set, of a regex. */
static bool
matches(const struct site_map *map, const struct rule *rule,
    const struct asked *asked, PCRE2_SIZE *groups)
{
	const struct site_map_memory *m = map->memory;
	const PCRE2_SIZE *found;
	int count;

	switch (rule->match) {
	case MATCH_LISTED:
	case MATCH_EXACT:
		return strcmp(asked->text, rule->pattern) == 0;
	case MATCH_PREFIX:
		return strncmp(asked->text, rule->pattern, rule->pattern_len) ==
		       0;
	case MATCH_SUFFIX:
		return asked->len >= rule->pattern_len &&
		       strcmp(asked->text + asked->len - rule->pattern_len,
			   rule->pattern) == 0;
	case MATCH_CONTAINS:
		return strstr(asked->text, rule->pattern) != NULL;
	default:
		break;
	}
	count = pcre2_match(rule->regex, (PCRE2_SPTR)asked->text, asked->len, 0,
	    0, m->match, m->limits);
	if (count < 0)
		return false;
	if (count == 0) /* more groups than \9 can name */
		count = GROUPS;
	found = pcre2_get_ovector_pointer(m->match);
	for (int i = 0; i < 2 * GROUPS; i++)
		groups[i] = i < 2 * count ? found[i] : PCRE2_UNSET;
	return true;
}

/* "gblon", "gb-lon": the country, and what follows it. */
static bool
cut_area(char area[4], const char **rest, const char *text)
{
	const char *dash = strchr(text, '-');
	const size_t len = dash != NULL ? (size_t)(dash - text) : 2;

	if (len < 2 || len > 3 || strlen(text) <= len)
		return false;
	for (size_t i = 0; i < len; i++)
		area[i] = (char)toupper((unsigned char)text[i]);
	area[len] = '\0';
	*rest = text + len + (dash != NULL);
	return true;
}

static void
plain(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (isalnum((unsigned char)*text))
			*to++ = *text;
	*to = '\0';
}

static bool
look_up_locode(struct gazetteer_place *place, const char *text)
{
	char area[4], country[3];
	const char *code;

	return cut_area(area, &code, text) &&
	       gazetteer_country(country, area) &&
	       (gazetteer_code(place, code, country) ||
		   gazetteer_town(place, code, country, false) ||
		   gazetteer_small_country(place, country));
}

static bool
look_up_state(struct gazetteer_place *place, const char *text)
{
	char area[4], country[3];
	char town[LOOKUP_TEXT];
	const char *rest;
	bool is_country;

	if (!cut_area(area, &rest, text) ||
	    text_copy(town, sizeof(town), rest) == -1)
		return false;
	plain(town);
	is_country = gazetteer_country(country, area);
	return gazetteer_town(place, town, is_country ? country : area, true) ||
	       (is_country && gazetteer_small_country(place, country));
}

static bool
look_up_town(struct gazetteer_place *place, const char *text)
{
	char town[LOOKUP_TEXT];

	if (text_copy(town, sizeof(town), text) == -1)
		return false;
	plain(town);
	return gazetteer_town(place, town, "", false);
}

/* The gazetteer asked once for each word. */
static const struct looked_up *
look_up(const struct site_map *map, enum lookup lookup, const char *text)
{
	struct looked_up *entry =
	    &map->memory->looked_up[site_map_hash("", text) % LOOKED_UP_SLOTS];

	if (entry->lookup == lookup && strcmp(entry->text, text) == 0)
		return entry;
	memset(entry, 0, sizeof(*entry));
	(void)text_copy(entry->text, sizeof(entry->text), text);
	entry->lookup = lookup;
	switch (lookup) {
	case LOOKUP_IATA:
		entry->found = gazetteer_code(&entry->place, text, "");
		break;
	case LOOKUP_LOCODE:
		entry->found = look_up_locode(&entry->place, text);
		break;
	case LOOKUP_STATE:
		entry->found = look_up_state(&entry->place, text);
		break;
	default:
		entry->found = look_up_town(&entry->place, text);
		break;
	}
	return entry;
}

static bool
set_place(const struct site_map *map, const struct rule *rule,
    struct site *site, const char *text)
{
	const struct looked_up *entry = look_up(map, rule->lookup, text);

	if (!entry->found ||
	    (site->country[0] != '\0' &&
		strcmp(site->country, entry->place.country) != 0)) {
		/* That the country is known stands without the place. */
		if (rule->lookup == LOOKUP_LOCODE && site->country[0] == '\0') {
			char letters[3] = { text[0], text[1], '\0' };

			if (!gazetteer_country(site->country, letters))
				site->country[0] = '\0';
		}
		return false;
	}
	site->has_position = true;
	site->lat = entry->place.lat;
	site->lon = entry->place.lon;
	if (site->city[0] == '\0')
		(void)text_copy(
		    site->city, sizeof(site->city), entry->place.city);
	memcpy(site->country, entry->place.country, sizeof(site->country));
	if (entry->place.confidence < site->confidence)
		site->confidence = entry->place.confidence;
	return true;
}

static enum answer
fill(const struct site_map *map, const struct rule *rule,
    const struct asked *asked, struct site *site, const PCRE2_SIZE *groups)
{
	char text[LOOKUP_TEXT];

	*site = rule->site;
	if (rule->match == MATCH_REGEX &&
	    expand(site->name, sizeof(site->name), rule->site.name, asked,
		groups) == -1)
		return ANSWER_TOO_LONG;
	if (rule->country[0] == '\\' &&
	    (expand(text, sizeof(text), rule->country, asked, groups) == -1 ||
		!gazetteer_country(site->country, text)))
		site->country[0] = '\0';
	if (rule->at == NULL)
		return ANSWER_YES;
	if (expand(text, sizeof(text), rule->at, asked, groups) == -1)
		return ANSWER_NO_PLACE;
	return set_place(map, rule, site, text) ? ANSWER_YES : ANSWER_NO_PLACE;
}

enum answer
rule_ask(const struct site_map *map, const struct rule *rule,
    const struct asked *asked, struct site *site)
{
	PCRE2_SIZE groups[2 * GROUPS];

	if (!matches(map, rule, asked, groups))
		return ANSWER_NO;
	if (asked->time_us < rule->since_us || asked->time_us >= rule->until_us)
		return ANSWER_NOT_NOW;
	return fill(map, rule, asked, site, groups);
}

void
rule_strip(const struct site_map *map, const struct rule *rule, char *text)
{
	struct asked asked = { .text = text, .len = strlen(text) };
	PCRE2_SIZE groups[2 * GROUPS];

	/* Each turn makes the text shorter. */
	while (asked.len > 0 && matches(map, rule, &asked, groups) &&
	       groups[1] > groups[0]) {
		memmove(text + groups[0], text + groups[1],
		    asked.len - groups[1] + 1);
		asked.len = strlen(text);
	}
}

void
rule_clear(struct rule *rule)
{
	free(rule->service);
	free(rule->pattern);
	free(rule->at);
	free(rule->note);
	pcre2_code_free(rule->regex);
}
