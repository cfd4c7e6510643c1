#include "probe/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/evidence.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/sign.h"
#include "lib/text.h"
#include "probe/evidence_write.h"
#include "probe/look_private.h"
#include "probe/sockets.h"

#define HOP_TIMEOUT_MS 1000
#define LOOK_MARGIN_S 20 /* over the timed part: paced sends, silent hops */

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
		if (errno == ENOENT || file != NULL)
			log_info("no /etc/machine-id: flows follow the host's "
				 "name");
		else
			log_warn("flows follow the host's name: "
				 "/etc/machine-id");
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

/* What is played ends when the capture does. */
static struct span
look_tail(const struct look *look)
{
	const struct look_options *o = look->options;

	if (look->read != NULL)
		return look_read_span(look->read);
	return o->tail.ns >= 0 ? o->tail : span_ms(PROBER_TAIL_MS);
}

/* One question ends with its answer, as everybody is used to. Where it is
 * asked again and again, the last answer gets the time of any other. */
static int
tail_answers(const struct look *look)
{
	const struct look_options *o = look->options;

	if (look->read != NULL || o->tail.ns >= 0)
		return PROBER_TAIL_WHOLE;
	return (o->dns || o->echo) && (o->count > 1 || o->flows > 1) ? 1 : 0;
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
	if (look->options->quiet)
		return;
	if (p->no_route)
		log_warnx("no route to some addresses: not asked, not lost");
	if (p->denied)
		log_warnx("no permission for ICMP (root, CAP_NET_RAW or "
			  "net.ipv4.ping_group_range): echo or path not asked");
	if (look->options->trace && look->read == NULL && !p->link->raw &&
	    !p->denied)
		log_warnx("no raw socket (root or CAP_NET_RAW): the path is by "
			  "ICMP, not on the DNS flow, without what routers "
			  "quote (TTL, MPLS, NAT)");
	if (p->scarce)
		log_warnx("too few descriptors (ulimit -n): some questions "
			  "were not asked");
	if (p->clock_stepped)
		log_warnx("the wall clock was set meanwhile: round trips are "
			  "by another one");
	if (p->suspended.ns != 0)
		log_warnx("the host was suspended for %.1f s meanwhile",
		    (double)p->suspended.ns / 1e9);
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
		.tail = look_tail(look),
		.tail_answers = tail_answers(look),
		.deadline = look_deadline(look, plan),
		.sink = { look_keep, &look->kept },
		.gate = { manners_refuse, o->manners },
		.contact = "",
		.interface = look->read == NULL ? o->interface : NULL,
		.dscp = look->read == NULL ? o->dscp : 0 };
	struct prober prober;
	bool kept;

	if (look->read != NULL)
		settings.gate.refuses = refuse_none;
	if (prober_init(&prober, &settings, plan->count) == -1)
		return EXIT_STORAGE;
	kept = look_kept_init(&look->kept, PROBER_RECORDS * plan->count) == 0;
	if (kept) {
		plan_start(plan, &prober);
		prober_run(&prober);
		say_what_is_missing(&prober, look);
		kept = !prober.failed && !look->kept.failed;
	}
	prober_clear(&prober);
	if (kept)
		return EXIT_DONE;
	log_warnx("out of memory");
	return EXIT_STORAGE;
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
		if (look_plan(&plan, look, &look->addresses[i]) == -1)
			goto out_plan;
	}
	if (o->dry_run) {
		plan_print(&plan);
		code = EXIT_DONE;
	} else if ((code = run(look, link, &plan)) == EXIT_DONE) {
		code = look_show(look);
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
		code = evidence_explain(o->write, NULL);
	} else if (witness != NULL && evidence_write_start(witness) == -1) {
		code = EXIT_STORAGE;
	} else if (sandbox_drop(NULL) == -1) {
		log_warn("giving up privilege");
		code = EXIT_STORAGE;
	} else {
		code = look_over(look, witness != NULL ? witness : link);
	}
	if (evidence_write_done(witness) == -1)
		code = EXIT_STORAGE;
	sockets_free(link);
	return code;
}

/* The operator opened special-purpose prefixes: said once (DESIGN.md 10). */
static void
say_what_is_open(const struct look *look)
{
	const struct addr *first = NULL;
	char addr[ADDR_TEXT], more[40] = "";
	size_t i, count = 0;

	if (look->options->quiet || look->read != NULL)
		return;
	for (i = 0; i < look->address_count; i++) {
		if (addr_special(&look->addresses[i].addr) == NULL)
			continue;
		if (count++ == 0)
			first = &look->addresses[i].addr;
	}
	if (first == NULL)
		return;
	if (count > 1)
		(void)text_print(
		    more, sizeof(more), " and %zu more", count - 1);
	log_warnx("--allow-special opens %s%s: %s", addr_format(addr, first),
	    more, addr_special(first));
}

int
look(const struct look_options *options)
{
	struct look look = { .options = options };
	char error[512];
	int code, seen;

	if (look_questions(&look) == -1) {
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
	look.geo = geo_open(options->mmdb, options->mmdb_count);
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
	look_kept_clear(&look.kept);
	names_free(look.names);
	geo_close(look.geo);
	look_read_done(look.read);
	look_addresses_free(look.addresses, look.address_count);
	site_map_free(look.map);
	free(look.service_question);
	services_free(look.services);
	return code;
}
