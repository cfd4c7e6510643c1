/*
 * Which paths a round traces: at first those that changed in an earlier round
 * and those whose time has come, and when all answers are there, those whose
 * lane has just changed.
 */
#include "probe/round_private.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

/* What is no longer an address of the configuration is remembered so long,
 * in periods. */
#define KEEP_PERIODS 2

int
round_paths_open(struct round *r)
{
	r->due_left = r->changes_left = r->config->trace_budget;
	return paths_read(&r->paths, r->config->spool);
}

/* The lane whose answers tell of a change. */
static enum proto
watched(const struct config_target *target)
{
	if (target->question_count == 0)
		return PROTO_ICMP;
	return target->udp ? PROTO_UDP : PROTO_TCP;
}

int
round_paths_add(
    struct round *r, size_t target_index, const struct plan_item *item)
{
	struct path *path =
	    paths_add(&r->paths, &item->addr, item->port, item->target);

	if (path == NULL)
		return -1;
	path->target_index = target_index;
	path->over = watched(&r->config->target[target_index]);
	return 0;
}

static const struct question *
trace_question(const struct round *r, const struct path *path)
{
	const struct target_questions *q = &r->questions[path->target_index];
	size_t i;

	for (i = 0; q->question[i].method != &method_trace; i++)
		continue;
	return &q->question[i];
}

static int
plan_trace(struct round *r, struct plan *plan, struct path *path)
{
	const struct config_target *target =
	    &r->config->target[path->target_index];
	struct plan_item item = { .target = path->target,
		.question = trace_question(r, path),
		.addr = path->addr,
		.port = path->port,
		.proto = PROTO_UDP,
		.letters = target->mixed_case == MIXED_CASE_ALWAYS
			       ? LETTERS_STRICT
			       : LETTERS_PLAIN };

	path->tried = true;
	return plan_add(plan, &item);
}

/* --- the most urgent first --- */

static int
compare_times(const struct wall *a, const struct wall *b)
{
	return (a->ns > b->ns) - (a->ns < b->ns);
}

static int
owed_longer(const void *left, const void *right)
{
	const struct path *const *a = left, *const *b = right;

	return compare_times(&(*a)->memory.owed, &(*b)->memory.owed);
}

static int
traced_earlier(const void *left, const void *right)
{
	const struct path *const *a = left, *const *b = right;

	return compare_times(&(*a)->memory.traced, &(*b)->memory.traced);
}

static bool
is_owed(const struct round *r, const struct path *path)
{
	(void)r;
	return !path->tried && path->memory.owed.ns != 0;
}

/* Cron and splay are not exact: half a round early is in time. */
static bool
is_due(const struct round *r, const struct path *path)
{
	struct span period = { r->config->trace_every.ns -
			       r->config->every.ns / 2 };

	return !path->tried && path_is_due(path, r->now, period);
}

/* Why a path is traced now, and in what order. */
struct urgency {
	bool (*applies)(const struct round *, const struct path *);
	int (*order)(const void *, const void *);
};

static int
plan_urgent(
    struct round *r, struct plan *plan, const struct urgency *why, int *left)
{
	struct path **urgent = calloc(r->paths.count + 1, sizeof(*urgent));
	size_t count = 0, i;
	int status = 0;

	if (urgent == NULL)
		return -1;
	for (i = 0; i < r->paths.count; i++) {
		if (why->applies(r, &r->paths.items[i]))
			urgent[count++] = &r->paths.items[i];
	}
	qsort(urgent, count, sizeof(*urgent), why->order);
	for (i = 0; i<count && * left> 0 && status == 0; i++, (*left)--)
		status = plan_trace(r, plan, urgent[i]);
	if (i < count)
		log_info(
		    "%zu paths wait for a round with traces left", count - i);
	free(urgent);
	return status;
}

static const struct urgency owed = { is_owed, owed_longer };
static const struct urgency due = { is_due, traced_earlier };

int
round_paths_due(struct round *r)
{
	paths_sort(&r->paths);
	if (plan_urgent(r, &r->plan, &owed, &r->changes_left) == -1)
		return -1;
	return plan_urgent(r, &r->plan, &due, &r->due_left);
}

/* --- what the answers tell --- */

void
round_paths_see(
    struct round *r, const struct ask *ask, const struct record *record)
{
	const struct service *service;
	struct path_order order = { NULL, 0 };
	struct path *path;
	size_t i;

	if (ask->flow->n != 0 || r->paths.count == 0)
		return;
	if ((service = services_find(r->services, &record->addr)) != NULL)
		order = (struct path_order){ service->method,
			service->method_count };
	for (i = paths_first(&r->paths, &record->addr); i < r->paths.count;
	     i++) {
		path = &r->paths.items[i];
		if (!addr_equal(&path->addr, &record->addr))
			break;
		/* Echo and ICMP traces have no port. */
		if (path->target == ask->target &&
		    (record->port == -1 || record->port == path->port))
			path_see(path, record, &order);
	}
}

int
round_paths_changed(struct round *r, struct plan *more)
{
	size_t i;

	for (i = 0; i < r->paths.count; i++) {
		struct path *path = &r->paths.items[i];
		enum path_change change = path_judge(path, r->now);
		char addr[ADDR_TEXT];

		if (change != PATH_SAME)
			log_info("target %s: %s: %s", path->target,
			    addr_format(addr, &path->addr),
			    path_change_name(change));
	}
	return plan_urgent(r, more, &owed, &r->changes_left);
}

void
round_paths_save(struct round *r)
{
	struct span keep = { KEEP_PERIODS * r->config->trace_every.ns };
	size_t i;

	if (r->paths.count == 0)
		return;
	for (i = 0; i < r->paths.count; i++)
		path_settle(&r->paths.items[i], r->now);
	if (paths_write(&r->paths, r->config->spool, r->now, keep) == -1)
		log_warn("spool %s: what is known of paths is not kept",
		    r->config->spool);
}
