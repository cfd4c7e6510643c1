/*
 * The insides of a site map, shared by the files site_map*.c.
 */
#ifndef LIB_SITE_MAP_PRIVATE_H
#define LIB_SITE_MAP_PRIVATE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/gazetteer.h"
#include "lib/limits.h"
#include "lib/site_map.h"

#define RULE_PATTERN (4 * LIMIT_IDENTITY + 1)
#define GROUPS 10 /* \0 is never used; \1 .. \9 */
#define LOOKUP_TEXT 48

enum match {
	MATCH_LISTED,
	MATCH_EXACT,
	MATCH_PREFIX,
	MATCH_SUFFIX,
	MATCH_CONTAINS,
	MATCH_REGEX,
	MATCH_STRIP,
	MATCH_COUNT
};

/* How the word of at= becomes a place. */
enum lookup {
	LOOKUP_NONE,
	LOOKUP_IATA,
	LOOKUP_LOCODE,
	LOOKUP_TOWN,
	LOOKUP_STATE,
	LOOKUP_COUNT
};

struct rule {
	char *service; /* names and patterns, with commas between; lower case */
	enum match match;
	char *pattern; /* lower case, canonical text form; not of a regex */
	size_t pattern_len;
	pcre2_code *regex; /* of MATCH_REGEX and MATCH_STRIP */
	uint32_t groups;   /* that the regex has */
	struct site site;  /* name and country may hold \1 .. \9 */
	char country[8];   /* template */
	enum lookup lookup;
	char *at; /* template of the lookup's word */
	int64_t since_us, until_us;
	char *note;
};

/* The rules that a service asks, in order. */
struct chain {
	struct chain *next;
	char *service;
	uint32_t *rules, *strips;
	size_t rule_count, strip_count;
	bool declared;
};

struct looked_up {
	char text[LOOKUP_TEXT]; /* "": empty */
	enum lookup lookup;
	bool found;
	struct gazetteer_place place;
};

#define CHAIN_SLOTS 256
#define LOOKED_UP_SLOTS 4096

/* What finding remembers; a map is otherwise constant. */
struct site_map_memory {
	struct chain *chains[CHAIN_SLOTS];
	struct chain *last;
	struct looked_up looked_up[LOOKED_UP_SLOTS];
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

struct site_map {
	struct rule *rules;
	size_t count, room;
	uint32_t *listed; /* open hash of rule index + 1 */
	size_t listed_slots;
	char **canaries; /* services of lines "canary"; lower case */
	size_t canary_count;
	bool hints; /* a line "hints" was read */
	int64_t read_us;
	struct site_map_memory *memory;
};

/* What a rule is asked with. */
struct asked {
	const char *text; /* lower case, stripped */
	size_t len;
	int64_t time_us;
};

enum answer {
	ANSWER_NO,
	ANSWER_NOT_NOW,  /* outside since= .. until= */
	ANSWER_TOO_LONG, /* the site's name does not fit */
	ANSWER_NO_PLACE, /* matches; at= found no place */
	ANSWER_YES,
};

/* site_map_rule.c */
enum answer rule_ask(const struct site_map *, const struct rule *,
    const struct asked *, struct site *);
void rule_strip(const struct site_map *, const struct rule *, char *text);
void rule_clear(struct rule *);

/* site_map_line.c: NULL, or what is wrong with a line's words. */
#define LINE_WORDS 20
size_t line_split(char *line, char **words, size_t max);
const char *line_rule(struct rule *, char *const *words, size_t count);

uint32_t site_map_hash(const char *service, const char *text);

#endif
