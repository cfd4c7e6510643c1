/* The site map: what an operator knows about the names of instances. */
#include "lib/site_map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/hints.h"
#include "lib/site_map_private.h"
#include "lib/sphere.h"
#include "lib/text.h"

static size_t
lower(char *out, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text != '\0' && len + 1 < size; text++)
		out[len++] = (char)tolower((unsigned char)*text);
	out[len] = '\0';
	return len;
}

/* "k.root-servers.net", "ns.example.*", "*.quad9.net", "*". */
static bool
fits(const char *pattern, size_t len, const char *service)
{
	const size_t have = strlen(service);

	if (len > 0 && pattern[len - 1] == '*')
		return have >= len - 1 &&
		       strncmp(service, pattern, len - 1) == 0;
	if (len > 0 && pattern[0] == '*')
		return have >= len - 1 && strncmp(service + have - (len - 1),
					      pattern + 1, len - 1) == 0;
	return have == len && strncmp(service, pattern, len) == 0;
}

/* Whether a list of patterns has a service; named where the one that has it
 * says more than "*". */
static bool
is_for(const char *services, const char *service, bool *named)
{
	for (const char *p = services;;) {
		const size_t len = strcspn(p, ",");

		if (fits(p, len, service)) {
			*named = !(len == 1 && *p == '*');
			return true;
		}
		if (p[len] == '\0')
			return false;
		p += len + 1;
	}
}

static struct chain *
new_chain(const struct site_map *map, const char *service)
{
	struct chain *chain = calloc(1, sizeof(*chain));
	size_t count = 0;
	bool named;

	if (chain == NULL)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		count += map->rules[i].match != MATCH_LISTED &&
			 is_for(map->rules[i].service, service, &named);
	chain->service = strdup(service);
	chain->rules = calloc(count + 1, sizeof(*chain->rules));
	chain->strips = calloc(count + 1, sizeof(*chain->strips));
	if (chain->service == NULL || chain->rules == NULL ||
	    chain->strips == NULL)
		goto fail;
	for (size_t i = 0; i < map->count; i++) {
		const struct rule *rule = &map->rules[i];

		if (rule->match == MATCH_LISTED ||
		    !is_for(rule->service, service, &named))
			continue;
		if (rule->match == MATCH_STRIP) {
			chain->strips[chain->strip_count++] = (uint32_t)i;
			continue;
		}
		chain->rules[chain->rule_count++] = (uint32_t)i;
		chain->declared |= named && rule->match != MATCH_EXACT;
	}
	return chain;
fail:
	free(chain->service);
	free(chain->rules);
	free(chain->strips);
	free(chain);
	return NULL;
}

/* The rules of a service, worked out when it is first asked for. */
static struct chain *
chain_of(const struct site_map *map, const char *service)
{
	struct site_map_memory *m = map->memory;
	char name[256];
	struct chain **slot;
	size_t len;

	len = lower(name, sizeof(name), service);
	while (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	if (m->last != NULL && strcmp(m->last->service, name) == 0)
		return m->last;
	slot = &m->chains[site_map_hash("", name) % CHAIN_SLOTS];
	while (*slot != NULL && strcmp((*slot)->service, name) != 0)
		slot = &(*slot)->next;
	if (*slot == NULL)
		*slot = new_chain(map, name);
	m->last = *slot;
	return m->last;
}

/* The name as rules see it: lower case, without the volatile parts. */
static void
strip(const struct site_map *map, const struct chain *chain, char *text)
{
	for (size_t i = 0; i < chain->strip_count; i++)
		rule_strip(map, &map->rules[chain->strips[i]], text);
}

static const struct rule *
find_listed(const struct site_map *map, const char *service, const char *text)
{
	size_t slot;

	if (map->listed_slots == 0)
		return NULL;
	slot = site_map_hash(service, text) & (map->listed_slots - 1);
	for (; map->listed[slot] != 0;
	     slot = (slot + 1) & (map->listed_slots - 1)) {
		const struct rule *rule = &map->rules[map->listed[slot] - 1];

		if (strcmp(rule->pattern, text) == 0 &&
		    strcmp(rule->service, service) == 0)
			return rule;
	}
	return NULL;
}

static void
site_of_hint(struct site *site, const struct hint *hint)
{
	memset(site, 0, sizeof(*site));
	(void)text_copy(site->name, sizeof(site->name), hint->code);
	site->has_position = true;
	site->lat = hint->place.lat;
	site->lon = hint->place.lon;
	(void)text_copy(site->city, sizeof(site->city), hint->place.city);
	memcpy(site->country, hint->place.country, sizeof(site->country));
	site->confidence = hint->confidence;
	(void)text_print(site->rule, sizeof(site->rule), "hint:%s", hint->kind);
}

static bool
find_hint(const char *text, struct site *site)
{
	struct hints hints;

	hints_read(&hints, text);
	if (hints.chosen == -1)
		return false;
	site_of_hint(site, &hints.found[hints.chosen]);
	return true;
}

/* The first rule with an answer; one that names a site but found no place for
 * it stands where no later one does. */
static bool
find_rule(const struct site_map *map, const struct chain *chain,
    const struct asked *asked, struct site *site)
{
	struct site other;
	bool found = false;

	for (size_t i = 0; i < chain->rule_count; i++) {
		const struct rule *rule = &map->rules[chain->rules[i]];

		switch (rule_ask(map, rule, asked, found ? &other : site)) {
		case ANSWER_YES:
			if (found)
				*site = other;
			return true;
		case ANSWER_NO_PLACE:
			found = true;
			break;
		default:
			break;
		}
	}
	return found;
}

static int64_t
time_of(const struct site_map *map, const struct site_name *name)
{
	return name->time_us == 0 ? map->read_us : name->time_us;
}

bool
site_map_find_at(
    const struct site_map *map, const struct site_name *name, struct site *site)
{
	char text[RULE_PATTERN];
	struct asked asked = { .text = text };
	const struct rule *rule;
	struct chain *chain;

	if (map == NULL || strlen(name->instance) >= sizeof(text) ||
	    (chain = chain_of(map, name->service)) == NULL)
		return false;
	asked.time_us = time_of(map, name);
	asked.len = lower(text, sizeof(text), name->instance);
	if ((rule = find_listed(map, chain->service, text)) != NULL &&
	    rule_ask(map, rule, &asked, site) >= ANSWER_NO_PLACE)
		return true;
	strip(map, chain, text);
	asked.len = strlen(text);
	if (find_rule(map, chain, &asked, site))
		return true;
	return map->hints && find_hint(text, site);
}

bool
site_map_find(const struct site_map *map, const char *service,
    const char *instance, struct site *site)
{
	const struct site_name name = { service, instance, 0 };

	return site_map_find_at(map, &name, site);
}

void
site_map_server(const struct site_map *map, const struct site_name *name,
    char *server, size_t size)
{
	char text[RULE_PATTERN];
	const struct chain *chain;

	(void)lower(text, sizeof(text), name->instance);
	if (map != NULL && (chain = chain_of(map, name->service)) != NULL)
		strip(map, chain, text);
	(void)text_print(server, size, "%s", text);
}

bool
site_map_declares(const struct site_map *map, const char *service)
{
	const struct chain *chain;

	return map != NULL && (chain = chain_of(map, service)) != NULL &&
	       chain->declared;
}

bool
site_map_is_canary(const struct site_map *map, const char *service)
{
	char name[256];
	size_t len;
	bool named;

	if (map == NULL || map->canary_count == 0)
		return false;
	len = lower(name, sizeof(name), service);
	while (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	for (size_t i = 0; i < map->canary_count; i++) {
		if (is_for(map->canaries[i], name, &named) && named)
			return true;
	}
	return false;
}

size_t
site_map_rules(const struct site_map *map)
{
	return map->count;
}

const char *
site_map_rule(const struct site_map *map, size_t i)
{
	return map->rules[i].site.rule;
}

const char *
site_map_missing(const struct site_map *map)
{
	bool needs = map->hints;

	for (size_t i = 0; i < map->count; i++)
		needs = needs || map->rules[i].lookup != LOOKUP_NONE;
	return needs ? gazetteer_missing() : NULL;
}

bool
site_map_is_listed(const struct site_map *map, size_t i)
{
	return map->rules[i].match == MATCH_LISTED;
}

bool
site_same(const struct site *a, const struct site *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	return !a->has_position || !b->has_position ||
	       sphere_km((struct sphere_point){ a->lat, a->lon },
		   (struct sphere_point){ b->lat, b->lon }) <=
		   GAZETTEER_NEAR_KM;
}

void
site_map_twins(const struct site_map *map, site_twin_fn *say, void *context)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct rule *rule = &map->rules[i], *first;

		if (rule->match != MATCH_LISTED)
			continue;
		first = find_listed(map, rule->service, rule->pattern);
		if (first != rule)
			say(&first->site, &rule->site, context);
	}
}

/* What explaining has seen so far. */
struct explaining {
	site_verdict_fn *say;
	void *context;
	struct site_verdict v;
	bool decided;
};

static const char *
verdict_of(enum answer answer, bool decided)
{
	switch (answer) {
	case ANSWER_NO:
		return "does not match";
	case ANSWER_NOT_NOW:
		return "matches, but is not valid at this time";
	case ANSWER_TOO_LONG:
		return "matches, but leaves no site of 1 to 63 characters";
	case ANSWER_NO_PLACE:
		return decided ? "matches too, later"
			       : "matches; no such place is known";
	default:
		return decided ? "matches too, later" : "decides";
	}
}

static void
explain_rule(struct explaining *e, const struct site_map *map,
    const struct rule *rule, const struct asked *asked)
{
	const enum answer answer = rule_ask(map, rule, asked, &e->v.site);

	e->v.index = (size_t)(rule - map->rules);
	e->v.rule = rule->site.rule;
	e->v.note = rule->note;
	e->v.verdict = verdict_of(answer, e->decided);
	e->v.matched = answer >= ANSWER_NO_PLACE;
	e->v.decides = answer == ANSWER_YES && !e->decided;
	e->v.hint = false;
	e->decided = e->decided || e->v.decides;
	e->say(&e->v, e->context);
}

static void
explain_hints(
    struct explaining *e, const struct site_map *map, const char *text)
{
	struct hints hints;

	hints_read(&hints, text);
	e->v.hint = true;
	e->v.note = NULL;
	e->v.index = map->count;
	for (size_t i = 0; i < hints.count; i++) {
		const struct hint *hint = &hints.found[i];

		site_of_hint(&e->v.site, hint);
		e->v.rule = e->v.site.rule;
		e->v.matched = hint->refused == NULL;
		e->v.decides =
		    map->hints && !e->decided && (int)i == hints.chosen;
		e->v.verdict = hint->refused != NULL ? hint->refused
			       : e->v.decides        ? "decides"
			       : e->decided          ? "a rule decided before"
			       : !map->hints ? "the map does not ask for hints"
			       : hints.chosen == -1 ? hints.why
						    : "another one is better";
		e->say(&e->v, e->context);
	}
}

void
site_map_explain(const struct site_map *map, const struct site_name *name,
    site_verdict_fn *say, void *context)
{
	char text[RULE_PATTERN];
	struct explaining e = { .say = say, .context = context };
	struct asked asked = { .text = text, .time_us = time_of(map, name) };
	const struct rule *rule;
	struct chain *chain;

	if (strlen(name->instance) >= sizeof(text) ||
	    (chain = chain_of(map, name->service)) == NULL)
		return;
	asked.len = lower(text, sizeof(text), name->instance);
	if ((rule = find_listed(map, chain->service, text)) != NULL)
		explain_rule(&e, map, rule, &asked);
	strip(map, chain, text);
	asked.len = strlen(text);
	for (size_t i = 0; i < chain->rule_count; i++)
		explain_rule(&e, map, &map->rules[chain->rules[i]], &asked);
	explain_hints(&e, map, text);
}
