/* Days of probing in seconds: rounds every five minutes over a network of
 * fiction, held against what the network knows.
 *
 * usage: prober_day SEED ROUNDS [betray | forget | haste | wall | sleep |
 * again]
 *
 * The last word plants a fault, which must be found: an attacker who knows
 * everything, a lost record, a rate that is not kept, a clock taken for
 * granted, a host that does not know that it slept, answers that make nobody
 * ask again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/limits.h"
#include "probe/manners.h"
#include "probe/near.h"
#include "probe/plan.h"
#include "tests/sim/prober_audit.h"

#define EVERY_S 300

enum { SOA, HOSTNAME_BIND, ID_SERVER, ECHO, TRACE, QUESTIONS };

struct day {
	struct world world;
	struct audit audit;
	struct manners manners;
	struct question question[QUESTIONS];
	struct hash_key key;
	const char *fault;
};

static bool
fault_is(const struct day *d, const char *name)
{
	return d->fault != NULL && strcmp(d->fault, name) == 0;
}

/* The prober's own chance comes from the seed, too, so that a seed brings the
 * same days back: this stands before libc's. */
static uint64_t own_random;

ssize_t
getrandom(void *buffer, size_t len, unsigned flags)
{
	uint8_t *bytes = buffer;
	size_t i;

	(void)flags;
	for (i = 0; i < len; i++) {
		own_random =
		    own_random * 6364136223846793005 + 1442695040888963407;
		bytes[i] = (uint8_t)(own_random >> 56);
	}
	return (ssize_t)len;
}

/* --- drawing a round --- */

static int
draw_chance(struct world *w, int often, int most)
{
	return world_chance(w, often) ? (int)world_random(w, (uint64_t)most + 1)
				      : 0;
}

/* What makes a good client ask again, and how. */
static void
draw_server(struct world *w, struct world_host *h)
{
	static const int rcodes[] = { DNS_RCODE_FORMERR, DNS_RCODE_NOTIMP,
		DNS_RCODE_BADVERS };

	h->truncates = draw_chance(w, 200, 1000);
	h->closes = draw_chance(w, 200, 500);
	h->halves = draw_chance(w, 200, 500);
	if (world_chance(w, 150))
		h->edns_rcode = rcodes[world_random(w, 3)];
	h->grumpy = world_chance(w, 300);
	h->cookies = world_chance(w, 300);
	h->fickle = world_chance(w, 300);
}

static void
draw_host(struct world *w, int i)
{
	struct world_host *h = &w->host[i];

	memset(h, 0, sizeof(*h));
	h->addr.af = i % 2 == 0 ? 4 : 6;
	h->addr.bytes[0] = i % 2 == 0 ? 9 : 0x26;
	h->addr.bytes[3] = (uint8_t)(i + 1);
	(void)snprintf(h->name, sizeof(h->name), "host%d.example", i);
	h->hops = (int)world_random(w, WORLD_HOPS);
	h->delay_ns = WORLD_MS / 5 + (int64_t)world_random(w, 400 * WORLD_MS);
	h->jitter_ns = draw_chance(w, 500, 1000) * (WORLD_MS / 10);
	h->silent = world_chance(w, 60);
	h->dead = world_chance(w, 60);
	h->no_route = world_chance(w, 40);
	h->no_echo = world_chance(w, 200);
	h->loss = draw_chance(w, 300, 400);
	h->duplicate = draw_chance(w, 200, 500);
	h->malformed = draw_chance(w, 150, 800);
	h->header_only = draw_chance(w, 100, 1000);
	h->short_quote = draw_chance(w, 300, 1000);
	h->forged = draw_chance(w, 300, 1000);
	h->conflict = draw_chance(w, 150, 1000);
	h->size_error = draw_chance(w, 100, 500);
	draw_server(w, h);
	if (world_chance(w, 300))
		h->silent_routers = (unsigned)world_random(w, 1 << 12);
	if (h->hops > 0 && world_chance(w, 60))
		h->barrier = 1 + (int)world_random(w, (uint64_t)h->hops);
	if (world_chance(w, 50))
		h->route_ends = w->now + (int64_t)world_random(w, 3 * WORLD_S);
}

/* The wall clock's own steps are hours; NTP's are milliseconds. */
static void
draw_clocks(struct world *w)
{
	static const int64_t sizes[] = { 200000, WORLD_MS, 20 * WORLD_MS,
		WORLD_S, 3600 * WORLD_S, 86400 * WORLD_S };
	int64_t way = world_chance(w, 500) ? 1 : -1;
	int i;

	/* What was done to the clock stays done. */
	for (i = 0; i < w->step_count; i++)
		w->wall_base += w->step_ns[i];
	w->step_count = 0;
	w->slept_before += w->sleep_ns;
	w->sleep_ns = 0;
	if (world_chance(w, 100)) {
		w->sleep_at = w->now + (int64_t)world_random(w, 5 * WORLD_S);
		w->sleep_ns = WORLD_MS + sizes[world_random(w, 6)];
	}
	if (!world_chance(w, 300))
		return;
	w->step_count = 1 + (int)world_random(w, WORLD_STEPS);
	for (i = 0; i < w->step_count; i++) {
		w->step_at[i] = w->now + (int64_t)world_random(w, 5 * WORLD_S);
		/* All one way: a step and its exact reverse within one sleep
		 * leave nothing by which a prober could know. */
		w->step_ns[i] = way * sizes[world_random(w, 6)];
	}
}

static void
draw_round(struct world *w)
{
	int i;

	w->host_count = 2 + (int)world_random(w, WORLD_HOSTS - 2);
	for (i = 0; i < w->host_count; i++)
		draw_host(w, i);
	draw_clocks(w);
	w->taken = draw_chance(w, 150, 300);
	w->no_buffer = draw_chance(w, 150, 200);
	w->no_descriptor = draw_chance(w, 50, 200);
	w->stamp_lost = draw_chance(w, 300, 1000);
	w->oversleep_ns = draw_chance(w, 300, 8) * WORLD_MS;
	w->link.raw = world_chance(w, 600);
	w->denied[0] = !w->link.raw && world_chance(w, 300);
	w->denied[1] = !w->link.raw && world_chance(w, 300);
	w->firewall = world_chance(w, 20);
}

/* --- a round --- */

static void
must(bool well)
{
	if (!well)
		abort();
}

static void
plan_host(struct day *d, struct plan *plan, int host)
{
	struct world *w = &d->world;
	struct plan_item item = {
		.target = "t", .addr = w->host[host].addr, .port = 53
	};
	int count = 1 + (int)world_random(w, 5), flows, i, n;

	flows = world_chance(w, 200) ? 1 + (int)world_random(w, 6) : 1;
	for (n = 0; n < flows; n++) {
		item.flow = n;
		item.question = &d->question[SOA];
		for (i = 0; i < count; i++) {
			item.after = span_ms(100 * i);
			must(plan_add(plan, &item) == 0);
		}
	}
	item.flow = 0;
	item.after.ns = 0;
	item.proto = PROTO_TCP;
	if (world_chance(w, 300))
		must(plan_add(plan, &item) == 0);
	item.proto = PROTO_UDP;
	for (i = HOSTNAME_BIND; i < QUESTIONS; i++) {
		item.question = &d->question[i];
		must(plan_add(plan, &item) == 0);
	}
	/* Sometimes more than the bucket holds. */
	for (i = world_chance(w, 50) ? 80 : count; i > 0; i--) {
		item.question = &d->question[ECHO];
		item.after = span_ms(20 * i);
		must(plan_add(plan, &item) == 0);
	}
}

static struct prober_settings
draw_settings(struct day *d, struct flow_table *flows)
{
	static const int64_t linger_ms[] = { 0, 50, 500, 3600000 };
	struct world *w = &d->world;

	return (struct prober_settings){ .link = &w->link,
		.flows = flows,
		.rate = (double)(50 + world_random(w, 400)),
		.burst = LIMIT_BUCKET,
		.answer = span_ms(200 + (int64_t)world_random(w, 2000)),
		.hop = span_ms(100 + (int64_t)world_random(w, 1000)),
		.linger = span_ms(linger_ms[world_random(w, 4)]),
		.tail = span_ms(PROBER_TAIL_MS),
		.tail_answers = (int)world_random(w, 4) - 1,
		.deadline = span_ms(1000 + (int64_t)world_random(w, 40000)),
		.sink = { audit_record, &d->audit },
		.gate = { manners_refuse, &d->manners },
		.contact = world_chance(w, 500) ? "noc@example.net" : "" };
}

static void
run_round(struct day *d)
{
	struct world *w = &d->world;
	struct prober_settings settings;
	struct flow_table *flows;
	struct prober prober;
	struct near *near;
	struct plan plan;
	int i;

	draw_round(w);
	flows = flow_table_new(&d->key, NULL, NULL);
	must(flows != NULL);
	plan_init(&plan, flows, &w->link);
	for (i = 0; i < w->host_count; i++)
		plan_host(d, &plan, i);
	must(plan_shuffle(&plan) == 0);
	settings = draw_settings(d, flows);
	must((near = near_new()) != NULL);
	if (world_chance(w, 500))
		settings.near = near;
	must(prober_init(&prober, &settings, plan.count) == 0);
	world_start(w, PROBER_RECORDS * plan.count);
	d->audit.world = w;
	d->audit.plan = &plan;
	d->audit.prober = &prober;
	d->audit.skip_record = fault_is(d, "forget");
	w->betray = fault_is(d, "betray");
	w->hide_steps = fault_is(d, "wall");
	w->content = fault_is(d, "again");
	if (fault_is(d, "sleep"))
		w->link.boot = NULL;
	audit_start(&d->audit, &settings);
	if (fault_is(d, "haste"))
		d->audit.rate /= 4;
	plan_start(&plan, &prober);
	prober_run(&prober);
	audit_end(&d->audit);
	prober_clear(&prober);
	near_free(near);
	plan_clear(&plan);
	flow_table_free(flows);
	w->now += EVERY_S * WORLD_S;
}

static void
print_sums(const struct audit *a)
{
	int i;

	(void)printf("# %llu rounds, %llu records, %llu packets, %llu hops, "
		     "%llu of them shared;",
	    (unsigned long long)a->rounds, (unsigned long long)a->records,
	    (unsigned long long)a->packets, (unsigned long long)a->hops,
	    (unsigned long long)a->shared);
	for (i = 0; i < OUTCOME_COUNT; i++)
		(void)printf(" %s %llu", outcome_name((enum outcome)i),
		    (unsigned long long)a->outcomes[i]);
	(void)printf("\n# kernel stamps %llu, user's %llu, forged %llu, "
		     "duplicates %llu, late %llu, conflicts %llu, moved %llu, "
		     "clock set %llu, slept %llu, broken %llu\n"
		     "# asked again without EDNS %llu, over TCP %llu, with "
		     "the new cookie %llu; connections %llu\n",
	    (unsigned long long)a->kernel, (unsigned long long)a->user,
	    (unsigned long long)a->forged, (unsigned long long)a->dup,
	    (unsigned long long)a->late, (unsigned long long)a->conflict,
	    (unsigned long long)a->moved, (unsigned long long)a->stepped,
	    (unsigned long long)a->slept, (unsigned long long)a->wrong,
	    (unsigned long long)a->again[WORLD_WANTS_PLAIN],
	    (unsigned long long)a->again[WORLD_WANTS_TCP],
	    (unsigned long long)a->again[WORLD_WANTS_COOKIE],
	    (unsigned long long)a->connected);
}

/* Days in which nothing of a kind happened prove nothing of it. */
static bool
all_happened(const struct audit *a)
{
	bool all =
	    a->kernel > 0 && a->user > 0 && a->forged > 0 && a->dup > 0 &&
	    a->late > 0 && a->conflict > 0 && a->moved > 0 && a->hops > 0 &&
	    a->shared > 0 && a->stepped > 0 && a->slept > 0 &&
	    a->again[WORLD_WANTS_PLAIN] > 0 && a->again[WORLD_WANTS_TCP] > 0 &&
	    a->again[WORLD_WANTS_COOKIE] > 0 && a->connected > 0;
	int i;

	for (i = 0; i < OUTCOME_COUNT; i++)
		all = all && a->outcomes[i] > 0;
	return all;
}

int
main(int argc, char **argv)
{
	static const char *const names[QUESTIONS] = { "soa", "hostname.bind",
		"id.server", "echo", "trace" };
	struct day *d = calloc(1, sizeof(*d));
	unsigned long long seed, rounds;
	int i;

	must(d != NULL);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3) {
		(void)fprintf(stderr, "usage: prober_day SEED ROUNDS\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10);
	rounds = strtoull(argv[2], NULL, 10);
	d->fault = argc > 3 ? argv[3] : NULL;
	world_init(&d->world, seed);
	own_random = seed;
	d->world.wall_base = 1700000000 * WORLD_S;
	memset(d->key.bytes, (int)(seed & 0xff), sizeof(d->key.bytes));
	must(manners_allow(&d->manners, "fd00::/16") == NULL);
	for (i = 0; i < QUESTIONS; i++)
		must(question_init(&d->question[i], names[i], ".") == 0);
	d->question[SOA].cookie = d->question[ID_SERVER].cookie = true;
	while (rounds-- > 0)
		run_round(d);
	print_sums(&d->audit);
	if (!all_happened(&d->audit))
		(void)printf("# not everything happened\n");
	i = d->audit.wrong != 0 ? 1 : all_happened(&d->audit) ? 0 : 3;
	world_clear(&d->world);
	manners_clear(&d->manners);
	free(d->audit.emitted);
	free(d->audit.wishes);
	free(d->audit.placed);
	free(d);
	return i;
}
