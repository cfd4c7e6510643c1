#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/limits.h"
#include "lib/text.h"

#define ARRIVALS_MAX 4096 /* of one turn: a flood must not stop the clock */
#define SENDS_MAX 64      /* of one turn, and then their answers */
#define REST_US 1000
#define AHEAD_FEW 64  /* packets under way: answers will leave it idle */
#define AHEAD_MS 250  /* else their answers are worth waiting for */
#define POLLS_MAX 256 /* looks for unread answers before time is up */

enum link_error
prober_recall(
    struct prober *p, const struct probe *probe, struct link_sent *sent)
{
	return p->link->replay->recall(
	    p->link, probe->ask->flow->socket, probe->ttl, sent);
}

void
prober_charge(struct prober *p, const struct ask *ask, int packets)
{
	schedule_charge(p->schedule, ask, packets);
}

void
prober_ahead(struct prober *p, struct ask *ask)
{
	ask->due = p->link->mono(p->link);
	ask->ahead = true;
	TAILQ_INSERT_TAIL(&p->ahead, ask->sample, by_done);
}

void
prober_want(struct prober *p, struct ask *ask)
{
	prober_not_ahead(p, ask);
	schedule_add(p->schedule, ask);
}

/* When the first of those that are ahead has its turn. */
static struct mono
turn_ahead(const struct prober *p)
{
	const struct sample *first = TAILQ_FIRST(&p->ahead);

	if (first == NULL)
		return (struct mono){ INT64_MAX };
	if (p->outstanding.count < AHEAD_FEW)
		return first->probe.ask->due;
	return mono_add(first->probe.ask->due, span_ms(AHEAD_MS));
}

/* Whether it wants to send now. */
static bool
want_ahead(struct prober *p, struct mono now)
{
	if (mono_before(now, turn_ahead(p)))
		return false;
	prober_want(p, TAILQ_FIRST(&p->ahead)->probe.ask);
	return true;
}

enum send_result
prober_send_one(struct prober *p, struct ask *ask,
    enum link_error (*transmit)(struct prober *, struct probe *))
{
	struct probe *probe = &ask->sample->probe;
	enum link_error error;

	error = transmit(p, probe);
	if (error == LINK_RETRY)
		return SEND_LATER;
	if (error != LINK_OK) {
		prober_unsent(p, ask, error);
		return SEND_OVER;
	}
	prober_departed(p, ask, probe->sent);
	outstanding_add(&p->outstanding, probe, PATIENCE_ANSWER);
	return SEND_DONE;
}

/* --- the end of an ask --- */

static struct mono
earliest(struct mono a, struct mono b)
{
	return mono_before(a, b) ? a : b;
}

/* Descriptors or memory are short: what only lingers is let go. */
static void
emit_oldest(struct prober *p)
{
	struct sample *sample = TAILQ_FIRST(&p->done);

	if (sample != NULL)
		prober_emit(p, sample->probe.ask);
}

/* When the run is over once every ask has its outcome. */
static struct mono
end_of_listening(const struct prober *p)
{
	struct span tail = p->tail;
	struct span answers = { p->tail_answers * p->slowest_us * 1000 };

	if (p->tail_answers != PROBER_TAIL_WHOLE && !p->strange &&
	    answers.ns < tail.ns)
		tail = answers;
	return earliest(
	    mono_add(p->heard, p->linger.ns < tail.ns ? p->linger : tail),
	    p->deadline);
}

static void
emit_what_lingered(struct prober *p, struct mono now)
{
	bool over = p->left == 0 && !mono_before(now, end_of_listening(p));
	struct sample *first;

	while ((first = TAILQ_FIRST(&p->done)) != NULL &&
	       (over || !mono_before(now, mono_add(first->done, p->linger))))
		prober_emit(p, first->probe.ask);
}

/* --- sending --- */

/* It is worth another try. */
static bool
is_for_now(enum link_error error)
{
	return error == LINK_RETRY || error == LINK_CROWDED;
}

/* Everything that a packet needs; the gate is asked again here, whatever the
 * plan held: a packet cannot be called back. */
static enum link_error
prepare(struct prober *p, struct ask *ask)
{
	enum link_error error;

	error = flow_open(p->flows, ask->flow, p->link);
	/* Not before it is known what the flow is. */
	if (!is_for_now(error) && ask->state == ASK_PLANNED)
		prober_begin(p, ask);
	return error;
}

/* Where the gate refuses, no flow is opened. */
static enum link_error
pass_gate(struct prober *p, struct ask *ask, const char **refused)
{
	*refused = p->gate.refuses(p->gate.arg, &ask->flow->peer->addr);
	if (prober_sample(p, ask) == -1)
		return LINK_RETRY;
	if (*refused == NULL)
		return prepare(p, ask);
	if (ask->state == ASK_PLANNED)
		prober_begin(p, ask);
	return LINK_DENIED;
}

/* One connection for one sample, and one at a time: the next has the same
 * ports. */
static bool
stream_is_busy(const struct ask *ask)
{
	return ask->flow->proto == PROTO_TCP && ask->flow->socket != -1;
}

/* What is played is sent when it was. */
static bool
is_early(struct prober *p, struct ask *ask)
{
	const struct link_replay *replay = p->link->replay;
	struct link_tuple tuple;

	if (replay == NULL)
		return false;
	tuple = flow_tuple(ask->flow);
	if (tuple.kind == LINK_TCP &&
	    !replay->carries(p->link, &tuple, &ask->question->dns)) {
		ask->due = mono_add(p->link->mono(p->link), span_ms(1));
		return true;
	}
	return replay->early(
	    p->link, &tuple, ask->method == &method_trace, &ask->due);
}

static bool
ready_to_send(struct prober *p, struct ask *ask)
{
	const char *refused;
	enum link_error error = pass_gate(p, ask, &refused);

	ask->waits = (uint8_t)error;
	if (error == LINK_OK)
		return true;
	if (is_for_now(error)) {
		emit_oldest(p);
		ask->due = mono_add(p->link->mono(p->link), span_ms(10));
		prober_want(p, ask);
	} else if (refused != NULL) {
		prober_finish(p, ask, OUTCOME_UNSENT, "refused address");
	} else if (error == LINK_REFUSED) {
		p->sent++;
		prober_finish(p, ask, OUTCOME_REFUSED, "reset");
	} else {
		prober_unsent(p, ask, error);
	}
	return false;
}

/* A trace that ends while it waits for its turn stays in the schedule, and may
 * have been emitted when the turn comes. */
static bool
is_over(const struct ask *ask)
{
	return ask->state == ASK_DONE || ask->state == ASK_EMITTED;
}

static void
send_next(struct prober *p, struct ask *ask, struct mono now)
{
	if (is_over(ask))
		return;
	if (stream_is_busy(ask)) {
		ask->due = mono_add(now, span_ms(2));
		prober_want(p, ask);
		return;
	}
	if (is_early(p, ask)) {
		prober_want(p, ask);
		return;
	}
	if (!ready_to_send(p, ask))
		return;
	switch (ask->method->send(p, ask)) {
	case SEND_MORE:
		ask->due = now;
		prober_want(p, ask);
		break;
	case SEND_AHEAD:
		prober_ahead(p, ask);
		break;
	case SEND_LATER:
		ask->waits = LINK_RETRY;
		ask->due = mono_add(now, span_ms(2));
		prober_want(p, ask);
		break;
	case SEND_DONE:
	case SEND_OVER:
		break;
	}
}

/* Too late to await an answer: what waits to be sent is not sent. */
static void
stop_sending(struct prober *p)
{
	struct ask *ask;

	while (want_ahead(p, (struct mono){ INT64_MAX - 1 }))
		;
	while (schedule_take(p->schedule, &ask)) {
		if (is_over(ask))
			continue;
		if (prober_sample(p, ask) == -1) {
			p->left--; /* no memory even for this */
			p->failed = true;
			continue;
		}
		if (ask->state == ASK_PLANNED)
			prober_begin(p, ask);
		if (ask->sample->trace != NULL)
			ask->method->stop(p, ask);
		else
			prober_unsent(p, ask, LINK_OK);
	}
}

/* Where nobody has a reason to send, one who could. */
static void
fill_idleness(struct prober *p, struct mono now)
{
	if (!schedule_is_due(p->schedule, now))
		(void)want_ahead(p, now);
}

static void
send_what_is_due(struct prober *p, struct mono now)
{
	struct ask *ask;
	uint64_t sent;
	int i;

	for (i = 0; i < SENDS_MAX; i++) {
		fill_idleness(p, now);
		if (!schedule_next(p->schedule, now, &ask))
			return;
		sent = p->sent;
		send_next(p, ask, now);
		if (p->sent == sent)
			schedule_give_back(p->schedule, ask);
	}
	fill_idleness(p, now);
}

/* Take what is there; whether it was anything. Bounded, so that a flood
 * cannot keep the prober from its clock. */
static bool
take_arrivals(struct prober *p)
{
	struct arrival arrival;
	int i;

	for (i = 0; i < ARRIVALS_MAX && p->link->receive(p->link, &arrival);
	     i++)
		prober_receive(p, &arrival);
	return i > 0;
}

/* Time is up only for what has not come: after a late wake-up the answer may
 * be there, unread. */
static void
expire(struct prober *p, struct mono now)
{
	struct probe *probe;
	bool over = !mono_before(now, p->deadline);
	struct mono up_to = over ? (struct mono){ INT64_MAX } : now;
	int i;

	if (mono_before(now, outstanding_next(&p->outstanding)) && !over)
		return;
	for (i = 0; i < POLLS_MAX; i++) {
		p->link->wait(p->link, now);
		if (!take_arrivals(p))
			break;
	}
	while (outstanding_expire(&p->outstanding, up_to, &probe))
		probe->ask->method->expire(p, probe);
}

/* Receive first, send last: building packets must not sit between the arrival
 * of a reply and its stamp. */
static void
prober_turn(struct prober *p)
{
	struct mono now;

	(void)take_arrivals(p);
	now = p->link->mono(p->link);
	expire(p, now);
	if (mono_before(now, p->last_send))
		send_what_is_due(p, now);
	else
		stop_sending(p);
	emit_what_lingered(p, now);
}

/* Where the deadline is hardly longer than one answer may take, half of it. */
static struct span
time_to_send(const struct prober_settings *settings)
{
	struct span half = { settings->deadline.ns / 2 };
	struct span rest = { settings->deadline.ns - settings->answer.ns };

	return rest.ns > half.ns ? rest : half;
}

void
prober_clear(struct prober *p)
{
	struct sample *sample;

	while ((sample = TAILQ_FIRST(&p->spare)) != NULL) {
		TAILQ_REMOVE(&p->spare, sample, by_done);
		free(sample->room);
		free(sample);
	}
	schedule_free(p->schedule);
	p->schedule = NULL;
	free(p->record);
	free(p->blank);
	free(p->reply);
	p->record = p->blank = NULL;
	p->reply = NULL;
	prober_forget_retries(p);
}

int
prober_init(
    struct prober *p, const struct prober_settings *settings, size_t asks)
{
	memset(p, 0, sizeof(*p));
	p->link = settings->link;
	p->flows = settings->flows;
	p->sink = settings->sink;
	p->gate = settings->gate;
	p->contact = settings->contact;
	p->near = settings->near;
	p->interface = settings->interface;
	p->dscp = settings->dscp;
	p->linger = settings->linger;
	p->tail = settings->tail;
	p->tail_answers = settings->tail_answers;
	prober_start_clocks(p);
	p->deadline = mono_add(p->start, settings->deadline);
	p->last_send = mono_add(p->start, time_to_send(settings));
	TAILQ_INIT(&p->done);
	TAILQ_INIT(&p->spare);
	TAILQ_INIT(&p->ahead);
	outstanding_init(&p->outstanding, settings->answer, settings->hop);
	if (getrandom(&p->run_key, sizeof(p->run_key), 0) != sizeof(p->run_key))
		return -1;
	p->schedule =
	    schedule_new(settings->rate, settings->burst, asks, p->start);
	p->record = malloc(sizeof(*p->record));
	p->blank = malloc(sizeof(*p->blank));
	p->reply = malloc(sizeof(*p->reply));
	if (p->schedule == NULL || p->record == NULL || p->blank == NULL ||
	    p->reply == NULL) {
		prober_clear(p);
		return -1;
	}
	record_init(p->blank);
	return 0;
}

/* Where packets leave every few microseconds, not each of them nor each answer
 * is worth a wake-up: they go a handful at a time. */
static void
rest(struct prober *p, struct mono now, struct mono next)
{
	struct mono tick = mono_add(now, span_us(REST_US));

	if (p->link->rest != NULL && schedule_is_pressed(p->schedule, now) &&
	    mono_before(now, next) && mono_before(next, tick))
		p->link->rest(p->link, earliest(tick, p->deadline));
}

void
prober_run(struct prober *p)
{
	struct mono next, now;

	for (;;) {
		prober_turn(p);
		if (p->left == 0 && TAILQ_EMPTY(&p->done)) {
			prober_note_clocks(p, 0);
			return;
		}
		now = p->link->mono(p->link);
		next = earliest(schedule_when(p->schedule, now),
		    outstanding_next(&p->outstanding));
		if (!schedule_is_due(p->schedule, now))
			next = earliest(next, turn_ahead(p));
		if (!TAILQ_EMPTY(&p->done))
			next = earliest(next,
			    mono_add(TAILQ_FIRST(&p->done)->done, p->linger));
		if (p->left == 0)
			next = earliest(next, end_of_listening(p));
		if (mono_before(now, p->last_send))
			next = earliest(next, p->last_send);
		next = earliest(next, p->deadline);
		rest(p, now, next);
		p->link->wait(p->link, next);
	}
}
