/* What is wrong with a site map, seen from the names that services gave. */
#include <stdlib.h>
#include <string.h>
#include "collector/command.h"
#include "collector/sites.h"
#include "collector/sites_csv.h"
#include "lib/escape.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

#define PAIRS_MAX 10000

/* Two rules that matched the same names. */
struct pair {
	size_t first, second;
	unsigned long names, against; /* against: with different sites */
	char example[SITE_TEXT * 2];
};

struct check {
	const struct site_map *map;
	int64_t at_us;
	unsigned long *asked, *matched, *decided; /* of each rule */
	struct pair *pairs;
	size_t pair_count, pair_room;
	size_t findings, contradictions;
	bool failed; /* out of memory */
	/* The name at hand. */
	const char *identity;
	size_t first; /* the rule that decided; SIZE_MAX: none yet */
	struct site site;
};

static struct pair *
find_pair(struct check *c, size_t first, size_t second)
{
	struct pair *pair;

	for (size_t i = 0; i < c->pair_count; i++)
		if (c->pairs[i].first == first && c->pairs[i].second == second)
			return &c->pairs[i];
	if (c->pair_count == PAIRS_MAX)
		return NULL;
	if (c->pair_count == c->pair_room) {
		c->pair_room = c->pair_room == 0 ? 64 : 2 * c->pair_room;
		pair = reallocarray(c->pairs, c->pair_room, sizeof(*pair));
		if (pair == NULL) {
			c->failed = true;
			return NULL;
		}
		c->pairs = pair;
	}
	pair = &c->pairs[c->pair_count++];
	memset(pair, 0, sizeof(*pair));
	pair->first = first;
	pair->second = second;
	return pair;
}

static void
note(const struct site_verdict *v, void *context)
{
	struct check *c = context;
	struct pair *pair;
	bool against;

	if (v->hint)
		return;
	c->asked[v->index]++;
	if (!v->matched)
		return;
	c->matched[v->index]++;
	if (v->decides) {
		c->decided[v->index]++;
		c->first = v->index;
		c->site = v->site;
		return;
	}
	if (c->first == SIZE_MAX ||
	    (pair = find_pair(c, c->first, v->index)) == NULL)
		return;
	against = !site_same(&c->site, &v->site);
	if (pair->names++ == 0 || (against && pair->against == 0))
		(void)text_print(
		    pair->example, sizeof(pair->example), "%s", c->identity);
	pair->against += against;
}

static void
print_finding(
    struct check *c, const char *finding, const char *rule, const char *other)
{
	c->findings++;
	(void)printf("%s,", finding);
	sites_field(stdout, rule);
	(void)putchar(',');
	sites_field(stdout, other);
}

static void
print_twin(const struct site *first, const struct site *second, void *context)
{
	struct check *c = context;
	const bool same = site_same(first, second);

	c->contradictions += !same;
	print_finding(
	    c, same ? "overlap" : "contradiction", first->rule, second->rule);
	(void)puts(",,");
}

static void
print_pairs(struct check *c)
{
	for (size_t i = 0; i < c->pair_count; i++) {
		const struct pair *pair = &c->pairs[i];

		c->contradictions += pair->against > 0;
		print_finding(c,
		    pair->against > 0 ? "contradiction" : "overlap",
		    site_map_rule(c->map, pair->first),
		    site_map_rule(c->map, pair->second));
		(void)printf(
		    ",%lu,", pair->against > 0 ? pair->against : pair->names);
		sites_field(stdout, pair->example);
		(void)putchar('\n');
	}
}

static void
print_idle(struct check *c)
{
	for (size_t i = 0; i < site_map_rules(c->map); i++) {
		if (c->asked[i] == 0 || c->decided[i] > 0 ||
		    site_map_is_listed(c->map, i))
			continue;
		print_finding(c, c->matched[i] == 0 ? "never" : "hidden",
		    site_map_rule(c->map, i), "");
		(void)printf(",%lu,\n",
		    c->matched[i] == 0 ? c->asked[i] : c->matched[i]);
	}
}

static int
read_names(struct check *c, const char *path)
{
	static const char *const columns[] = { "service", "identity", NULL };
	char text[4 * LIMIT_IDENTITY + 1];
	const char *fields[2];
	struct site_name name;
	struct sites_csv *csv;
	int code, status;

	if ((csv = sites_csv_open(path, columns, 2, &code)) == NULL)
		return code;
	while ((status = sites_csv_next(csv, fields)) == 1 && !c->failed) {
		(void)escape_text(
		    text, sizeof(text), fields[1], strlen(fields[1]));
		c->identity = text_is_printable(fields[1], sizeof(text))
				  ? fields[1]
				  : text;
		c->first = SIZE_MAX;
		name = (struct site_name){ fields[0], c->identity, c->at_us };
		site_map_explain(c->map, &name, note, c);
	}
	sites_csv_close(csv);
	if (c->failed)
		log_warnx("sites check: out of memory");
	return status == 0 && !c->failed ? EXIT_DONE : EXIT_BAD_USAGE;
}

int
sites_check(const struct site_map *map, const struct sites_options *o)
{
	const size_t rules = site_map_rules(map) + 1;
	struct check c = {
		.map = map,
		.at_us = o->at_us,
		.asked = calloc(rules, sizeof(*c.asked)),
		.matched = calloc(rules, sizeof(*c.matched)),
		.decided = calloc(rules, sizeof(*c.decided)),
	};
	int code = EXIT_STORAGE;

	if (o->word_count > 1)
		code = command_usage("sites check: one file, or none");
	else if (c.asked == NULL || c.matched == NULL || c.decided == NULL)
		log_warnx("sites check: out of memory");
	else
		code = read_names(&c, o->word_count == 1 ? o->words[0] : "-");
	if (code == EXIT_DONE) {
		(void)puts("finding,rule,other,identities,example");
		site_map_twins(map, print_twin, &c);
		print_pairs(&c);
		print_idle(&c);
		code = c.contradictions > 0 ? EXIT_UNANSWERED : EXIT_DONE;
	}
	free(c.asked);
	free(c.matched);
	free(c.decided);
	free(c.pairs);
	return code;
}
