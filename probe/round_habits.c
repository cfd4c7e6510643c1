/*
 * What a round makes of what is known of servers (habits.h).
 */
#include "probe/round_private.h"

#include <string.h>

#include "lib/log.h"
#include "probe/services.h"

int
round_habits_open(struct round *r)
{
	return habits_read(&r->habits, r->config->spool);
}

/* Of the address that is planned now. */
static const struct habit *
newest(const struct round *r)
{
	return &r->habits.items[r->habits.count - 1];
}

enum letters
round_letters(const struct round *r, const struct config_target *target,
    const struct plan_item *item)
{
	const struct service *service = services_find(r->services, &item->addr);

	if (target->mixed_case == MIXED_CASE_ALWAYS)
		return LETTERS_STRICT;
	if (target->mixed_case == MIXED_CASE_NEVER ||
	    item->question->method != &method_dns_udp)
		return LETTERS_PLAIN;
	return habit_mixes(newest(r), service != NULL && service->echoes_case)
		   ? LETTERS_MIXED
		   : LETTERS_PLAIN;
}

bool
round_asks(const struct round *r, const struct plan_item *item)
{
	return !habit_is_version(item->question->name) ||
	       habit_asks_version(newest(r), r->now, r->config->every);
}

void
round_habits_place(struct round *r)
{
	size_t i;

	habits_sort(&r->habits);
	for (i = 0; i < r->plan.count; i++) {
		struct peer *peer = r->plan.asks[i].flow->peer;

		if (peer->habit == 0)
			peer->habit =
			    (uint32_t)habits_first(&r->habits, &peer->addr) + 1;
	}
}

void
round_habits_see(
    struct round *r, const struct ask *ask, const struct record *record)
{
	const struct habits *habits = &r->habits;
	const struct peer *peer = ask->flow->peer;
	struct habit *habit;

	if (record->type != RECORD_DNS || peer->habit == 0)
		return;
	habit = habits_find_at(
	    habits, peer->habit - 1, &peer->addr, ask->flow->dport);
	if (habit != NULL)
		habit_see(habit, record, ask->letters == LETTERS_MIXED);
}

void
round_habits_save(struct round *r)
{
	size_t i;

	for (i = 0; i < r->habits.count; i++)
		habit_settle(&r->habits.items[i], r->now);
	if (habits_write(&r->habits, r->config->spool, r->now) == -1)
		log_warn("spool %s: what is known of servers is not kept",
		    r->config->spool);
}
