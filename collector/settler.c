#include "collector/settler.h"

#include "collector/settle.h"
#include "lib/log.h"

#define EVERY_MS 5000 /* marks that others made */
#define BUSY_MS 1000  /* finished hours, while uploads come */
#define STEP_MS 200   /* an upload waits at most for that long */
#define HOURS 8       /* of one transaction */
#define FINISH_S 10

void
settler_init(struct settler *settler, struct store *store)
{
	*settler = (struct settler){ .store = store, .settled = mono_now() };
}

/* Nothing new: look for the marks of other processes now and then. Marks
 * left: at once, but uploads come first where there are any. */
static int64_t
due_ms(const struct settler *settler, bool idle)
{
	if (!settler->left && !settler->stored)
		return EVERY_MS;
	return idle ? 0 : BUSY_MS;
}

static struct wall
settle_before(bool idle)
{
	const int64_t hour = 3600 * span_s(1).ns;

	if (idle)
		return (struct wall){ INT64_MAX };
	return (struct wall){ wall_now().ns / hour * hour };
}

struct span
settler_wait(const struct settler *settler, bool idle)
{
	const struct mono due =
	    mono_add(settler->settled, span_ms(due_ms(settler, idle)));
	const struct span wait = mono_since(due, mono_now());

	return wait.ns < 0 ? (struct span){ 0 } : wait;
}

void
settler_turn(struct settler *settler, bool idle)
{
	const struct mono end = mono_add(mono_now(), span_ms(STEP_MS));
	const struct wall before = settle_before(idle);
	enum store_result result;
	int64_t left = 0;

	if (settler_wait(settler, idle).ns > 0)
		return;
	do
		result = settle_marked(settler->store, HOURS, before, &left);
	while (result == STORE_OK && left > 0 && idle &&
	       mono_before(mono_now(), end));
	if (result != STORE_OK && result != STORE_BUSY)
		log_warnx("settle: %s", store_result_name(result));
	/* After a failure: when it would be due without marks. */
	settler->left = result == STORE_OK && left > 0;
	settler->stored = settler->stored && !idle;
	settler->settled = mono_now();
}

void
settler_finish(struct settler *settler)
{
	const struct mono end = mono_add(mono_now(), span_s(FINISH_S));
	const struct wall always = { INT64_MAX };
	int64_t left = 1;

	while (left > 0 && mono_before(mono_now(), end))
		if (settle_marked(settler->store, HOURS, always, &left) !=
		    STORE_OK)
			return;
}
