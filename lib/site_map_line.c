/* One line of a site map to a rule. */
#include "lib/site_map_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/escape.h"
#include "lib/text.h"
#include "lib/times.h"

#define CONFIDENCE_MIN 50 /* hints are below it */
#define CONFIDENCE_DEFAULT 90

enum field {
	FIELD_SERVICE,
	FIELD_MATCH,
	FIELD_PATTERN,
	FIELD_SITE,
	FIELD_LAT,
	FIELD_LON,
};

static const char *const match_names[MATCH_COUNT] = { "listed", "exact",
	"prefix", "suffix", "contains", "regex", "strip" };
static const char *const lookup_names[LOOKUP_COUNT] = { "", "iata", "locode",
	"town", "state" };

/* The end of a word; key="two words" is one, and loses its quotes. */
static char *
word_end(char *word)
{
	char *end = word + strcspn(word, " \t\r");
	char *quote = strstr(word, "=\"");

	if (quote == NULL || quote >= end || !isalpha((unsigned char)*word))
		return end;
	if ((end = strchr(quote + 2, '"')) == NULL)
		return quote + strlen(quote);
	memmove(quote + 1, quote + 2, (size_t)(end - quote - 2));
	end[-1] = '\0';
	return end;
}

size_t
line_split(char *line, char **words, size_t max)
{
	size_t count = 0;

	for (char *p = line;;) {
		p += strspn(p, " \t\r");
		if (*p == '\0' || *p == '#')
			return count;
		if (count == max)
			return max + 1;
		words[count] = p;
		p = count > FIELD_SITE ? word_end(p) : p + strcspn(p, " \t\r");
		count++;
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
	const uint32_t options = PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C |
				 PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
	PCRE2_SIZE offset;
	int error;

	rule->regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    options, &error, &offset, NULL);
	if (rule->regex == NULL)
		return "the regular expression is not one";
	/* Where the system forbids it, matching goes on without. */
	(void)pcre2_jit_compile(rule->regex, PCRE2_JIT_COMPLETE);
	(void)pcre2_pattern_info(
	    rule->regex, PCRE2_INFO_CAPTURECOUNT, &rule->groups);
	return NULL;
}

/* \1 .. \9 only where a regex has that many groups. */
static const char *
check_groups(const struct rule *rule, const char *text)
{
	for (const char *p = text; (p = strchr(p, '\\')) != NULL; p += 2) {
		if (rule->match != MATCH_REGEX)
			return "a backslash in a site needs a regex";
		if (p[1] < '1' || p[1] > '9')
			return "after a backslash a site needs 1 to 9";
		if ((uint32_t)(p[1] - '0') > rule->groups)
			return "the regex has no such group";
	}
	return NULL;
}

static const char *
set_site(struct rule *rule, const char *name)
{
	if (text_copy(rule->site.name, sizeof(rule->site.name), name) == -1 ||
	    !text_is_printable(name, SITE_TEXT - 1))
		return "the site is not 1 to 63 printable characters";
	return check_groups(rule, name);
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

static const char *
set_city(struct rule *rule, const char *value)
{
	if (!text_is_printable(value, SITE_TEXT - 1))
		return "the city is not 1 to 63 printable characters";
	(void)text_copy(rule->site.city, sizeof(rule->site.city), value);
	return NULL;
}

static const char *
set_country(struct rule *rule, const char *value)
{
	if (value[0] != '\\' && (!isalpha((unsigned char)value[0]) ||
				    !isalpha((unsigned char)value[1])))
		return "the country is not two letters";
	if (strlen(value) != 2)
		return "the country is not two letters";
	if (value[0] != '\\') {
		rule->site.country[0] = (char)toupper((unsigned char)value[0]);
		rule->site.country[1] = (char)toupper((unsigned char)value[1]);
		return NULL;
	}
	(void)text_copy(rule->country, sizeof(rule->country), value);
	return check_groups(rule, value);
}

static const char *
set_at(struct rule *rule, const char *value)
{
	const char *colon = strchr(value, ':');

	if (rule->at != NULL || colon == NULL)
		return "expected: at=KIND:WORD, once";
	for (int i = LOOKUP_IATA; i < LOOKUP_COUNT; i++)
		if (strlen(lookup_names[i]) == (size_t)(colon - value) &&
		    strncmp(value, lookup_names[i], (size_t)(colon - value)) ==
			0)
			rule->lookup = (enum lookup)i;
	if (rule->lookup == LOOKUP_NONE)
		return "at= is none of iata, locode, town, state";
	if ((rule->at = strdup(colon + 1)) == NULL)
		return "out of memory";
	lower(rule->at);
	return check_groups(rule, rule->at);
}

static const char *
set_confidence(struct rule *rule, const char *value)
{
	int64_t number;

	if (text_int(&number, value, CONFIDENCE_MIN, 100) == -1)
		return "the confidence is not a number from 50 to 100";
	rule->site.confidence = (int)number;
	return NULL;
}

static const char *
set_time(int64_t *us, const char *value)
{
	struct wall time;

	if (wall_parse(&time, value) == -1)
		return "since= and until= need a date or a time";
	*us = wall_to_us(time);
	return NULL;
}

static const char *
set_since(struct rule *rule, const char *value)
{
	return set_time(&rule->since_us, value);
}

static const char *
set_until(struct rule *rule, const char *value)
{
	return set_time(&rule->until_us, value);
}

static const char *
set_note(struct rule *rule, const char *value)
{
	if (rule->note != NULL)
		return "a second note=";
	return (rule->note = strdup(value)) == NULL ? "out of memory" : NULL;
}

static const struct {
	const char *name;
	const char *(*set)(struct rule *, const char *value);
} keys[] = {
	{ "at", set_at },
	{ "city", set_city },
	{ "confidence", set_confidence },
	{ "country", set_country },
	{ "note", set_note },
	{ "since", set_since },
	{ "until", set_until },
};

static const char *
set_key(struct rule *rule, const char *word)
{
	const size_t len = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i].name) == len &&
		    strncmp(keys[i].name, word, len) == 0)
			return keys[i].set(rule, word + len + 1);
	return "a key that is none of at, city, confidence, country, note, "
	       "since, until";
}

static const char *
set_rest(struct rule *rule, char *const *words, size_t count)
{
	const char *wrong = NULL;
	size_t i = FIELD_LAT;

	if (count > FIELD_LAT && strchr(words[FIELD_LAT], '=') == NULL) {
		if (count == FIELD_LON || strchr(words[FIELD_LON], '=') != NULL)
			return "expected: service match pattern site [lat lon] "
			       "[key=value ...]";
		wrong = set_position(rule, words[FIELD_LAT], words[FIELD_LON]);
		i = FIELD_LON + 1;
	}
	for (; i < count && wrong == NULL; i++) {
		if (strchr(words[i], '=') == NULL)
			return "expected: service match pattern site [lat lon] "
			       "[key=value ...]";
		wrong = set_key(rule, words[i]);
	}
	if (wrong == NULL && rule->at != NULL && rule->site.has_position)
		return "at= and a position exclude each other";
	if (wrong == NULL && rule->until_us <= rule->since_us)
		return "until= is not after since=";
	return wrong;
}

static const char *
set_match(struct rule *rule, const char *word, const char *pattern)
{
	size_t match = 0;

	while (match < MATCH_COUNT && strcmp(word, match_names[match]) != 0)
		match++;
	if (match == MATCH_COUNT)
		return "the match is none of exact, prefix, suffix, contains, "
		       "regex, listed, strip";
	rule->match = (enum match)match;
	if (match == MATCH_REGEX || match == MATCH_STRIP)
		return set_regex(rule, pattern);
	return set_plain(rule, pattern);
}

const char *
line_rule(struct rule *rule, char *const *words, size_t count)
{
	const char *wrong;
	bool strip;

	rule->site.confidence = CONFIDENCE_DEFAULT;
	rule->until_us = INT64_MAX;
	rule->since_us = INT64_MIN;
	if (count <= FIELD_PATTERN || count > LINE_WORDS)
		return "expected: service match pattern site [lat lon] "
		       "[key=value ...]";
	strip = strcmp(words[FIELD_MATCH], "strip") == 0;
	if (strip != (count == FIELD_SITE))
		return strip ? "expected: service strip pattern"
			     : "expected: service match pattern site [lat lon] "
			       "[key=value ...]";
	if ((rule->service = strdup(words[FIELD_SERVICE])) == NULL)
		return "out of memory";
	lower(rule->service);
	wrong = set_match(rule, words[FIELD_MATCH], words[FIELD_PATTERN]);
	if (wrong == NULL && rule->match == MATCH_LISTED &&
	    strpbrk(rule->service, ",*") != NULL)
		wrong = "listed needs the name of one service";
	if (wrong == NULL && !strip)
		wrong = set_site(rule, words[FIELD_SITE]);
	if (wrong == NULL && !strip)
		wrong = set_rest(rule, words, count);
	return wrong;
}
