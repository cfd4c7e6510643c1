/*
 * The plan of a round: which question goes to which address on which flow.
 */
#include "probe/round_private.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "probe/resolve.h"

#define RESOLVE_S 10  /* for all names; less where the deadline is near */
#define REPEAT_MS 250 /* between timed questions of one flow */

static void
set_edns(struct target_questions *q, const struct config_target *target)
{
	size_t i;

	for (i = 0; i < q->count; i++) {
		q->question[i].udp_size = (uint16_t)target->edns_size;
		q->question[i].dnssec_ok = target->dnssec;
		q->question[i].cookie = target->cookies;
		q->question[i].rd |= target->recursion;
	}
}

static int
add_question(struct target_questions *q, const char *name, const char *zone)
{
	struct question *grown;

	grown = reallocarray(q->question, q->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -1;
	q->question = grown;
	return question_init(&grown[q->count++], name, zone);
}

static bool
has_question(const struct target_questions *q, const char *name)
{
	size_t i;

	for (i = 0; i < q->count; i++) {
		if (strcmp(q->question[i].name, name) == 0)
			return true;
	}
	return false;
}

/* What the table names for any address of the target. */
static int
add_of_services(struct target_questions *q, const struct round *r,
    const struct config_target *target)
{
	const struct service *service;
	size_t i, j;

	for (i = 0; i < target->address_count; i++) {
		service = services_find(r->services, &target->address[i].addr);
		for (j = 0; service != NULL && j < service->method_count; j++) {
			const char *name = service->method[j];

			if (!service_asks(name) || has_question(q, name))
				continue;
			if (add_question(q, name, ".") == -1)
				return -1;
			q->question[q->count - 1].begins = services_begins(
			    r->services, &target->address[i].addr, name);
		}
	}
	return 0;
}

static int
make_questions(struct target_questions *q, const struct round *r,
    const struct config_target *target)
{
	size_t i;
	int status = 0;

	for (i = 0; i < target->question_count && status == 0; i++) {
		const char *name = target->question[i];

		if (strcmp(name, "service") == 0)
			status = add_of_services(q, r, target);
		else if (!has_question(q, name))
			status = add_question(q, name, target->zone);
	}
	if (status == 0 && target->echo)
		status = add_question(q, "echo", ".");
	if (status == 0 && target->trace)
		status = add_question(q, "trace", target->zone);
	set_edns(q, target);
	return status;
}

static bool
is_timed(const struct question *q)
{
	return strcmp(q->name, "soa") == 0 || strcmp(q->name, "echo") == 0;
}

/* How often a question is asked on a flow. Echo takes the first. */
static int
repeats(const struct config_target *target, const struct question *q, int flow)
{
	if (q->method != &method_dns_udp && flow > 0)
		return 0;
	if (q->method == &method_trace)
		return 0; /* round_trace.c knows which */
	return is_timed(q) ? target->count : 1;
}

/* Over how many transports it is asked. */
static int
transports(const struct config_target *target, const struct question *q)
{
	return q->method == &method_dns_udp ? target->udp + target->tcp : 1;
}

/* One question on one flow, as often as it is asked, over each transport. */
static int
plan_question(
    struct round *r, const struct config_target *target, struct plan_item item)
{
	int count = repeats(target, item.question, item.flow), i, over;

	if (!round_asks(r, &item))
		return 0;
	item.letters = round_letters(r, target, &item);
	for (i = 0; i < count; i++) {
		item.after = span_ms(i * REPEAT_MS);
		for (over = 0; over < transports(target, item.question);
		     over++) {
			item.proto =
			    over > 0 || !target->udp ? PROTO_TCP : PROTO_UDP;
			if (plan_add(&r->plan, &item) == -1)
				return -1;
		}
	}
	return 0;
}

static int
plan_questions(struct round *r, size_t target_index, struct plan_item item)
{
	const struct config_target *target = &r->config->target[target_index];
	const struct target_questions *q = &r->questions[target_index];
	int flow;
	size_t j;

	if (habits_add(&r->habits, &item.addr, item.port, r->now) == NULL)
		return -1;
	if (target->trace && round_paths_add(r, target_index, &item) == -1)
		return -1;
	for (flow = 0; flow < target->flows; flow++) {
		for (j = 0; j < q->count; j++) {
			item.question = &q->question[j];
			item.flow = flow;
			if (plan_question(r, target, item) == -1)
				return -1;
		}
	}
	return 0;
}

static size_t
questions_of(const struct round *r, size_t target_index)
{
	const struct config_target *target = &r->config->target[target_index];
	const struct target_questions *q = &r->questions[target_index];
	size_t j, count = 0;
	int flow;

	for (flow = 0; flow < target->flows; flow++) {
		for (j = 0; j < q->count; j++)
			count +=
			    (size_t)(repeats(target, &q->question[j], flow) *
				     transports(target, &q->question[j]));
	}
	return count;
}

/* A name stands for all of its addresses at this moment. */
static int
plan_name(struct round *r, size_t target_index,
    const struct config_address *address, const struct resolution *found)
{
	const struct config_target *target = &r->config->target[target_index];
	struct plan_item item = { .target = target->name,
		.port = address->port };
	const char *refused;
	size_t i;

	if (found->error != NULL) {
		log_warnx("target %s: %s: %s", target->name, address->host,
		    found->error);
		r->unresolved += questions_of(r, target_index);
		return 0;
	}
	for (i = 0; i < found->count; i++) {
		refused = manners_refuse(r->manners, &found->addr[i]);
		if (refused != NULL) {
			log_warnx("target %s: %s: an address is refused: %s",
			    target->name, address->host, refused);
			continue;
		}
		item.addr = found->addr[i];
		if (plan_questions(r, target_index, item) == -1)
			return -1;
	}
	return 0;
}

/* names: those of this target that are no addresses, and then the next's. */
static int
plan_target(struct round *r, size_t index, const struct resolution **names)
{
	const struct config_target *target = &r->config->target[index];
	size_t i;

	for (i = 0; i < target->address_count; i++) {
		const struct config_address *address = &target->address[i];
		struct plan_item item = { .target = target->name,
			.addr = address->addr,
			.port = address->port };
		int status;

		if (addr_is_set(&address->addr))
			status = plan_questions(r, index, item);
		else
			status = plan_name(r, index, address, (*names)++);
		if (status == -1)
			return -1;
	}
	return 0;
}

static struct span
patience(const struct config *c)
{
	struct span share = { c->deadline.ns / 4 }, most = span_s(RESOLVE_S);

	return share.ns < most.ns ? share : most;
}

/* Of all targets, in their order. */
static size_t
list_names(const struct config *c, struct resolution *names)
{
	size_t i, j, count = 0;

	for (i = 0; i < c->target_count; i++) {
		for (j = 0; j < c->target[i].address_count; j++) {
			if (!addr_is_set(&c->target[i].address[j].addr))
				names[count++].name =
				    c->target[i].address[j].host;
		}
	}
	return count;
}

static int
plan_targets(struct round *r, const struct resolution *names)
{
	size_t i;

	for (i = 0; i < r->config->target_count; i++) {
		if (make_questions(
			&r->questions[i], r, &r->config->target[i]) == -1 ||
		    plan_target(r, i, &names) == -1)
			return -1;
	}
	return 0;
}

int
round_plan(struct round *r)
{
	const struct config *c = r->config;
	struct resolution *names = calloc(c->address_count + 1, sizeof(*names));
	size_t count = 0;
	int status = -1;

	r->questions = calloc(c->target_count + 1, sizeof(*r->questions));
	if (names != NULL && r->questions != NULL) {
		count = list_names(c, names);
		if (resolve(names, count, patience(c)) == -1)
			log_warn("resolver");
		else
			status = plan_targets(r, names);
	}
	if (names != NULL)
		resolve_clear(names, count);
	free(names);
	round_habits_place(r);
	if (status == -1 || round_paths_due(r) == -1)
		return -1;
	return plan_shuffle(&r->plan);
}

void
round_plan_clear(struct round *r)
{
	size_t i;

	plan_clear(&r->plan);
	for (i = 0; r->questions != NULL && i < r->config->target_count; i++)
		free(r->questions[i].question);
	free(r->questions);
	r->questions = NULL;
	paths_clear(&r->paths);
	habits_clear(&r->habits);
}
