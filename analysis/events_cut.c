/*
 * Of which site a cluster of changes is: the site that most came from or went
 * to is taken out until nothing is left. What is taken changes only the cuts
 * that it was in, so that each is judged again only when it has fewer changes
 * than before and is asked.
 */
#include <stdlib.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"

#define CONVERGENCE_US (120LL * 1000000) /* between two of one event */

int
events_compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* How far the chain reaches to which a member belongs. Silence ends when it
 * ends. */
int64_t
events_reach_us(const struct member *m)
{
	return m->first_us + (m->silence == NULL ? CONVERGENCE_US : 0);
}

int32_t
events_from_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay - 1].site;
}

int32_t
events_to_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay].site;
}

int64_t
events_stay_at(const struct events *e, size_t stay, int64_t t_us)
{
	const struct stay *items = e->stays.items;
	int32_t lane = items[stay].lane;

	while (stay + 1 < e->stays.count && items[stay + 1].lane == lane &&
	       items[stay + 1].first_us <= t_us)
		stay++;
	while (items[stay].first_us > t_us) {
		if (stay == 0 || items[stay - 1].lane != lane)
			return -1;
		stay--;
	}
	return (int64_t)stay;
}

void
events_set_times(struct event *event)
{
	const struct member *m = event->members;

	event->start_us = m->first_us;
	event->end_us = m->first_us;
	for (size_t i = 0; i < event->count; i++) {
		if (m[i].first_us < event->start_us)
			event->start_us = m[i].first_us;
		if (m[i].first_us > event->end_us)
			event->end_us = m[i].first_us;
	}
	event->start_after_us = event->end_after_us = INT64_MIN;
	for (size_t i = 0; i < event->count; i++) {
		/* The last who still saw the old one when the first saw the
		 * new one. */
		if (m[i].last_us < event->start_us &&
		    m[i].last_us > event->start_after_us)
			event->start_after_us = m[i].last_us;
		if (m[i].last_us > event->end_after_us)
			event->end_after_us = m[i].last_us;
	}
	if (event->start_after_us == INT64_MIN) /* of a foreign database */
		event->start_after_us = event->start_us;
}

struct event *
events_add(struct events *e, struct member *members, size_t count)
{
	struct event *event;

	if (e->count == e->room)
		e->items = memory_grow(e->items, &e->room, sizeof(*e->items));
	event = &e->items[e->count++];
	*event = (struct event){ .service = members[0].service,
		.site = -1,
		.members = members,
		.count = count };
	return event;
}

/* --- cuts --- */

/* A change of the cluster, and the cuts that it is in: that of the site that
 * it left [true], and of that to which it came [false]. */
struct change {
	struct member member;
	struct cut *cuts[2];
	bool taken;
};

/* One change of a cut. */
struct end {
	int32_t site;
	bool left;
	struct change *change;
};

/* A way to take changes out of a cluster: those that left a site, or those
 * that came to it. */
struct cut {
	int32_t site;
	bool left;
	struct end *ends;         /* by time; some of them may be taken */
	size_t end_count, count;  /* of them; of those that are not taken */
	struct cut *next, **link; /* of as many changes */

	size_t judged;        /* with so many changes; 0: never */
	enum event_kind kind; /* of its first chain */
	size_t length;
	bool
	    whole; /* a loss or gain that no single vantage point vouches for:
		    * one that is alone at a site empties it wherever it goes */
	bool firm; /* one chain and a shift, whichever changes are taken out */
	const struct change *first; /* in the order of the cluster */
	size_t share;               /* in the shift that is looked at */
};

/* A cluster that is taken apart. */
struct split {
	struct events *e;
	struct change *changes;
	struct end *ends;
	struct cut *cuts;
	struct cut **of_count; /* lists */
	size_t most;           /* none has more changes */
	struct cut **tied, **behind;
	struct member *rest; /* room for those that are not taken */
};

static int
compare_ends(const void *left, const void *right)
{
	const struct end *a = left, *b = right;
	const struct member *m = &a->change->member, *n = &b->change->member;
	int order;

	if ((order = events_compare(b->left, a->left)) != 0 ||
	    (order = events_compare(a->site, b->site)) != 0 ||
	    (order = events_compare(m->last_us, n->last_us)) != 0 ||
	    (order = events_compare(m->lane, n->lane)) != 0)
		return order;
	return (a->change > b->change) - (a->change < b->change);
}

static void
list_cut(struct split *s, struct cut *cut)
{
	struct cut **list = &s->of_count[cut->count];

	cut->next = *list;
	cut->link = list;
	if (cut->next != NULL)
		cut->next->link = &cut->next;
	*list = cut;
}

static void
unlist_cut(struct cut *cut)
{
	*cut->link = cut->next;
	if (cut->next != NULL)
		cut->next->link = cut->link;
}

/* Every way to take changes out. */
static void
list_cuts(struct split *s, size_t count)
{
	struct cut *cut = s->cuts;

	qsort(s->ends, 2 * count, sizeof(*s->ends), compare_ends);
	for (size_t i = 0, end; i < 2 * count; i = end, cut++) {
		struct end *ends = &s->ends[i];

		*cut = (struct cut){
			.site = ends->site, .left = ends->left, .ends = ends
		};
		for (end = i;
		     end < 2 * count && s->ends[end].site == cut->site &&
		     s->ends[end].left == cut->left;
		     end++)
			s->ends[end].change->cuts[cut->left] = cut;
		cut->end_count = cut->count = end - i;
		list_cut(s, cut);
		if (cut->count > s->most)
			s->most = cut->count;
	}
}

static void
drop_taken(struct cut *cut)
{
	size_t kept = 0;

	if (cut->end_count == cut->count)
		return;
	for (size_t i = 0; i < cut->end_count; i++) {
		if (!cut->ends[i].change->taken)
			cut->ends[kept++] = cut->ends[i];
	}
	cut->end_count = kept;
}

/* How many overlap in a chain, once those of other sites are out; they come
 * first. Sorted by time. */
static size_t
chain(const struct member *m, size_t count)
{
	int64_t reach_us = events_reach_us(&m[0]);
	size_t n = 1;

	while (n < count && m[n].last_us < reach_us) {
		if (events_reach_us(&m[n]) > reach_us)
			reach_us = events_reach_us(&m[n]);
		n++;
	}
	return n;
}

/* The event that a cut would be: its first chain. */
static struct event
try_cut(struct split *s, struct cut *cut)
{
	struct event event = { .site = cut->site, .members = s->rest };

	drop_taken(cut);
	for (size_t i = 0; i < cut->count; i++)
		s->rest[i] = cut->ends[i].change->member;
	event.service = s->rest[0].service;
	event.count = chain(s->rest, cut->count);
	events_set_times(&event);
	event.kind = events_kind(s->e, &event, cut->left);
	return event;
}

static bool
is_of_several(const struct event *event)
{
	for (size_t i = 1; i < event->count; i++) {
		if (event->members[i].vp != event->members[0].vp)
			return true;
	}
	return false;
}

/* What became of a cut since it was judged last. */
static void
judge(struct split *s, struct cut *cut)
{
	if (cut->judged == cut->count)
		return;
	if (cut->firm) {
		cut->length = cut->count;
	} else {
		const struct event event = try_cut(s, cut);

		cut->kind = event.kind;
		cut->length = event.count;
		cut->whole = event.kind != EVENT_SHIFT && is_of_several(&event);
		cut->firm = event.count == cut->count &&
			    events_is_firm(s->e, &event, cut->left);
	}
	cut->judged = cut->count;
}

/* --- the order in which they are taken --- */

/* Of those of as many changes: one that was lost, then one that was gained,
 * then one that was left, then the first. */
static int
compare_tied(const void *left, const void *right)
{
	const struct cut *a = *(struct cut *const *)left,
			 *b = *(struct cut *const *)right;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->left != b->left)
		return a->left ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

static void
find_first(struct cut *cut)
{
	drop_taken(cut);
	cut->first = cut->ends[0].change;
	for (size_t i = 1; i < cut->count; i++) {
		if (cut->ends[i].change < cut->first)
			cut->first = cut->ends[i].change;
	}
}

/* The cuts of most changes, in order. */
static size_t
sort_tied(struct split *s)
{
	size_t count = 0;

	for (struct cut *cut = s->of_count[s->most]; cut != NULL;
	     cut = cut->next)
		s->tied[count++] = cut;
	for (size_t i = 0; count > 1 && i < count; i++) {
		judge(s, s->tied[i]);
		find_first(s->tied[i]);
	}
	if (count > 1)
		qsort(s->tied, count, sizeof(struct cut *), compare_tied);
	return count;
}

static void
take(struct split *s, struct cut *cut)
{
	const struct event event = try_cut(s, cut);

	*events_add(s->e, event.members, event.count) = event;
	s->rest += event.count;
	for (size_t i = 0; i < event.count; i++) {
		struct change *change = cut->ends[i].change;

		change->taken = true;
		for (int left = 0; left < 2; left++) {
			unlist_cut(change->cuts[left]);
			change->cuts[left]->count--;
			list_cut(s, change->cuts[left]);
		}
	}
}

/* --- what is behind a shift --- */

static int
compare_behind(const void *left, const void *right)
{
	const struct cut *a = *(struct cut *const *)left,
			 *b = *(struct cut *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return events_compare(a->site, b->site);
}

/* The sites at the other ends of a shift's changes that are lost or gained,
 * and with how many of them; the largest first. */
static size_t
list_behind(struct split *s, struct cut *shift)
{
	size_t count = 0, kept = 0;

	drop_taken(shift);
	for (size_t i = 0; i < shift->length; i++) {
		struct cut *cut = shift->ends[i].change->cuts[!shift->left];

		if (cut->share++ == 0)
			s->behind[count++] = cut;
	}
	for (size_t i = 0; i < count; i++) {
		judge(s, s->behind[i]);
		if (s->behind[i]->whole)
			s->behind[kept++] = s->behind[i];
		else
			s->behind[i]->share = 0;
	}
	if (kept > 1)
		qsort(s->behind, kept, sizeof(struct cut *), compare_behind);
	return kept;
}

/* Whether a cut has more changes than every other. */
static bool
leads(struct split *s, const struct cut *cut)
{
	while (s->most > 0 && s->of_count[s->most] == NULL)
		s->most--;
	return s->of_count[s->most] == cut && cut->next == NULL;
}

/* Several sites that are lost at one moment to one that others see look like
 * a shift to it, and several that are gained at one's expense like a shift
 * from it. Where such sites are behind most of a shift, the largest of them is
 * taken, and the next while all else stays as it was; false: they are not. */
static bool
take_behind(struct split *s, struct cut *shift)
{
	const size_t count = list_behind(s, shift);
	size_t all = 0, i = 0;

	for (size_t k = 0; k < count; k++)
		all += s->behind[k]->share;
	while (i < count && 2 * all > shift->length) {
		struct cut *cut = s->behind[i++];

		take(s, cut);
		all -= cut->share;
		if (!shift->firm || cut->count > 0 || !leads(s, shift))
			break;
		judge(s, shift);
	}
	for (size_t k = 0; k < count; k++)
		s->behind[k]->share = 0;
	return i > 0;
}

static void
take_best(struct split *s)
{
	const size_t most = s->most, count = sort_tied(s);

	for (size_t i = 0; i < count; i++) {
		struct cut *cut = s->tied[i];

		while (cut->count == most) {
			judge(s, cut);
			if (cut->kind != EVENT_SHIFT || !take_behind(s, cut))
				take(s, cut);
		}
	}
}

static void
split_begin(struct split *s, struct member *m, size_t count)
{
	s->changes = memory_zeroed(count, sizeof(*s->changes));
	s->ends = memory_zeroed(2 * count, sizeof(*s->ends));
	s->cuts = memory_zeroed(2 * count, sizeof(*s->cuts));
	s->of_count = memory_zeroed(count + 1, sizeof(struct cut *));
	s->tied = memory_zeroed(2 * count, sizeof(struct cut *));
	s->behind = memory_zeroed(count, sizeof(struct cut *));
	s->rest = m;
	for (size_t i = 0; i < count; i++) {
		struct change *change = &s->changes[i];

		change->member = m[i];
		s->ends[2 * i] =
		    (struct end){ events_from_site(s->e, &m[i]), true, change };
		s->ends[2 * i + 1] =
		    (struct end){ events_to_site(s->e, &m[i]), false, change };
	}
	list_cuts(s, count);
}

void
events_split(struct events *e, struct member *m, size_t count)
{
	struct split s = { .e = e };

	split_begin(&s, m, count);
	while (s.most > 0) {
		if (s.of_count[s.most] == NULL)
			s.most--;
		else
			take_best(&s);
	}
	free(s.changes);
	free(s.ends);
	free(s.cuts);
	free(s.of_count);
	free(s.tied);
	free(s.behind);
}
