#include "probe/round.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/evidence.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/text.h"
#include "probe/evidence_write.h"
#include "probe/host.h"
#include "probe/identify.h"
#include "probe/round_private.h"
#include "probe/sockets.h"

#define LINGER_MS                                                  \
	500 /* for second replies: an injector is faster than that \
	     */
#define HOP_TIMEOUT_MS 1000
#define CHANGES_MS 3000 /* a trace of silent hops, asked twice */
#define BURST 5         /* packets at once: a round is no look */

/* --- the run --- */

static void
keep(struct round *r, const struct record *record)
{
	r->place[r->emitted] = -1;
	if (batch_writer_add(r->writer, record) == -1)
		r->failed = true;
	else
		r->place[r->emitted] = r->kept++;
	r->emitted++;
}

static void
keep_retry(struct round *r, const struct record *record)
{
	struct record again = *record;

	again.retry_of = r->place[record->retry_of];
	keep(r, &again);
}

static void
keep_record(void *arg, const struct ask *ask, const struct record *record)
{
	round_paths_see(arg, ask, record);
	round_habits_see(arg, ask, record);
	ask->flow->peer->foreign += foreign_replies(record);
	/* A record is large: none is copied but where it must. */
	if (record->retry_of == -1)
		keep(arg, record);
	else
		keep_retry(arg, record);
}

/* What the resolver and the first run leave of the deadline. */
static struct span
time_left(const struct round *r)
{
	struct span gone = mono_since(r->link->mono(r->link), r->began);

	return (struct span){ r->config->deadline.ns - gone.ns };
}

/* The first run begins the batch; another one goes on in its time. 0, or -1. */
static int
begin(struct round *r, struct prober *p)
{
	if (r->writer != NULL) {
		p->start_wall =
		    wall_add(r->head.round_at, mono_since(p->start, r->start));
		return 0;
	}
	r->start = p->start;
	r->head.round_at = p->start_wall;
	r->writer = batch_writer_new(&r->head);
	return r->writer == NULL ? -1 : 0;
}

static int
run_plan(struct round *r, struct plan *plan)
{
	const struct config *c = r->config;
	struct prober_settings settings = { .link = r->link,
		.flows = plan->flows,
		.rate = c->rate,
		.burst = c->rate < BURST ? c->rate : BURST,
		.answer = c->timeout,
		.hop = c->timeout.ns < span_ms(HOP_TIMEOUT_MS).ns
			   ? c->timeout
			   : span_ms(HOP_TIMEOUT_MS),
		.linger = span_ms(LINGER_MS),
		.tail = span_ms(PROBER_TAIL_MS),
		.tail_answers = PROBER_TAIL_WHOLE,
		.deadline = time_left(r),
		.sink = { keep_record, r },
		.gate = { manners_refuse, r->manners },
		.contact = c->contact,
		.near = r->near,
		.interface = c->interface,
		.dscp = c->dscp };
	struct prober prober;
	int status;

	if (prober_init(&prober, &settings, plan->count) == -1)
		return -1;
	if ((status = begin(r, &prober)) == 0) {
		plan_start(plan, &prober);
		prober_run(&prober);
		log_info("%llu packets, %llu unwanted replies",
		    (unsigned long long)prober.sent,
		    (unsigned long long)prober.unwanted);
		if (prober.scarce)
			log_warnx("too few descriptors (ulimit -n): some "
				  "questions were not asked");
		r->head.clock_stepped |= prober.clock_stepped;
		r->head.suspended_us += span_to_us(prober.suspended);
	}
	prober_clear(&prober);
	return status;
}

/* Now that the answers are there. What the deadline leaves no time for waits
 * for the next round. */
static int
trace_changes(struct round *r)
{
	struct plan more;
	int status = 0;

	plan_init(&more, r->plan.flows, r->link);
	if (time_left(r).ns < span_ms(CHANGES_MS).ns)
		r->changes_left = 0;
	if (round_paths_changed(r, &more) == -1)
		status = -1;
	else if (more.count > 0) {
		plan_shuffle(&more);
		r->head.questions += (int64_t)more.count;
		status = run_plan(r, &more);
	}
	plan_clear(&more);
	return status;
}

/* Said once for each address, and counted. */
static void
say_attacks(struct round *r)
{
	char addr[ADDR_TEXT];
	size_t i;

	for (i = 0; i < r->plan.count; i++) {
		const struct ask *ask = &r->plan.asks[i];
		struct peer *peer = ask->flow->peer;

		if (!is_attack(peer->foreign))
			continue;
		r->head.attacked++;
		log_warnx("target %s: %s: somebody forges replies: %u were "
			  "none of ours, and none was taken",
		    ask->target, addr_format(addr, &peer->addr), peer->foreign);
		peer->foreign = 0;
	}
}

static int
run(struct round *r)
{
	size_t most = PROBER_RECORDS * r->plan.count + r->paths.count;

	r->place = calloc(most + 1, sizeof(int32_t));
	r->near = near_new();
	if (r->place == NULL || r->near == NULL ||
	    run_plan(r, &r->plan) == -1 || trace_changes(r) == -1)
		return EXIT_STORAGE;
	say_attacks(r);
	if (r->failed)
		log_warnx("some records did not fit into the batch");
	return EXIT_DONE;
}

/* Before it was known what has changed. */
static int64_t
planned(const struct round *r)
{
	return (int64_t)(r->plan.count + r->unresolved);
}

static void
describe(struct round *r)
{
	const struct prefix_list *allowed = &r->manners->allowed;
	struct batch_head *head = &r->head;

	memset(head, 0, sizeof(*head));
	host_describe(head);
	head->every_s = r->config->every.ns / 1000000000;
	head->questions = planned(r);
	while (head->allow_special_count < allowed->count &&
	       head->allow_special_count < BATCH_ALLOWED) {
		head->allow_special[head->allow_special_count] =
		    allowed->items[head->allow_special_count];
		head->allow_special_count++;
	}
}

/* --- the batch --- */

static int
finish_batch(
    struct round *r, struct batch_line *line, uint8_t **file, size_t *len)
{
	(void)text_copy(line->vp, sizeof(line->vp), r->config->vp);
	if ((r->head.clock_stepped || r->head.attacked != 0 ||
		r->head.suspended_us != 0 || r->head.lost != 0 ||
		r->head.skipped != 0 || r->head.questions != planned(r)) &&
	    batch_writer_set_head(r->writer, &r->head) == -1)
		return -1;
	return batch_writer_finish(r->writer, line, r->key, file, len);
}

static int
publish(struct round *r)
{
	struct batch_line line = { 0 };
	struct spool_counters counters;
	uint8_t *file = NULL;
	size_t len;
	int code = EXIT_STORAGE;

	if (spool_next(r->spool, &line, &counters) == -1) {
		log_warn("spool %s", r->config->spool);
		return EXIT_STORAGE;
	}
	r->head.lost = counters.lost;
	r->head.skipped = counters.skipped;
	if (finish_batch(r, &line, &file, &len) == -1) {
		spool_abandon(r->spool);
		log_warnx("the batch could not be made");
	} else if (spool_publish(r->spool, file, len) == -1) {
		log_warn("spool %s: the round is not stored", r->config->spool);
	} else {
		code = EXIT_DONE;
		round_paths_save(r);
		round_habits_save(r);
	}
	free(file);
	return code;
}

static void
wait_splay(const struct config *c)
{
	struct timespec pause;
	uint64_t random;
	int64_t ns;

	/* A person who waits at the terminal is no herd. */
	if (c->splay.ns <= 0 || isatty(STDERR_FILENO) == 1 ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return;
	ns = (int64_t)(random % (uint64_t)c->splay.ns);
	pause.tv_sec = (time_t)(ns / 1000000000);
	pause.tv_nsec = (long)(ns % 1000000000);
	while (nanosleep(&pause, &pause) == -1 && errno == EINTR)
		continue;
}

static int
carry_out(struct round *r)
{
	int code;

	if (r->dry) {
		plan_print(&r->plan);
		return EXIT_DONE;
	}
	if (r->plan.count > LIMIT_BATCH_RECORDS) {
		log_warnx("%zu questions are more than a batch holds (%d)",
		    r->plan.count, LIMIT_BATCH_RECORDS);
		return EXIT_BAD_USAGE;
	}
	describe(r);
	if ((code = run(r)) == EXIT_DONE)
		return publish(r);
	log_warnx("out of memory");
	return code;
}

static int
measure(struct round *r)
{
	struct hash_key flow_key;
	struct flow_table *flows;
	int code = EXIT_STORAGE;

	if (!r->dry)
		wait_splay(r->config);
	sign_key_flow_secret(r->key, &flow_key);
	flows =
	    flow_table_new(&flow_key, &r->config->source4, &r->config->source6);
	if (flows == NULL)
		return EXIT_STORAGE;
	plan_init(&r->plan, flows, r->link);
	r->now = wall_now();
	if (r->witness != NULL) /* which is told; the measurement goes on */
		(void)evidence_write_start(r->witness);
	r->began = r->link->mono(r->link);
	if (round_paths_open(r) == 0 && round_habits_open(r) == 0 &&
	    round_plan(r) == 0)
		code = carry_out(r);
	else
		log_warnx("out of memory");
	batch_writer_free(r->writer);
	free(r->place);
	near_free(r->near);
	round_plan_clear(r);
	flow_table_free(flows);
	return code;
}

/* --- what must be right before the first packet --- */

static int
open_spool(struct round *r)
{
	const struct config *c = r->config;
	struct spool_limits limits = { .bytes = c->spool_bytes,
		.age = c->spool_age };
	char error[512];

	r->spool = spool_open(c->spool, &limits, error, sizeof(error));
	if (r->spool != NULL)
		return EXIT_DONE;
	log_warnx("%s", error);
	return errno == EPERM    ? EXIT_BAD_USAGE
	       : errno == EACCES ? EXIT_PERMISSION
				 : EXIT_STORAGE;
}

static int
lock_and_measure(struct round *r)
{
	switch (spool_lock_round(r->spool)) {
	case 0:
		return measure(r);
	case 1:
		log_warnx("an earlier round is still running: this one is "
			  "skipped");
		return EXIT_DONE;
	default:
		log_warn("spool %s: lock", r->config->spool);
		return EXIT_STORAGE;
	}
}

/* Root makes the spool for the user, who could not below /var/spool. */
static void
make_spool_for_user(const struct config *c)
{
	const struct passwd *user;

	if (geteuid() != 0 || c->user == NULL ||
	    (user = getpwnam(c->user)) == NULL || mkdir(c->spool, 0700) == -1)
		return;
	if (chown(c->spool, user->pw_uid, user->pw_gid) == -1)
		(void)rmdir(c->spool);
}

static int
without_privilege(struct round *r)
{
	const char *user = r->config->user;
	int code;

	if (!r->dry)
		make_spool_for_user(r->config);
	if (sandbox_drop(user) == -1) {
		if (errno == EINVAL) {
			log_warnx("user %s: no such user", user);
			return EXIT_BAD_USAGE;
		}
		log_warn("user %s", user == NULL ? "-" : user);
		return EXIT_PERMISSION;
	}
	if (r->dry)
		return measure(r);
	if ((code = open_spool(r)) == EXIT_DONE)
		code = lock_and_measure(r);
	spool_close(r->spool);
	return code;
}

static int
exit_code_of(int error)
{
	return error == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;
}

static int
read_manners(
    struct manners *m, const struct config *c, const struct manners *extra)
{
	char error[512];
	size_t i;

	for (i = 0; i < c->allow_special.count; i++) {
		if (prefix_list_add(&m->allowed, &c->allow_special.items[i]) ==
		    -1)
			return EXIT_STORAGE;
	}
	for (i = 0; i < extra->allowed.count; i++) {
		if (prefix_list_add(&m->allowed, &extra->allowed.items[i]) ==
		    -1)
			return EXIT_STORAGE;
	}
	for (i = 0; i < extra->blocked.count; i++) {
		if (prefix_list_add(&m->blocked, &extra->blocked.items[i]) ==
		    -1)
			return EXIT_STORAGE;
	}
	if (c->blocklist == NULL ||
	    manners_read_blocklist(m, c->blocklist, error, sizeof(error)) == 0)
		return EXIT_DONE;
	log_warnx("%s", error);
	return exit_code_of(errno);
}

/* Sockets, and the file of the evidence, which the user could not make. */
static int
open_link(struct round *r, struct link **sockets, const char *write)
{
	const char *interface = r->config->interface;

	*sockets = r->link = sockets_new(interface, r->config->dscp);
	if (r->link == NULL) {
		log_warn("interface %s: sockets",
		    interface == NULL ? "any" : interface);
		return EXIT_PERMISSION;
	}
	if (write == NULL || r->dry)
		return EXIT_DONE;
	if ((r->witness = evidence_write(r->link, write)) == NULL)
		return evidence_explain(write, NULL);
	r->link = r->witness;
	return EXIT_DONE;
}

static int
with_config(const struct config *config, const struct manners *extra,
    const char *write, bool dry)
{
	struct link *sockets = NULL;
	struct manners manners = { 0 };
	struct round round = {
		.config = config, .manners = &manners, .dry = dry
	};
	char error[512];
	int code = read_manners(&manners, config, extra);

	if (code != EXIT_DONE)
		goto out;
	round.key = config_load_key(config, error, sizeof(error));
	if (round.key == NULL) {
		log_warnx("%s", error);
		code = exit_code_of(errno);
		goto out;
	}
	round.services = services_read(config->services, error, sizeof(error));
	if (round.services == NULL) {
		log_warnx("%s", error);
		code = exit_code_of(errno);
		goto out;
	}
	if ((code = open_link(&round, &sockets, write)) == EXIT_DONE)
		code = without_privilege(&round);
out:
	if (evidence_write_done(round.witness) == -1 && code == EXIT_DONE)
		code = EXIT_STORAGE;
	sockets_free(sockets);
	services_free(round.services);
	sign_key_free(round.key);
	manners_clear(&manners);
	return code;
}

int
round_run(
    const char *path, const struct manners *extra, const char *write, bool dry)
{
	char error[512];
	struct config *config =
	    config_read(path, CONFIG_PROBE, error, sizeof(error));
	int code;

	if (config == NULL) {
		log_warnx("%s", error);
		return exit_code_of(errno);
	}
	code = with_config(config, extra, write, dry);
	config_free(config);
	return code;
}

int
round_check(const char *path)
{
	char error[512];
	struct config *config =
	    config_read(path, CONFIG_PROBE, error, sizeof(error));

	if (config == NULL) {
		log_warnx("%s", error);
		return exit_code_of(errno);
	}
	config_print(config, stdout);
	config_free(config);
	return EXIT_DONE;
}
