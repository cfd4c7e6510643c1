/* The plan of a look: everything about each address. */
#include "probe/look_private.h"

#include <string.h>

#define FLOW_REPEATS 3 /* timed questions on each further flow of --flows */

static int
plan_flow(struct plan *plan, struct plan_item item, const struct look *look)
{
	int i, count = look->options->count;

	if (item.flow > 0 && count > FLOW_REPEATS)
		count = FLOW_REPEATS;
	item.question = &look->question[SOA];
	for (i = 0; i < count; i++) {
		item.after.ns = look->options->interval.ns * i;
		if (plan_add(plan, &item) == -1)
			return -1;
	}
	return 0;
}

static int
plan_names(struct plan *plan, struct plan_item item, const struct look *look)
{
	item.after.ns = 0;
	item.question = &look->question[HOSTNAME_BIND];
	if (plan_add(plan, &item) == -1)
		return -1;
	item.question = &look->question[ID_SERVER];
	return plan_add(plan, &item);
}

static int
plan_echo(struct plan *plan, struct plan_item item, const struct look *look)
{
	int i;

	item.question = &look->question[ECHO];
	for (i = 0; i < look->options->count; i++) {
		item.after.ns = look->options->interval.ns * i;
		if (plan_add(plan, &item) == -1)
			return -1;
	}
	return 0;
}

static void
set_question(struct question *q, const struct look_options *o)
{
	q->udp_size = o->udp_size;
	q->dnssec_ok = o->dnssec_ok;
	q->cookie = o->cookie;
	q->rd |= o->rd;
}

/* What the table of services says to ask beside. */
static int
plan_service(struct plan *plan, struct plan_item item, const struct look *look,
    struct question *questions)
{
	const struct service *service =
	    services_find(look->services, &item.addr);
	size_t i;

	for (i = 0; service != NULL && i < service->method_count; i++) {
		if (!service_asks(service->method[i]))
			continue;
		if (question_init(&questions[i], service->method[i], ".") == -1)
			return -1;
		set_question(&questions[i], look->options);
		if (service->begins[i][0] != '\0')
			questions[i].begins = service->begins[i];
		item.question = &questions[i];
		if (plan_add(plan, &item) == -1)
			return -1;
	}
	return 0;
}

/* Where another name than NSID is the best, each further flow asks it. */
static int
plan_best(struct plan *plan, struct plan_item item, const struct look *look,
    const struct question *questions)
{
	const struct service *service =
	    services_find(look->services, &item.addr);
	const char *best = service == NULL ? "nsid" : service->method[0];

	if (strcmp(best, "nsid") == 0 || strcmp(best, "soa") == 0)
		return 0;
	item.question = strcmp(best, "id.server") == 0
			    ? &look->question[ID_SERVER]
			: strcmp(best, "hostname.bind") == 0
			    ? &look->question[HOSTNAME_BIND]
			    : &questions[0];
	return plan_add(plan, &item);
}

static enum letters
letters_of(const struct look *look, const struct addr *addr)
{
	const struct service *service = services_find(look->services, addr);

	if (look->options->mixed_case)
		return LETTERS_STRICT;
	return service != NULL && service->echoes_case ? LETTERS_MIXED
						       : LETTERS_PLAIN;
}

int
look_plan(struct plan *plan, const struct look *look,
    const struct look_address *address)
{
	const struct look_options *o = look->options;
	struct plan_item item = { .target = address->name,
		.addr = address->addr,
		.port = address->port,
		.proto = o->tcp ? PROTO_TCP : PROTO_UDP,
		.letters = letters_of(look, &address->addr) };
	struct question *questions =
	    &look->service_question[SERVICE_METHODS *
				    (size_t)(address - look->addresses)];
	int n;

	if (o->dns && plan_service(plan, item, look, questions) == -1)
		return -1;
	for (n = 0; o->dns && n < o->flows; n++) {
		item.flow = n;
		if (plan_flow(plan, item, look) == -1 ||
		    (n > 0 && plan_best(plan, item, look, questions) == -1))
			return -1;
	}
	item.flow = 0;
	if (o->dns && plan_names(plan, item, look) == -1)
		return -1;
	if (o->trace) {
		item.question = &look->question[TRACE];
		if (plan_add(plan, &item) == -1)
			return -1;
	}
	return o->echo ? plan_echo(plan, item, look) : 0;
}

int
look_questions(struct look *look)
{
	const char *zone = look->options->zone;
	static const char *const names[QUESTIONS] = {
		[SOA] = "soa",
		[HOSTNAME_BIND] = "hostname.bind",
		[ID_SERVER] = "id.server",
		[ECHO] = "echo",
		[TRACE] = "trace",
	};
	int i;

	for (i = 0; i < QUESTIONS; i++) {
		if (question_init(&look->question[i], names[i], zone) == -1)
			return -1;
		set_question(&look->question[i], look->options);
	}
	return 0;
}
