/*
 * One name from services that have nothing to do with each other. Services
 * that others see under names of their own are unrelated; a name is a
 * service's own where somebody sees it there and not at the others.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/interception.h"
#include "analysis/memory.h"
#include "lib/text.h"

#define UNRELATED_OTHERS 2 /* who see different names: at least so many, */
#define UNRELATED_RATIO 4  /* and so many for one who sees the same one */
#define TARGETS_MAX 32     /* of one name at one vantage point */
#define EVIDENCE_TEXT 512

/* A name of a target at a vantage point, in whatever lanes. */
struct mention {
	int32_t vp, target, text;
	bool in_scheme, own;
	const struct sight *sight; /* one of them */
};

struct mentions {
	const struct catalog *catalog;
	struct mention *items; /* by vantage point, target, text */
	size_t count;
	struct mention **by_text; /* by text, vantage point, target */
};

static int
compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_mentions(const void *left, const void *right)
{
	const struct mention *a = left, *b = right;
	int order;

	if ((order = compare_numbers(a->vp, b->vp)) != 0 ||
	    (order = compare_numbers(a->target, b->target)) != 0)
		return order;
	return compare_numbers(a->text, b->text);
}

static int
compare_by_text(const void *left, const void *right)
{
	const struct mention *a = *(struct mention *const *)left;
	const struct mention *b = *(struct mention *const *)right;
	int order = compare_numbers(a->text, b->text);

	return order != 0 ? order : compare_mentions(a, b);
}

static void
collect(struct mentions *m, const struct interception *in)
{
	size_t kept = 0;

	m->catalog = in->catalog;
	m->items = memory_zeroed(in->count, sizeof(*m->items));
	for (size_t i = 0; i < in->count; i++) {
		const struct sight *s = &in->sights[i];

		if (s->named && !s->empty)
			m->items[m->count++] = (struct mention){
				.vp = s->vp,
				.target = s->target,
				.text = s->text,
				.in_scheme = s->in_scheme,
				.sight = s,
			};
	}
	if (m->count > 1)
		qsort(m->items, m->count, sizeof(*m->items), compare_mentions);
	for (size_t i = 1; i < m->count; i++) {
		if (compare_mentions(&m->items[i], &m->items[kept]) != 0)
			m->items[++kept] = m->items[i];
		else
			m->items[kept].in_scheme |= m->items[i].in_scheme;
	}
	m->count = m->count == 0 ? 0 : kept + 1;
	m->by_text = memory_zeroed(m->count, sizeof(*m->by_text));
	for (size_t i = 0; i < m->count; i++)
		m->by_text[i] = &m->items[i];
	if (m->count > 1)
		qsort(m->by_text, m->count, sizeof(struct mention *),
		    compare_by_text);
}

/* Where the mentions of items[from]'s vantage point end. */
static size_t
vp_end(const struct mentions *m, size_t from)
{
	size_t end = from + 1;

	while (end < m->count && m->items[end].vp == m->items[from].vp)
		end++;
	return end;
}

/* Who sees it at one target alone, though other targets name themselves to
 * him too, sees that target's own name. */
static void
find_own(struct mentions *m)
{
	for (size_t first = 0, end; first < m->count; first = end) {
		end = vp_end(m, first);
		for (size_t i = first; i < end; i++) {
			bool alone = true, others = false;

			for (size_t k = first; k < end; k++) {
				if (m->items[k].target == m->items[i].target)
					continue;
				others = true;
				alone &= m->items[k].text != m->items[i].text;
			}
			m->items[i].own =
			    m->items[i].in_scheme || (alone && others);
		}
	}
}

static bool
shares(const struct mention *a, size_t a_count, const struct mention *b,
    size_t b_count, int32_t except)
{
	for (size_t i = 0; i < a_count; i++) {
		for (size_t k = 0; k < b_count; k++) {
			if (a[i].text == b[k].text && a[i].text != except)
				return true;
		}
	}
	return false;
}

/* items[first, end) of a vantage point: those of a target. */
static const struct mention *
of_target(const struct mentions *m, const size_t part[2], int32_t target,
    size_t *count)
{
	size_t i = part[0], end;

	while (i < part[1] && m->items[i].target != target)
		i++;
	for (end = i; end < part[1] && m->items[end].target == target; end++)
		continue;
	*count = end - i;
	return &m->items[i];
}

/* Whether those who see other names than this one at both targets see
 * different ones. */
static bool
are_unrelated(const struct mentions *m, int32_t one, int32_t two, int32_t text)
{
	size_t differ = 0, same = 0;

	for (size_t first = 0, end; first < m->count; first = end) {
		const struct mention *a, *b;
		size_t a_count, b_count;

		end = vp_end(m, first);
		a = of_target(
		    m, (const size_t[2]){ first, end }, one, &a_count);
		b = of_target(
		    m, (const size_t[2]){ first, end }, two, &b_count);
		if (a_count == 0 || b_count == 0)
			continue;
		if (shares(a, a_count, b, b_count, text))
			same++;
		else if (!shares(a, a_count, b, b_count, -1))
			differ++;
	}
	return differ >= UNRELATED_OTHERS && differ >= UNRELATED_RATIO * same;
}

/* Mentions of one name at one vantage point, that are nobody's own. */
struct suspicion {
	struct mention *item[TARGETS_MAX];
	bool unrelated[TARGETS_MAX];
	size_t count;
};

static bool
is_native(struct mention **group, size_t count, int32_t target)
{
	for (size_t i = 0; i < count; i++) {
		if (group[i]->target == target && group[i]->own)
			return true;
	}
	return false;
}

/* Those of a vantage point that are unrelated to another of them. */
static void
suspect(struct suspicion *s, const struct mentions *m, struct mention **group,
    const size_t part[2], size_t group_count)
{
	*s = (struct suspicion){ 0 };
	for (size_t i = part[0]; i < part[1] && s->count < TARGETS_MAX; i++) {
		if (!is_native(group, group_count, group[i]->target))
			s->item[s->count++] = group[i];
	}
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = i + 1; k < s->count; k++) {
			if ((s->unrelated[i] && s->unrelated[k]) ||
			    !are_unrelated(m, s->item[i]->target,
				s->item[k]->target, s->item[i]->text))
				continue;
			s->unrelated[i] = s->unrelated[k] = true;
		}
	}
}

/* From three networks it takes three services, or one whose scheme it is
 * outside: two may well have a server in common. */
static bool
is_enough(const struct mentions *m, const struct suspicion *s, bool wide)
{
	size_t count = 0;
	bool declared = false;

	for (size_t i = 0; i < s->count; i++) {
		const char *target =
		    names_text(&m->catalog->names, s->item[i]->target);

		count += s->unrelated[i];
		declared |= s->unrelated[i] &&
			    site_map_declares(m->catalog->map, target);
	}
	return count >= 3 || (count == 2 && (!wide || declared));
}

/* "the same name from a, b, c" */
static void
accuse(struct interception *in, const struct mentions *m, struct suspicion *s)
{
	char text[EVIDENCE_TEXT] = "the same name from ";
	size_t len;

	for (size_t i = 0; i < s->count; i++) {
		len = strlen(text);
		if (s->unrelated[i])
			(void)text_print(text + len, sizeof(text) - len, "%s%s",
			    text[len - 1] == ' ' ? "" : ", ",
			    names_text(&m->catalog->names, s->item[i]->target));
	}
	for (size_t i = 0; i < in->count; i++) {
		struct sight *sight = &in->sights[i];

		for (size_t k = 0; k < s->count; k++) {
			const struct mention *item = s->item[k];

			if (!s->unrelated[k] || !sight->named || sight->empty ||
			    sight->vp != item->vp ||
			    sight->target != item->target ||
			    sight->text != item->text)
				continue;
			free(sight->evidence);
			sight->evidence = memory_copy(text);
		}
	}
}

static bool
is_wide(const struct mentions *m, struct mention **group, size_t count)
{
	const struct sight **sights = memory_zeroed(count, sizeof(*sights));
	bool wide;

	for (size_t i = 0; i < count; i++)
		sights[i] = group[i]->sight;
	wide = interception_networks(m->catalog, sights, count) ==
	       INTERCEPTION_NETWORKS;
	free(sights);
	return wide;
}

/* All mentions of one name. */
static void
judge_text(struct interception *in, const struct mentions *m,
    struct mention **group, size_t count)
{
	bool wide = is_wide(m, group, count);
	struct suspicion s;

	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1;
		     end < count && group[end]->vp == group[first]->vp; end++)
			continue;
		if (end - first < 2)
			continue;
		suspect(&s, m, group, (const size_t[2]){ first, end }, count);
		if (is_enough(m, &s, wide))
			accuse(in, m, &s);
	}
}

void
interception_judge_shared(struct interception *in)
{
	struct mentions m = { 0 };

	collect(&m, in);
	find_own(&m);
	for (size_t first = 0, end; first < m.count; first = end) {
		for (end = first + 1;
		     end < m.count &&
		     m.by_text[end]->text == m.by_text[first]->text;
		     end++)
			continue;
		if (end - first > 1)
			judge_text(in, &m, m.by_text + first, end - first);
	}
	free(m.items);
	free(m.by_text);
}
