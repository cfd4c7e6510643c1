/* Files of lines to a site map. */
#include "lib/site_map_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/lines.h"
#include "lib/site_map_shipped.h"
#include "lib/text.h"
#include "lib/times.h"

#define RULE_LINE 4096
#define INCLUDE_DEPTH 8
#define MATCH_STEPS                                              \
	20000 /* of PCRE2: a name is short, a pattern may be bad \
	       */

/* Where lines come from, for labels and errors. */
struct source {
	const char *path;
	const char *label; /* its last component */
	unsigned long line;
	int depth;
	bool kept; /* a list, not a file of the user's */
	struct site_map *map;
	char *error;
	size_t error_size;
};

static int read_path(struct source *, const char *path);

static int
refuse(const struct source *source, const char *reason)
{
	(void)text_print(source->error, source->error_size, "%s:%lu: %s",
	    source->path, source->line, reason);
	errno = EINVAL;
	return -1;
}

static int
add_rule(struct source *source, char *const *words, size_t count)
{
	struct site_map *map = source->map;
	const char *wrong;
	struct rule *rules;

	if (map->count == LIMIT_SITE_MAP_RULES)
		return refuse(source, "too many rules");
	if (map->count == map->room) {
		map->room = map->room == 0 ? 64 : map->room * 2;
		rules = reallocarray(map->rules, map->room, sizeof(*rules));
		if (rules == NULL)
			return refuse(source, "out of memory");
		map->rules = rules;
	}
	rules = &map->rules[map->count++];
	memset(rules, 0, sizeof(*rules));
	if ((wrong = line_rule(rules, words, count)) != NULL)
		return refuse(source, wrong);
	(void)text_print(rules->site.rule, sizeof(rules->site.rule),
	    "%.50s:%lu", source->label, source->line);
	return 0;
}

/* "include NAME": beside this file, unless it is a path or shipped. */
static int
include(struct source *source, const char *name)
{
	struct source next = *source;
	const char *slash = strrchr(source->path, '/');
	char path[4096];
	int fitted;

	if (source->depth == INCLUDE_DEPTH)
		return refuse(source, "includes are too deep");
	next.depth++;
	if (strcmp(name, SITE_MAP_SHIPPED) == 0 || name[0] == '/' ||
	    slash == NULL)
		fitted = text_copy(path, sizeof(path), name);
	else
		fitted = text_print(path, sizeof(path), "%.*s%s",
		    (int)(slash + 1 - source->path), source->path, name);
	if (fitted == -1)
		return refuse(source, "the path is too long");
	return read_path(&next, path);
}

/* "SERVICE canary" */
static int
add_canary(struct source *source, const char *services)
{
	struct site_map *map = source->map;
	char **all, *p;

	if (map->canary_count == LIMIT_SITE_MAP_RULES)
		return refuse(source, "too many canaries");
	if (strcmp(services, "*") == 0)
		return refuse(source, "a canary needs a name");
	all = reallocarray(
	    map->canaries, map->canary_count + 1, sizeof(*map->canaries));
	if (all == NULL)
		return refuse(source, "out of memory");
	map->canaries = all;
	if ((p = strdup(services)) == NULL)
		return refuse(source, "out of memory");
	map->canaries[map->canary_count++] = p;
	for (; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return 0;
}

/* A text that came with a database includes no file, and has no pattern that
 * could speak about other names. */
static int
read_kept_line(struct source *source, char *const *words, size_t count)
{
	if (count < 2 || strcmp(words[1], "listed") != 0)
		return refuse(source, "a kept list has lines of listed alone");
	return add_rule(source, words, count);
}

static int
read_line(struct source *source, char *line)
{
	char *words[LINE_WORDS];
	const size_t count = line_split(line, words, LINE_WORDS);

	if (count == 0)
		return 0;
	if (source->kept)
		return read_kept_line(source, words, count);
	if (count == 1 && strcmp(words[0], "hints") == 0) {
		source->map->hints = true;
		return 0;
	}
	if (count == 2 && strcmp(words[0], "include") == 0)
		return include(source, words[1]);
	if (count == 2 && strcmp(words[1], "canary") == 0)
		return add_canary(source, words[0]);
	return add_rule(source, words, count);
}

static int
read_text(struct source *source, const char *text)
{
	char line[RULE_LINE];

	for (source->line = 1; *text != '\0'; source->line++) {
		const size_t len = strcspn(text, "\n");

		if (text_print(line, sizeof(line), "%.*s", (int)len, text) ==
		    -1)
			return refuse(source, "too long");
		if (read_line(source, line) == -1)
			return -1;
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int
read_kept(struct source *source, const struct site_map_list *list)
{
	const char *p = list->text;
	int status;

	source->line = 1;
	source->path = source->label = "site list";
	if (!text_is_vp_name(list->name) ||
	    strlen(list->name) > LIMIT_SITE_LIST)
		return refuse(source, "a name is 1 to 40 of a-z, 0-9, . _ -");
	source->path = source->label = list->name;
	for (source->line = 1; *p != '\0'; source->line += *p++ == '\n')
		if (*p != '\n' && (*p < ' ' || *p > '~'))
			return refuse(source, "not printable ASCII");
	source->kept = true;
	status = read_text(source, list->text);
	source->kept = false;
	return status;
}

static int
read_shipped(struct source *source)
{
	source->path = source->label = "roots.map";
	if (read_text(source, site_map_roots) == -1)
		return -1;
	source->path = source->label = "resolvers.map";
	return read_text(source, site_map_resolvers);
}

static int
read_lines(struct source *source, struct lines *lines)
{
	char *line;
	size_t len;
	int status;

	for (source->line = 1;; source->line++) {
		if ((status = lines_next(lines, &line, &len)) == 0)
			return 0;
		if (status == -1)
			return refuse(source, strerror(errno));
		if (strlen(line) != len)
			return refuse(source, "a NUL in the line");
		if (read_line(source, line) == -1)
			return -1;
	}
}

static int
read_path(struct source *source, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct lines *lines;
	int saved, status;

	if (strcmp(path, SITE_MAP_SHIPPED) == 0)
		return read_shipped(source);
	source->path = path;
	source->label = slash == NULL ? path : slash + 1;
	if ((lines = lines_open(path, RULE_LINE)) == NULL) {
		saved = errno;
		(void)text_print(source->error, source->error_size, "%s: %s",
		    path, strerror(saved));
		errno = saved;
		return -1;
	}
	status = read_lines(source, lines);
	saved = errno;
	lines_close(lines);
	errno = saved;
	return status;
}

/* The first of equal ones wins. */
static int
hash_listed(struct site_map *map)
{
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++)
		count += map->rules[i].match == MATCH_LISTED;
	if (count == 0)
		return 0;
	for (map->listed_slots = 64; map->listed_slots < 2 * count;)
		map->listed_slots *= 2;
	map->listed = calloc(map->listed_slots, sizeof(*map->listed));
	if (map->listed == NULL)
		return -1;
	for (size_t i = 0; i < map->count; i++) {
		const struct rule *rule = &map->rules[i];
		size_t slot;

		if (rule->match != MATCH_LISTED)
			continue;
		slot = site_map_hash(rule->service, rule->pattern) &
		       (map->listed_slots - 1);
		while (map->listed[slot] != 0)
			slot = (slot + 1) & (map->listed_slots - 1);
		map->listed[slot] = (uint32_t)i + 1;
	}
	return 0;
}

static struct site_map *
new_map(void)
{
	struct site_map *map = calloc(1, sizeof(*map));
	struct site_map_memory *m = calloc(1, sizeof(*m));

	if (map == NULL || m == NULL)
		goto fail;
	map->memory = m;
	map->read_us = wall_to_us(wall_now());
	m->match = pcre2_match_data_create(GROUPS, NULL);
	m->limits = pcre2_match_context_create(NULL);
	if (m->match == NULL || m->limits == NULL) {
		site_map_free(map);
		return NULL;
	}
	(void)pcre2_set_match_limit(m->limits, MATCH_STEPS);
	(void)pcre2_set_depth_limit(m->limits, MATCH_STEPS);
	return map;
fail:
	free(map);
	free(m);
	return NULL;
}

static int
read_sources(struct source *source, const struct site_map_sources *all)
{
	for (size_t i = 0; i < all->list_count; i++)
		if (read_kept(source, &all->lists[i]) == -1)
			return -1;
	for (size_t i = 0; i < all->path_count; i++)
		if (read_path(source, all->paths[i]) == -1)
			return -1;
	return 0;
}

struct site_map *
site_map_read_sources(
    const struct site_map_sources *all, char *error, size_t size)
{
	struct site_map *map = new_map();
	struct source source = {
		.map = map,
		.error = error,
		.error_size = size,
	};
	int saved;

	if (map == NULL) {
		(void)text_print(error, size, "site map: %s", strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	if (read_sources(&source, all) == -1) {
		saved = errno;
		site_map_free(map);
		errno = saved == EACCES || saved == ENOENT ? saved : EINVAL;
		return NULL;
	}
	if (hash_listed(map) == -1) {
		(void)text_print(error, size, "site map: %s", strerror(ENOMEM));
		site_map_free(map);
		errno = ENOMEM;
		return NULL;
	}
	return map;
}

struct site_map *
site_map_read_all(
    const char *const *paths, size_t count, char *error, size_t size)
{
	const struct site_map_sources all = {
		.paths = paths,
		.path_count = count,
	};

	return site_map_read_sources(&all, error, size);
}

struct site_map *
site_map_read(const char *path, char *error, size_t size)
{
	return site_map_read_all(&path, 1, error, size);
}

static void
free_chains(struct site_map_memory *m)
{
	for (size_t i = 0; i < CHAIN_SLOTS; i++) {
		while (m->chains[i] != NULL) {
			struct chain *chain = m->chains[i];

			m->chains[i] = chain->next;
			free(chain->service);
			free(chain->rules);
			free(chain->strips);
			free(chain);
		}
	}
}

void
site_map_free(struct site_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->count; i++)
		rule_clear(&map->rules[i]);
	for (size_t i = 0; i < map->canary_count; i++)
		free(map->canaries[i]);
	free(map->canaries);
	free(map->rules);
	free(map->listed);
	free_chains(map->memory);
	pcre2_match_data_free(map->memory->match);
	pcre2_match_context_free(map->memory->limits);
	free(map->memory);
	free(map);
}
