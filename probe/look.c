#include "probe/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/sign.h"
#include "lib/text.h"
#include "probe/evidence_write.h"
#include "probe/look_read.h"
#include "probe/plan.h"
#include "probe/sockets.h"

#define FLOW_REPEATS 3 /* timed questions on each further flow of --flows */
#define HOP_TIMEOUT_MS 1000
#define NAMES_WAIT_MS 500
#define LOOK_MARGIN_S 20 /* over the timed part: paced sends, silent hops */

enum { SOA, HOSTNAME_BIND, ID_SERVER, ECHO, TRACE, QUESTIONS };

/* A record, and whose it is: look_address.name, told by its address. */
struct kept {
	const char *owner;
	struct record *record;
	size_t emitted; /* its place in the order in which they came */
};

struct look {
	const struct look_options *options;
	struct look_address *addresses;
	size_t address_count;
	struct question question[QUESTIONS];
	struct services *services;
	struct question *service_question; /* SERVICE_METHODS an address */
	struct site_map *map;
	struct kept *kept; /* sorted by owner and time, once all are there */
	size_t kept_count;
	bool failed; /* a record could not be kept */
	struct names *names;
	struct look_read *read; /* a capture instead of the network */
};

static void
keep_record(void *arg, const struct ask *ask, const struct record *record)
{
	struct look *look = arg;
	struct record *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		look->failed = true;
		return;
	}
	*copy = *record;
	look->kept[look->kept_count] =
	    (struct kept){ ask->target, copy, look->kept_count };
	look->kept_count++;
}

/* --- the plan --- */

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
	q->mixed_case = o->mixed_case;
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

static int
plan_address(struct plan *plan, const struct look *look,
    const struct look_address *address)
{
	const struct look_options *o = look->options;
	struct plan_item item = { .target = address->name,
		.addr = address->addr,
		.port = address->port,
		.proto = o->tcp ? PROTO_TCP : PROTO_UDP };
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

static int
questions_init(struct look *look)
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

/* --- the run --- */

/* Without a key of its own a look takes the host's: the same flows in every
 * look from here. */
static void
host_key(struct hash_key *key)
{
	char text[256] = "acprobe flow ";
	uint8_t digest[SIGN_SHA256_LEN];
	FILE *file = fopen("/etc/machine-id", "re");
	size_t used = strlen(text);

	if (file == NULL ||
	    fgets(text + used, (int)(sizeof(text) - used), file) == NULL) {
		log_info("no /etc/machine-id: flows follow the host's name");
		(void)gethostname(text + used, sizeof(text) - used - 1);
	}
	if (file != NULL)
		(void)fclose(file);
	sha256(digest, text, strlen(text));
	memcpy(key->bytes, digest, sizeof(key->bytes));
}

/* As long as the interval or the pace of the busiest address asks for (a trace
 * is up to two packets a hop), and that of the host. */
static struct span
network_deadline(const struct look_options *o, const struct plan *plan)
{
	double timed = (double)o->count * (double)o->interval.ns / 1e9;
	double packets = (double)plan->most + (o->trace ? 2 * LIMIT_TTL : 0);
	double paced = (packets - LIMIT_BUCKET) / LIMIT_ADDRESS_RATE;

	return span_s((timed > paced ? timed : paced) +
		      (double)o->timeout.ns / 1e9 + LOOK_MARGIN_S +
		      (double)plan->count * 4 / o->rate);
}

/* What is played ends when the capture does, and takes no time. */
static struct span
look_deadline(const struct look *look, const struct plan *plan)
{
	const struct look_options *o = look->options;
	struct span span;

	if (look->read == NULL)
		return network_deadline(o, plan);
	span = look_read_span(look->read);
	span.ns += o->timeout.ns + span_s(LOOK_MARGIN_S).ns;
	return span;
}

static const char *
refuse_none(void *arg, const struct addr *addr)
{
	(void)arg;
	(void)addr;
	return NULL;
}

static void
say_what_is_missing(const struct prober *p, const struct look *look)
{
	if (p->no_route && !look->options->quiet)
		log_warnx("no route to some addresses: not asked, not lost");
	if (p->denied && !look->options->quiet)
		log_warnx("no permission for ICMP (root, CAP_NET_RAW or "
			  "net.ipv4.ping_group_range): echo or path not asked");
	if (p->clock_stepped)
		log_info("the wall clock was set during the run");
}

static int
run(struct look *look, struct link *link, struct plan *plan)
{
	const struct look_options *o = look->options;
	struct prober_settings settings = { .link = link,
		.flows = plan->flows,
		.rate = look->read == NULL ? o->rate : 0,
		.burst = LIMIT_BUCKET,
		.answer = o->timeout,
		.hop = o->timeout.ns < span_ms(HOP_TIMEOUT_MS).ns
			   ? o->timeout
			   : span_ms(HOP_TIMEOUT_MS),
		.linger = span_s(3600), /* to the end of the look */
		.deadline = look_deadline(look, plan),
		.sink = { keep_record, look },
		.gate = { manners_refuse, o->manners },
		.contact = "",
		.interface = look->read == NULL ? o->interface : NULL,
		.dscp = look->read == NULL ? o->dscp : 0 };
	struct prober prober;

	if (look->read != NULL)
		settings.gate.refuses = refuse_none;
	if (prober_init(&prober, &settings, plan->count) == -1)
		return EXIT_STORAGE;
	look->kept =
	    calloc(PROBER_RECORDS * plan->count + 1, sizeof(struct kept));
	if (look->kept != NULL) {
		plan_start(plan, &prober);
		prober_run(&prober);
		say_what_is_missing(&prober, look);
		look->failed |= prober.failed;
	}
	prober_clear(&prober);
	if (look->kept != NULL && !look->failed)
		return EXIT_DONE;
	log_warnx("out of memory");
	return EXIT_STORAGE;
}

/* --- what came of it --- */

static int
compare_owners(const char *a, const char *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int
earlier(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int order = compare_owners(x->owner, y->owner);

	if (order != 0)
		return order;
	return (x->record->t.ns > y->record->t.ns) -
	       (x->record->t.ns < y->record->t.ns);
}

/* Where the records of an address begin; what follows may be another's. */
static size_t
first_of(const struct look *look, const struct look_address *address)
{
	size_t low = 0, high = look->kept_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_owners(look->kept[middle].owner, address->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* retry_of counted the records in the order in which they came; from here on
 * it counts them in that of the output. 0, or -1 without memory. */
static int
renumber_retries(const struct look *look)
{
	int32_t *place = calloc(look->kept_count + 1, sizeof(*place));
	int32_t next = 0;
	size_t i, j;

	if (place == NULL)
		return -1;
	for (i = 0; i < look->address_count; i++) {
		const char *owner = look->addresses[i].name;

		for (j = first_of(look, &look->addresses[i]);
		     j < look->kept_count && look->kept[j].owner == owner; j++)
			place[look->kept[j].emitted] = next++;
	}
	for (j = 0; j < look->kept_count; j++) {
		struct record *r = look->kept[j].record;

		if (r->retry_of != -1)
			r->retry_of = place[r->retry_of];
	}
	free(place);
	return 0;
}

static void
print_json(const struct look_result *result, char *line)
{
	size_t i;

	for (i = 0; i < result->record_count; i++) {
		if (record_to_json(result->records[i], line, IDENTITY_LINE) > 0)
			(void)puts(line);
	}
	if (identity_to_json(&result->identity, line, IDENTITY_LINE) > 0)
		(void)puts(line);
}

static int
show_address(const struct look *look, const struct look_address *address)
{
	const struct service *service =
	    services_find(look->services, &address->addr);
	struct look_result result = { .address = address,
		.names = look->names };
	struct identify_by by = { .map = look->map };
	size_t first = first_of(look, address), i;
	char *line = malloc(IDENTITY_LINE);

	for (i = first; i < look->kept_count; i++) {
		if (look->kept[i].owner != address->name)
			break;
	}
	result.records = calloc(i - first + 1, sizeof(struct record *));
	if (result.records == NULL || line == NULL) {
		free(result.records);
		free(line);
		return -1;
	}
	while (first < i)
		result.records[result.record_count++] =
		    look->kept[first++].record;
	if (service != NULL) {
		by.order = service->method;
		by.order_count = service->method_count;
	}
	result.service = service;
	identify(&result.identity, result.records, result.record_count, &by);
	if (look->options->json) {
		print_json(&result, line);
	} else {
		if (address > look->addresses)
			(void)puts("");
		show_page(look->options, &result);
	}
	free(result.records);
	free(line);
	return 0;
}

/* 0 where each address answered a timed question. With --only that question is
 * the one asked. */
static bool
answered(const struct look *look, const struct look_address *address)
{
	const struct look_options *o = look->options;
	const char *timed = o->dns ? "soa" : o->echo ? "echo" : "trace";
	size_t i;

	for (i = first_of(look, address); i < look->kept_count; i++) {
		const struct record *r = look->kept[i].record;

		if (look->kept[i].owner != address->name)
			break;
		if (r->outcome == OUTCOME_ANSWERED &&
		    (look->read != NULL || strcmp(r->question, timed) == 0))
			return true;
	}
	return false;
}

/* Names of the hops, for a person. */
static void
find_names(struct look *look)
{
	struct addr hops[LIMIT_HOPS * 4];
	size_t i, count = 0;
	int j;

	if (look->options->json || look->options->numeric || look->read != NULL)
		return;
	for (i = 0; i < look->kept_count; i++) {
		const struct record *r = look->kept[i].record;

		for (j = 0; j < r->hop_count && count < LIMIT_HOPS * 4; j++) {
			if (addr_is_set(&r->hop[j].addr))
				hops[count++] = r->hop[j].addr;
		}
	}
	look->names = names_find(hops, count, span_ms(NAMES_WAIT_MS));
}

static int
show(struct look *look)
{
	int code = EXIT_DONE;
	size_t i;

	qsort(look->kept, look->kept_count, sizeof(struct kept), earlier);
	if (renumber_retries(look) == -1)
		return EXIT_STORAGE;
	find_names(look);
	for (i = 0; i < look->address_count; i++) {
		if (show_address(look, &look->addresses[i]) == -1)
			code = EXIT_STORAGE;
		else if (!answered(look, &look->addresses[i]) &&
			 code == EXIT_DONE)
			code = EXIT_UNANSWERED;
	}
	if (fflush(stdout) == EOF) {
		log_warn("standard output");
		code = EXIT_STORAGE;
	}
	return code;
}

static struct flow_table *
flows_of(const struct look_options *o)
{
	struct addr source4 = { 0 }, source6 = { 0 };
	struct hash_key key;

	if (o->source4 != NULL)
		(void)addr_parse(&source4, o->source4);
	if (o->source6 != NULL)
		(void)addr_parse(&source6, o->source6);
	host_key(&key);
	return flow_table_new(&key, &source4, &source6);
}

static int
look_over(struct look *look, struct link *link)
{
	const struct look_options *o = look->options;
	struct flow_table *flows;
	struct plan plan;
	int code = EXIT_STORAGE;
	size_t i;

	if ((flows = flows_of(o)) == NULL)
		return EXIT_STORAGE;
	plan_init(&plan, flows, link);
	look->service_question = calloc(look->address_count * SERVICE_METHODS,
	    sizeof(*look->service_question));
	if (look->service_question == NULL)
		goto out_plan;
	if (look->read != NULL) {
		if (look_read_plan(look->read, &plan, look->addresses,
			look->address_count) == -1)
			goto out_plan;
	}
	for (i = 0; look->read == NULL && i < look->address_count; i++) {
		if (plan_address(&plan, look, &look->addresses[i]) == -1)
			goto out_plan;
	}
	if (o->dry_run) {
		plan_print(&plan);
		code = EXIT_DONE;
	} else if ((code = run(look, link, &plan)) == EXIT_DONE) {
		code = show(look);
	}
out_plan:
	plan_clear(&plan);
	flow_table_free(flows);
	return code;
}

/* What needs privilege is opened, and then it is given up. */
static int
look_at(struct look *look)
{
	const struct look_options *o = look->options;
	struct link *link, *witness = NULL;
	int code;

	if (look->read != NULL)
		return look_over(look, look_read_link(look->read));
	if ((link = sockets_new(o->interface, o->dscp)) == NULL) {
		log_warn("interface %s: sockets",
		    o->interface == NULL ? "any" : o->interface);
		return EXIT_PERMISSION;
	}
	if (o->write != NULL && !o->dry_run &&
	    (witness = evidence_write(link, o->write)) == NULL) {
		code = errno == EACCES ? EXIT_PERMISSION : EXIT_STORAGE;
		log_warn("%s", o->write);
	} else if (sandbox_drop(NULL) == -1) {
		log_warn("giving up privilege");
		code = EXIT_STORAGE;
	} else {
		code = look_over(look, witness != NULL ? witness : link);
	}
	evidence_write_done(witness);
	sockets_free(link);
	return code;
}

/* The operator opened special-purpose prefixes: said once (DESIGN.md 10). */
static void
say_what_is_open(const struct look *look)
{
	char addr[ADDR_TEXT];
	const char *special;
	size_t i;

	for (i = 0; i < look->address_count && !look->options->quiet &&
		    look->read == NULL;
	     i++) {
		special = addr_special(&look->addresses[i].addr);
		if (special == NULL)
			continue;
		log_warnx("--allow-special opens %s: %s",
		    addr_format(addr, &look->addresses[i].addr), special);
		return;
	}
}

int
look(const struct look_options *options)
{
	struct look look = { .options = options };
	char error[512];
	int code, seen;
	size_t i;

	if (questions_init(&look) == -1) {
		log_warnx("-z %s: not a domain name", options->zone);
		return EXIT_BAD_USAGE;
	}
	if (options->site_map != NULL &&
	    (look.map = site_map_read(
		 options->site_map, error, sizeof(error))) == NULL) {
		log_warnx("%s", error);
		return errno == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;
	}
	look.services = services_read(options->services, error, sizeof(error));
	if (look.services == NULL) {
		log_warnx("%s", error);
		site_map_free(look.map);
		return errno == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;
	}
	if (options->read != NULL)
		code = look_read_addresses(
		    options, &look.read, &look.addresses, &look.address_count);
	else
		code =
		    look_resolve(options, &look.addresses, &look.address_count);
	if (code <= EXIT_UNANSWERED && look.address_count > 0) {
		say_what_is_open(&look);
		seen = look_at(&look);
		code = seen > code ? seen : code;
	} else if (code == EXIT_DONE) {
		log_warnx("no address of this family");
		code = EXIT_UNANSWERED;
	}
	for (i = 0; i < look.kept_count; i++)
		free(look.kept[i].record);
	free(look.kept);
	names_free(look.names);
	look_read_done(look.read);
	look_addresses_free(look.addresses, look.address_count);
	site_map_free(look.map);
	free(look.service_question);
	services_free(look.services);
	return code;
}
