/* The site map: what an operator knows about the names of instances. */
#include "lib/site_map.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/escape.h"
#include "lib/limits.h"
#include "lib/lines.h"
#include "lib/text.h"

#define RULE_LINE 4096
#define RULE_PATTERN (4 * LIMIT_IDENTITY + 1)
#define GROUPS 10 /* \0 is never used; \1 .. \9 */

enum match {
	MATCH_EXACT,
	MATCH_PREFIX,
	MATCH_SUFFIX,
	MATCH_REGEX,
	MATCH_COUNT
};

static const char *const match_names[MATCH_COUNT] = { "exact", "prefix",
	"suffix", "regex" };

struct rule {
	char *service; /* "*": every one */
	enum match match;
	char *pattern; /* lower case, canonical text form; not of a regex */
	size_t pattern_len;
	regex_t regex;    /* of MATCH_REGEX */
	struct site site; /* the name may hold \1 .. \9 where a regex */
};

struct site_map {
	struct rule *rules;
	size_t count, room;
};

enum field {
	FIELD_SERVICE,
	FIELD_MATCH,
	FIELD_PATTERN,
	FIELD_SITE,
	FIELD_LAT,
	FIELD_LON,
	FIELD_COUNT
};

/* Cut a line into words, in place. How many; more than max count as max + 1. */
static size_t
split(char *line, char **words, size_t max)
{
	size_t count = 0;

	for (char *p = line;;) {
		p += strspn(p, " \t\r");
		if (*p == '\0' || *p == '#')
			return count;
		if (count == max)
			return max + 1;
		words[count++] = p;
		p += strcspn(p, " \t\r");
		if (*p != '\0')
			*p++ = '\0';
	}
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* One spelling for one byte string, so that "\065" matches "a". */
static const char *
set_plain(struct rule *rule, const char *pattern)
{
	uint8_t bytes[LIMIT_IDENTITY];
	char text[RULE_PATTERN];
	size_t len;

	if (escape_decode(bytes, sizeof(bytes), &len, pattern) == -1)
		return "the pattern is not a text form (a backslash is \\092)";
	(void)escape_text(text, sizeof(text), bytes, len);
	lower(text);
	if ((rule->pattern = strdup(text)) == NULL)
		return "out of memory";
	rule->pattern_len = strlen(text);
	return NULL;
}

static const char *
set_regex(struct rule *rule, const char *pattern)
{
	if (regcomp(&rule->regex, pattern, REG_EXTENDED | REG_ICASE) != 0)
		return "the regular expression is not one";
	rule->match = MATCH_REGEX;
	return NULL;
}

/* A site's name: \1 .. \9 only where a regex has that many groups. */
static const char *
set_site(struct rule *rule, const char *name)
{
	if (!text_is_printable(name, SITE_TEXT - 1))
		return "the site is not 1 to 63 printable characters";
	for (const char *p = name; (p = strchr(p, '\\')) != NULL; p += 2) {
		if (rule->match != MATCH_REGEX)
			return "a backslash in a site needs a regex";
		if (p[1] < '1' || p[1] > '9')
			return "after a backslash a site needs 1 to 9";
		if ((size_t)(p[1] - '0') > rule->regex.re_nsub)
			return "the regex has no such group";
	}
	(void)text_copy(rule->site.name, sizeof(rule->site.name), name);
	return NULL;
}

static const char *
set_position(struct rule *rule, const char *lat, const char *lon)
{
	if (text_double(&rule->site.lat, lat, -90, 90) == -1)
		return "the latitude is not a number from -90 to 90";
	if (text_double(&rule->site.lon, lon, -180, 180) == -1)
		return "the longitude is not a number from -180 to 180";
	rule->site.has_position = true;
	return NULL;
}

/* NULL, or what is wrong with the line. */
static const char *
set_rule(struct rule *rule, char *const *words, size_t count)
{
	const char *wrong;
	enum match match = 0;

	if (count != FIELD_LAT && count != FIELD_COUNT)
		return "expected: service match pattern site [lat lon]";
	while (match < MATCH_COUNT &&
	       strcmp(words[FIELD_MATCH], match_names[match]) != 0)
		match++;
	if (match == MATCH_COUNT)
		return "the match is none of exact, prefix, suffix, regex";
	rule->match = MATCH_EXACT;
	if ((rule->service = strdup(words[FIELD_SERVICE])) == NULL)
		return "out of memory";
	if (match == MATCH_REGEX) {
		wrong = set_regex(rule, words[FIELD_PATTERN]);
	} else {
		rule->match = match;
		wrong = set_plain(rule, words[FIELD_PATTERN]);
	}
	if (wrong == NULL)
		wrong = set_site(rule, words[FIELD_SITE]);
	if (wrong == NULL && count == FIELD_COUNT)
		wrong = set_position(rule, words[FIELD_LAT], words[FIELD_LON]);
	return wrong;
}

static const char *
add_rule(struct site_map *map, char *const *words, size_t count)
{
	struct rule *rules;

	if (map->count == LIMIT_SITE_MAP_RULES)
		return "too many rules";
	if (map->count == map->room) {
		map->room = map->room == 0 ? 64 : map->room * 2;
		rules = reallocarray(map->rules, map->room, sizeof(*rules));
		if (rules == NULL)
			return "out of memory";
		map->rules = rules;
	}
	memset(&map->rules[map->count], 0, sizeof(*map->rules));
	return set_rule(&map->rules[map->count++], words, count);
}

/* 1: a line was read; 0: end; -1: refused, with error and errno. */
static int
read_rule(struct site_map *map, struct lines *lines, const char **wrong)
{
	char *words[FIELD_COUNT];
	size_t count, len;
	char *line;
	int status;

	if ((status = lines_next(lines, &line, &len)) != 1) {
		*wrong = strerror(errno);
		return status;
	}
	errno = EINVAL;
	if (strlen(line) != len) {
		*wrong = "a NUL in the line";
		return -1;
	}
	if ((count = split(line, words, FIELD_COUNT)) == 0)
		return 1;
	*wrong = add_rule(map, words, count);
	errno = EINVAL;
	return *wrong == NULL ? 1 : -1;
}

/* Put the groups of a match into a site's name. -1 where it gets too long. */
static int
expand(char *site, const char *name, const char *text, const regmatch_t *groups)
{
	size_t len = 0;

	for (; *name != '\0'; name++) {
		const char *from = name;
		size_t part = 1;

		if (*name == '\\') {
			const regmatch_t *group = &groups[*++name - '0'];

			/* A group that took no part matches nothing. */
			from = text + (group->rm_so < 0 ? 0 : group->rm_so);
			part = (size_t)(group->rm_eo - group->rm_so);
		}
		if (len + part >= SITE_TEXT)
			return -1;
		memcpy(site + len, from, part);
		len += part;
	}
	site[len] = '\0';
	return len == 0 ? -1 : 0;
}

/* Whether a rule matches a lower-cased name; then site->name is set. */
static bool
rule_matches(const struct rule *rule, const char *text, struct site *site)
{
	regmatch_t groups[GROUPS];
	size_t len = strlen(text);

	*site = rule->site;
	switch (rule->match) {
	case MATCH_EXACT:
		return strcmp(text, rule->pattern) == 0;
	case MATCH_PREFIX:
		return strncmp(text, rule->pattern, rule->pattern_len) == 0;
	case MATCH_SUFFIX:
		return len >= rule->pattern_len &&
		       strcmp(text + len - rule->pattern_len, rule->pattern) ==
			   0;
	default:
		return regexec(&rule->regex, text, GROUPS, groups, 0) == 0 &&
		       expand(site->name, rule->site.name, text, groups) == 0;
	}
}

struct site_map *
site_map_read(const char *path, char *error, size_t size)
{
	const char *wrong = NULL;
	struct site_map *map = NULL;
	struct lines *lines;
	unsigned long number = 0;
	int saved, status;

	if ((lines = lines_open(path, RULE_LINE)) == NULL ||
	    (map = calloc(1, sizeof(*map))) == NULL) {
		saved = errno;
		(void)text_print(error, size, "%s: %s", path, strerror(saved));
		lines_close(lines);
		errno = saved;
		return NULL;
	}
	do {
		number++;
		status = read_rule(map, lines, &wrong);
	} while (status == 1);
	saved = errno;
	lines_close(lines);
	if (status == 0)
		return map;
	(void)text_print(error, size, "%s:%lu: %s", path, number, wrong);
	site_map_free(map);
	errno = saved == EACCES || saved == ENOENT ? saved : EINVAL;
	return NULL;
}

void
site_map_free(struct site_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->count; i++) {
		free(map->rules[i].service);
		free(map->rules[i].pattern);
		if (map->rules[i].match == MATCH_REGEX)
			regfree(&map->rules[i].regex);
	}
	free(map->rules);
	free(map);
}

bool
site_map_find(const struct site_map *map, const char *service,
    const char *instance, struct site *site)
{
	char text[RULE_PATTERN];

	if (map == NULL || text_copy(text, sizeof(text), instance) == -1)
		return false;
	lower(text);
	for (size_t i = 0; i < map->count; i++) {
		const struct rule *rule = &map->rules[i];

		if (strcmp(rule->service, "*") != 0 &&
		    strcmp(rule->service, service) != 0)
			continue;
		if (rule_matches(rule, text, site))
			return true;
	}
	return false;
}
