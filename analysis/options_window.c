/* When a report is about. */
#include "analysis/options_private.h"

#include <ctype.h>
#include <string.h>
#include "lib/log.h"
#include "lib/times.h"

#define STEPS_MAX 100000

int
options_time(int64_t *us, const char *text, int64_t now_us)
{
	struct span ago;
	struct wall wall;
	size_t len = strlen(text);

	if (strcmp(text, "now") == 0) {
		*us = now_us;
	} else if (strcmp(text, "today") == 0) {
		*us = now_us - now_us % DAY_US;
	} else if (strcmp(text, "yesterday") == 0) {
		*us = now_us - now_us % DAY_US - DAY_US;
	} else if (wall_parse(&wall, text) == 0) {
		*us = wall_to_us(wall);
	} else if (len > 0 && isalpha((unsigned char)text[len - 1]) &&
		   span_parse(&ago, text) == 0) {
		/* A bare number would be seconds: more likely a year. */
		*us = now_us - span_to_us(ago);
	} else {
		return -1;
	}
	return 0;
}

static int
set_time(int64_t *us, const char *option, const char *text, int64_t now_us)
{
	if (text == NULL)
		return 0;
	if (options_time(us, text, now_us) == -1)
		return options_refuse(option, text,
		    "RFC 3339, a date, a length ago such as 24h, now, today "
		    "or yesterday");
	return 0;
}

/* Round trips before --from are those of one day. */
static int
set_two_times(struct options *o, const struct given_times *times)
{
	o->until_us = o->now_us;
	if (set_time(&o->from_us, "--from", times->from, o->now_us) == -1 ||
	    set_time(&o->until_us, "--to", times->to, o->now_us) == -1)
		return -1;
	if (o->from_us >= o->until_us) {
		log_warnx("--from %s: not before --to", times->from);
		return -1;
	}
	o->until_us++;
	o->since_us = o->from_us + 1 - DAY_US;
	return 0;
}

int
options_window(struct options *o, const struct given_times *times)
{
	if (times->from != NULL)
		return set_two_times(o, times);
	o->until_us = o->now_us;
	/* What happened at --at itself is seen. */
	if (times->at != NULL && times->until != NULL) {
		log_warnx("--at and --until: one of them");
		return -1;
	}
	if (set_time(&o->until_us, "--until", times->until, o->now_us) == -1 ||
	    set_time(&o->until_us, "--at", times->at, o->now_us) == -1)
		return -1;
	if (times->until == NULL)
		o->until_us++;
	o->since_us = o->until_us - DAY_US;
	if (set_time(&o->since_us, "--since", times->since, o->now_us) == -1)
		return -1;
	if (o->since_us >= o->until_us) {
		log_warnx("--since %s: not before the end",
		    times->since == NULL ? "" : times->since);
		return -1;
	}
	if (o->step_us > 0 &&
	    (o->until_us - o->since_us) / o->step_us >= STEPS_MAX) {
		log_warnx("--step: over %d steps in the window", STEPS_MAX);
		return -1;
	}
	return 0;
}

bool
options_step(
    const struct options *o, size_t k, int64_t *since_us, int64_t *until_us)
{
	int64_t begin_us;

	*since_us = o->since_us;
	*until_us = o->until_us;
	if (o->step_us == 0)
		return k == 0;
	begin_us = o->since_us - o->since_us % o->step_us;
	if (o->since_us < begin_us) /* before 1970 */
		begin_us -= o->step_us;
	begin_us += (int64_t)k * o->step_us;
	if (begin_us > *since_us)
		*since_us = begin_us;
	if (begin_us + o->step_us < *until_us)
		*until_us = begin_us + o->step_us;
	return *since_us < o->until_us;
}
