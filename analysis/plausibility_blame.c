/*
 * Whom violations accuse. A site that several cannot see where it is said to
 * be, while all that see it could at one other point, is itself elsewhere. A
 * vantage point that violates several targets is not where it says, unless
 * one such place explains it: a wrong name or position in one target does
 * not.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/plausibility.h"
#include "lib/text.h"

#define TARGETS_VIOLATED 2
#define SITE_VIOLATORS 2
#define DISCS_MAX 24 /* the smallest, which say the most */
#define TARGETS_TEXT 400
#define NEAR_KM 150.0 /* one place, as for a site map */

static bool
same_site(const struct view *a, const struct view *b)
{
	return a->target == b->target &&
	       (a->claim == b->claim ||
		   (a->claim->guess == b->claim->guess &&
		       site_same(&a->claim->site, &b->claim->site)));
}

static double
excess_km(const struct proof *proof)
{
	return proof->km - proof->reach_km;
}

/* Of equal ones of a lane the first: those of an hour do not come in time. */
static bool
is_worse(const struct proof *a, const struct proof *b)
{
	const double by_km = excess_km(a) - excess_km(b);

	return by_km > 0 ||
	       (by_km >= 0 && a->lane == b->lane && a->t_us < b->t_us);
}

/* The smallest disc, and the worst violation, of each site and position. */
static void
merge(struct view *view, const struct view *other)
{
	if (other->disc.km < view->disc.km)
		view->disc = other->disc;
	if (other->violated &&
	    (!view->violated || is_worse(&other->worst, &view->worst)))
		view->worst = other->worst;
	view->violated |= other->violated;
}

void
views_add(struct views *v, const struct view *view)
{
	for (size_t i = v->count; i > v->vp_first; i--) {
		struct view *seen = &v->items[i - 1];

		if (same_site(seen, view) &&
		    seen->disc.centre.lat == view->disc.centre.lat &&
		    seen->disc.centre.lon == view->disc.centre.lon) {
			merge(seen, view);
			return;
		}
	}
	if (v->count == v->room)
		v->items = memory_grow(v->items, &v->room, sizeof(*v->items));
	v->items[v->count++] = *view;
}

static int
compare_sites(const void *left, const void *right)
{
	const struct view *a = left, *b = right;
	int order;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	if (a->claim->guess != b->claim->guess)
		return a->claim->guess ? 1 : -1;
	if ((order = strcmp(a->claim->site.name, b->claim->site.name)) != 0)
		return order;
	if (a->claim->site.lat != b->claim->site.lat)
		return a->claim->site.lat < b->claim->site.lat ? -1 : 1;
	return (a->disc.km > b->disc.km) - (a->disc.km < b->disc.km);
}

static int
compare_vps(const void *left, const void *right)
{
	const struct view *a = left, *b = right;

	if (a->vp != b->vp)
		return a->vp < b->vp ? -1 : 1;
	return (a->target > b->target) - (a->target < b->target);
}

static struct suspect *
add_suspect(struct plausibility *p)
{
	if (p->suspect_count == p->suspect_room)
		p->suspects = memory_grow(
		    p->suspects, &p->suspect_room, sizeof(*p->suspects));
	p->suspects[p->suspect_count] = (struct suspect){ .vp = -1 };
	return &p->suspects[p->suspect_count++];
}

static void
note_worst(struct suspect *s, const struct view *view)
{
	if (s->worst.claim == NULL ||
	    excess_km(&view->worst) > excess_km(&s->worst))
		s->worst = view->worst;
}

/* Whether one point is near enough to all that see the site. */
static bool
could_be_elsewhere(const struct view *views, size_t count)
{
	struct sphere_disc discs[DISCS_MAX];
	struct sphere_point point;

	if (count > DISCS_MAX) /* they are sorted */
		count = DISCS_MAX;
	for (size_t i = 0; i < count; i++)
		discs[i] = views[i].disc;
	return sphere_common(&point, discs, count);
}

/* The views of one site of a target, the nearest first. */
static void
judge_site(struct plausibility *p, struct view *views, size_t count)
{
	struct suspect site = { .vp = -1 };

	for (size_t i = 0; i < count; i++) {
		site.seen++;
		if (!views[i].violated)
			continue;
		site.violated++;
		note_worst(&site, &views[i]);
	}
	if (site.violated == 0 ||
	    (!views->claim->guess && (site.violated < SITE_VIOLATORS ||
					 !could_be_elsewhere(views, count))))
		return;
	for (size_t i = 0; i < count; i++)
		views[i].excused = true;
	*add_suspect(p) = site;
}

/* "a, b, c" */
static void
add_name(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	(void)text_print(
	    list + len, size - len, "%s%s", len > 0 ? ", " : "", name);
}

static bool
same_place(const struct view *a, const struct view *b)
{
	const struct site *s = &a->claim->site, *t = &b->claim->site;

	return sphere_km((struct sphere_point){ s->lat, s->lon },
		   (struct sphere_point){ t->lat, t->lon }) <= NEAR_KM;
}

/* One site elsewhere explains the violations of one place, in whatever
 * targets; those of several places are explained by the vantage point. */
static bool
is_excused(const struct view *views, size_t count)
{
	const struct view *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!views[i].violated || views[i].claim->guess)
			continue;
		if (first == NULL)
			first = &views[i];
		if (!views[i].excused || !same_place(first, &views[i]))
			return false;
	}
	return true;
}

/* The views of one vantage point of a target. Whether it is violated. */
static bool
judge_target(struct suspect *vp, const struct view *views, size_t count)
{
	bool violated = false, seen = false;

	for (size_t i = 0; i < count; i++) {
		seen |= !views[i].claim->guess;
		if (!views[i].violated || views[i].claim->guess)
			continue;
		violated = true;
		note_worst(vp, &views[i]);
	}
	vp->seen += seen;
	vp->violated += violated;
	return violated;
}

/* The views of one vantage point, by target. */
static void
judge_vp(struct plausibility *p, const struct view *views, size_t count)
{
	struct suspect vp = { .vp = views->vp };
	char list[TARGETS_TEXT] = "";

	if (is_excused(views, count))
		return;
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1;
		     end < count && views[end].target == views[first].target;
		     end++)
			continue;
		if (judge_target(&vp, views + first, end - first))
			add_name(list, sizeof(list),
			    names_text(
				&p->catalog->names, views[first].target));
	}
	if (vp.violated < TARGETS_VIOLATED)
		return;
	p->misplaced[vp.vp] = true;
	vp.targets = memory_copy(list);
	*add_suspect(p) = vp;
}

/* Vantage points, then sites. */
static int
compare_suspects(const void *left, const void *right)
{
	const struct suspect *a = left, *b = right;

	if (a->vp != b->vp)
		return (a->vp < 0) != (b->vp < 0) ? (a->vp < 0 ? 1 : -1)
						  : (a->vp < b->vp ? -1 : 1);
	return (a->worst.lane > b->worst.lane) -
	       (a->worst.lane < b->worst.lane);
}

void
views_blame(struct views *v, struct plausibility *p)
{
	if (v->count == 0)
		return;
	qsort(v->items, v->count, sizeof(*v->items), compare_sites);
	for (size_t first = 0, end; first < v->count; first = end) {
		for (end = first + 1;
		     end < v->count &&
		     same_site(&v->items[first], &v->items[end]);
		     end++)
			continue;
		judge_site(p, v->items + first, end - first);
	}
	qsort(v->items, v->count, sizeof(*v->items), compare_vps);
	for (size_t first = 0, end; first < v->count; first = end) {
		for (end = first + 1;
		     end < v->count && v->items[end].vp == v->items[first].vp;
		     end++)
			continue;
		judge_vp(p, v->items + first, end - first);
	}
	if (p->suspect_count > 1)
		qsort(p->suspects, p->suspect_count, sizeof(*p->suspects),
		    compare_suspects);
}

void
suspect_evidence(const struct suspect *s, char *text, size_t size)
{
	if (s->vp >= 0)
		(void)text_print(text, size, "violates %zu of %zu targets: %s",
		    s->violated, s->seen, s->targets);
	else
		(void)text_print(text, size,
		    "too far for %zu of %zu vantage points%s", s->violated,
		    s->seen,
		    s->worst.claim->guess ? "; its place was a guess" : "");
}
