/*
 * Names outside the scheme of their service.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "analysis/interception.h"
#include "analysis/memory.h"
#include "lib/text.h"

#define OTHERS 2           /* who see the scheme: at least so many */
#define NAMELESS_OTHERS 20 /* or who see no name, */
#define NAMELESS_RATIO 10  /* and so many for one who does */
#define SUFFIX_MIN 5       /* of an end that names have in common */
#define EVIDENCE_TEXT 256
#define DIGITS "0123456789"

/* The sights of one target and method, by name, then vantage point. */
struct group {
	const struct catalog *catalog;
	struct sight **sights;
	size_t count;
	size_t followers;   /* vantage points that see the scheme */
	size_t strangers;   /* that see another name */
	size_t nameless;    /* that see none in the same lanes */
	const char *suffix; /* of all names of the scheme; "": none */
};

static int
compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_by_name(const void *left, const void *right)
{
	const struct sight *a = *(struct sight *const *)left;
	const struct sight *b = *(struct sight *const *)right;
	int order;

	if ((order = compare_numbers(a->target, b->target)) != 0 ||
	    (order = compare_numbers(a->method, b->method)) != 0 ||
	    (order = compare_numbers(a->text, b->text)) != 0 ||
	    (order = compare_numbers(a->vp, b->vp)) != 0)
		return order;
	return compare_numbers(a->lane, b->lane);
}

/* Vantage points (marked) among sights with that property. */
static size_t
count_vps(const struct group *g, bool in_scheme)
{
	bool *seen = memory_zeroed(g->catalog->vp_count, sizeof(*seen));
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++) {
		const struct sight *s = g->sights[i];

		if (s->in_scheme == in_scheme && !seen[s->vp]) {
			seen[s->vp] = true;
			count++;
		}
	}
	free(seen);
	return count;
}

/* Shorten a common end to what another name has too. */
static const char *
common_end(const char *end, const char *name)
{
	size_t have = strlen(end), len = strlen(name);

	while (have > len || strncasecmp(end, name + len - have, have) != 0) {
		end++;
		have--;
	}
	return end;
}

/* ".k.ripe.net": what all names of the scheme end with, from a point or a
 * hyphen on. */
static const char *
scheme_suffix(const struct group *g)
{
	const char *end = NULL, *first = NULL;

	for (size_t i = 0; i < g->count; i++) {
		const char *name =
		    names_text(&g->catalog->names, g->sights[i]->text);

		if (!g->sights[i]->in_scheme)
			continue;
		if (first == NULL)
			first = end = name;
		end = common_end(end, name);
	}
	if (first == NULL || end == first) /* one name only */
		return "";
	end += strcspn(end, ".-");
	return strlen(end) >= SUFFIX_MIN ? end : "";
}

static bool
ends_like(const char *name, const char *suffix)
{
	size_t len = strlen(name), have = strlen(suffix);

	return have > 0 && len >= have &&
	       strcasecmp(name + len - have, suffix) == 0;
}

/* ns1.jfk like ns1.ams: letter for letter, number for number, and the same
 * points and hyphens, of which there must be some. */
static bool
is_formed_like(const char *name, const char *other)
{
	bool formed = false;

	while (*name != '\0' && *other != '\0') {
		if (isdigit((unsigned char)*name) &&
		    isdigit((unsigned char)*other)) {
			name += strspn(name, DIGITS);
			other += strspn(other, DIGITS);
			continue;
		}
		if (!isalpha((unsigned char)*name) ||
		    !isalpha((unsigned char)*other)) {
			if (*name != *other)
				return false;
			formed = true;
		}
		name++;
		other++;
	}
	return formed && *name == *other;
}

/* A new server that the map does not know yet. */
static bool
is_formed_like_scheme(const struct group *g, const char *name)
{
	int32_t last = -1;

	for (size_t i = 0; i < g->count; i++) {
		const struct sight *s = g->sights[i];

		if (!s->in_scheme || s->text == last)
			continue;
		last = s->text;
		if (is_formed_like(
			name, names_text(&g->catalog->names, s->text)))
			return true;
	}
	return false;
}

/* One name of a group, outside the scheme. */
static void
judge_name(const struct group *g, struct sight **sights, size_t count)
{
	const char *name = names_text(&g->catalog->names, sights[0]->text);
	char text[EVIDENCE_TEXT];

	if (ends_like(name, g->suffix) || is_formed_like_scheme(g, name) ||
	    interception_networks(g->catalog,
		(const struct sight *const *)sights,
		count) == INTERCEPTION_NETWORKS)
		return;
	if (g->followers >= OTHERS)
		(void)text_print(text, sizeof(text),
		    "outside the scheme that %zu vantage points see",
		    g->followers);
	else if (g->nameless >= NAMELESS_OTHERS &&
		 g->nameless >= NAMELESS_RATIO * g->strangers)
		(void)text_print(text, sizeof(text),
		    "outside the scheme, and %zu vantage points see no name",
		    g->nameless);
	else
		return;
	for (size_t i = 0; i < count; i++) {
		if (sights[i]->evidence == NULL)
			sights[i]->evidence = memory_copy(text);
	}
}

/* How many vantage points see no name where a name by this method would be:
 * of its own question, or of NSID on any. */
static size_t
count_nameless(const struct interception *in, const struct sight *like)
{
	const struct catalog *c = in->catalog;
	bool *seen = memory_zeroed(c->vp_count, sizeof(*seen));
	bool nsid = strcmp(names_text(&c->names, like->method), "nsid") == 0;
	size_t count = 0;

	for (size_t i = 0; i < in->count; i++) {
		const struct sight *s = &in->sights[i];

		if (s->method >= 0 || s->target != like->target || seen[s->vp])
			continue;
		if (nsid || c->lanes[s->lane].question == like->method) {
			seen[s->vp] = true;
			count++;
		}
	}
	free(seen);
	return count;
}

static void
judge_group(const struct interception *in, struct group *g)
{
	g->strangers = count_vps(g, false);
	if (g->strangers == 0)
		return;
	g->followers = count_vps(g, true);
	g->suffix = scheme_suffix(g);
	if (g->followers < OTHERS)
		g->nameless = count_nameless(in, g->sights[0]);
	for (size_t first = 0, end; first < g->count; first = end) {
		for (end = first + 1;
		     end < g->count &&
		     g->sights[end]->text == g->sights[first]->text;
		     end++)
			continue;
		if (!g->sights[first]->in_scheme)
			judge_name(g, g->sights + first, end - first);
	}
}

void
interception_judge_schemes(struct interception *in)
{
	const struct catalog *c = in->catalog;
	struct sight **sights = memory_zeroed(in->count, sizeof(*sights));
	size_t count = 0;

	for (size_t i = 0; i < in->count; i++) {
		struct sight *s = &in->sights[i];

		if (s->named &&
		    site_map_declares(c->map, names_text(&c->names, s->target)))
			sights[count++] = s;
	}
	if (count > 1)
		qsort(sights, count, sizeof(struct sight *), compare_by_name);
	for (size_t first = 0, end; first < count; first = end) {
		struct group g = { .catalog = c, .sights = sights + first };

		for (end = first + 1;
		     end < count &&
		     sights[end]->target == sights[first]->target &&
		     sights[end]->method == sights[first]->method;
		     end++)
			continue;
		g.count = end - first;
		judge_group(in, &g);
	}
	free(sights);
}
