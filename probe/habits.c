/*
 * The memory is a file of the spool's folder:
 *
 *   achabits 1
 *   ADDRESS PORT LETTERS TRIES SINCE VERSIONED SEEN
 *   ...
 *   SHA256 of all lines before
 *
 * Times in ns, SEEN in hex.
 */
#include "probe/habits.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/keyed_hash.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sealed.h"
#include "lib/text.h"

#define HABITS_FILE "habits"
#define HABITS_LINE 160
#define HABITS_WORDS 7
/* Those of two configurations, one after the other. */
#define HABITS_BYTES (2 * LIMIT_ADDRESSES * HABITS_LINE)

#define TRIES 3 /* a loss is no habit */
#define DAY_S 86400
#define OFF_S (30 * DAY_S)
#define KEEP_S (30 * DAY_S)

/* --- the collection --- */

static int
compare(const void *left, const void *right)
{
	const struct habit *a = left, *b = right;
	int order = addr_compare(&a->addr, &b->addr);

	return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

static struct habit *
find_in(
    struct habit *items, size_t count, const struct addr *addr, uint16_t port)
{
	struct habit key = { .addr = *addr, .port = port };

	return count == 0 ? NULL
			  : bsearch(&key, items, count, sizeof(key), compare);
}

size_t
habits_first(const struct habits *habits, const struct addr *addr)
{
	size_t low = 0, high = habits->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (addr_compare(&habits->items[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < habits->count && addr_equal(&habits->items[low].addr, addr)
		   ? low
		   : habits->count;
}

struct habit *
habits_find_at(const struct habits *habits, size_t first,
    const struct addr *addr, uint16_t port)
{
	struct habit *habit = &habits->items[first];

	for (; first < habits->count && addr_equal(&habit->addr, addr);
	     first++, habit++) {
		if (habit->port == port)
			return habit;
	}
	return NULL;
}

struct habit *
habits_find(const struct habits *habits, const struct addr *addr, uint16_t port)
{
	return habits_find_at(habits, habits_first(habits, addr), addr, port);
}

static bool
is_over(struct wall since, struct wall now, int seconds)
{
	int64_t ago = wall_since(now, since).ns;

	/* A clock that was set back makes nothing last for years. */
	return ago < 0 || ago >= span_s(seconds).ns;
}

struct habit *
habits_add(struct habits *habits, const struct addr *addr, uint16_t port,
    struct wall now)
{
	size_t size = habits->size == 0 ? 64 : 2 * habits->size;
	const struct habit *old =
	    find_in(habits->old, habits->old_count, addr, port);
	struct habit *habit;

	if (habits->count == habits->size) {
		habit = reallocarray(habits->items, size, sizeof(*habit));
		if (habit == NULL)
			return NULL;
		habits->items = habit;
		habits->size = size;
	}
	habit = &habits->items[habits->count++];
	*habit =
	    old != NULL ? *old : (struct habit){ .addr = *addr, .port = port };
	if (habit->letters == HABIT_OFF && is_over(habit->since, now, OFF_S)) {
		habit->letters = HABIT_NEW;
		habit->tries = 0;
	}
	return habit;
}

/* Of the file only those are still of use that are not asked now. */
static void
forget_found(struct habits *habits)
{
	size_t i, left = 0;
	struct habit *less;

	for (i = 0; i < habits->old_count; i++) {
		const struct habit *old = &habits->old[i];

		if (habits_find(habits, &old->addr, old->port) == NULL)
			habits->old[left++] = *old;
	}
	habits->old_count = left;
	less = realloc(habits->old, (left + 1) * sizeof(*less));
	if (less != NULL)
		habits->old = less;
}

void
habits_sort(struct habits *habits)
{
	size_t from, to = 0;

	if (habits->count == 0)
		return;
	qsort(habits->items, habits->count, sizeof(*habits->items), compare);
	/* Two names may have one address. */
	for (from = 1; from < habits->count; from++) {
		if (compare(&habits->items[to], &habits->items[from]) != 0)
			habits->items[++to] = habits->items[from];
	}
	habits->count = to + 1;
	forget_found(habits);
}

void
habits_clear(struct habits *habits)
{
	free(habits->items);
	free(habits->old);
	memset(habits, 0, sizeof(*habits));
}

/* --- the file --- */

static struct sealed
file_of(const char *folder)
{
	return (struct sealed){ .folder = folder,
		.name = HABITS_FILE,
		.head = "achabits 1\n",
		.max = HABITS_BYTES };
}

static int
read_line(struct habit *habit, char *line)
{
	char *word[HABITS_WORDS];
	int64_t port, letters, tries;

	memset(habit, 0, sizeof(*habit));
	if (text_words(line, word, HABITS_WORDS) == -1 ||
	    addr_parse(&habit->addr, word[0]) == -1 ||
	    text_int(&port, word[1], 1, UINT16_MAX) == -1 ||
	    text_int(&letters, word[2], 0, HABIT_OFF) == -1 ||
	    text_int(&tries, word[3], 0, TRIES) == -1 ||
	    text_int(&habit->since.ns, word[4], 0, INT64_MAX) == -1 ||
	    text_int(&habit->versioned.ns, word[5], 0, INT64_MAX) == -1 ||
	    text_unhex64(&habit->seen, word[6]) == -1)
		return -1;
	habit->port = (uint16_t)port;
	habit->letters = (uint8_t)letters;
	habit->tries = (uint8_t)tries;
	return 0;
}

static int
read_lines(struct habits *habits, char *body)
{
	char *line;

	habits->old = calloc(sealed_lines(body) + 1, sizeof(*habits->old));
	if (habits->old == NULL)
		return -1;
	while ((line = strsep(&body, "\n")) != NULL && *line != '\0') {
		if (read_line(&habits->old[habits->old_count], line) == -1)
			return 1;
		habits->old_count++;
	}
	if (habits->old_count > 0)
		qsort(habits->old, habits->old_count, sizeof(*habits->old),
		    compare);
	return 0;
}

int
habits_read(struct habits *habits, const char *folder)
{
	const struct sealed sealed = file_of(folder);
	const char *fault;
	char *body;
	int status = 0;

	memset(habits, 0, sizeof(*habits));
	if ((body = sealed_read(&sealed, &fault)) != NULL)
		status = read_lines(habits, body);
	free(body);
	if (status == 1) {
		fault = "damaged";
		habits->old_count = 0;
	}
	if (fault != NULL)
		log_warnx("%s/" HABITS_FILE ": %s: habits of servers are "
			  "learnt anew",
		    folder, fault);
	return status == -1 ? -1 : 0;
}

static void
print_habit(FILE *out, const struct habit *h)
{
	char addr[ADDR_TEXT];

	(void)fprintf(out,
	    "%s %u %u %u %" PRId64 " %" PRId64 " %016" PRIx64 "\n",
	    addr_format(addr, &h->addr), h->port, h->letters, h->tries,
	    h->since.ns, h->versioned.ns, h->seen);
}

/* Of an address whose name has others now. */
static bool
is_kept(const struct habit *old, struct wall now)
{
	return !is_over(old->since, now, KEEP_S) ||
	       !is_over(old->versioned, now, KEEP_S);
}

int
habits_write(const struct habits *habits, const char *folder, struct wall now)
{
	struct sealed sealed = file_of(folder);
	size_t i;

	if (sealed_begin(&sealed) == -1)
		return -1;
	for (i = 0; i < habits->count; i++)
		print_habit(sealed.out, &habits->items[i]);
	for (i = 0; i < habits->old_count; i++) {
		if (is_kept(&habits->old[i], now))
			print_habit(sealed.out, &habits->old[i]);
	}
	return sealed_publish(&sealed);
}

/* --- what is known --- */

bool
habit_mixes(const struct habit *habit, bool known)
{
	return habit->letters == HABIT_TRY || habit->letters == HABIT_ECHOES ||
	       (known && habit->letters == HABIT_NEW);
}

bool
habit_is_version(const char *question)
{
	return strcmp(question, "version.bind") == 0 ||
	       strcmp(question, "version.server") == 0;
}

bool
habit_asks_version(
    const struct habit *habit, struct wall now, struct span every)
{
	int64_t ago = wall_since(now, habit->versioned).ns;

	/* Cron and splay are not exact: half a round early is in time. */
	return ago < 0 || ago >= span_s(DAY_S).ns - every.ns / 2;
}

/* --- what a round sees --- */

static bool
has_letters(const char *name)
{
	while (*name != '\0' && !isalpha((unsigned char)*name))
		name++;
	return *name != '\0';
}

/* Which of 64 bits stands for this answer to this question. */
static uint64_t
bit_of(const struct record *r)
{
	static const struct hash_key key = { { 0 } };
	uint64_t question = keyed_hash(&key, r->question, strlen(r->question));

	return (uint64_t)1 << ((question + (uint64_t)r->dns.rcode) & 63);
}

void
habit_see(struct habit *habit, const struct record *r, bool mixed)
{
	if (r->type != RECORD_DNS || r->outcome == OUTCOME_UNSENT)
		return;
	if (habit_is_version(r->question)) {
		habit->version = true;
		return; /* not in each round */
	}
	if (r->proto != PROTO_UDP || r->retry_of != -1 ||
	    !has_letters(r->dns.qname))
		return;
	habit->asked = true;
	habit->mixed |= mixed;
	if (r->outcome != OUTCOME_ANSWERED)
		return;
	habit->answered = true;
	habit->changed |= strcmp(r->reason, DNS_CASE_CHANGED) == 0;
	habit->sees |= bit_of(r);
}

static enum habit_letters
learn(struct habit *h)
{
	if (h->changed)
		return HABIT_OFF;
	switch (h->letters) {
	case HABIT_NEW:
		if (!h->answered || h->mixed)
			return HABIT_NEW;
		h->seen = h->sees;
		return HABIT_TRY;
	case HABIT_TRY:
		if (h->sees == h->seen) {
			h->tries = 0;
			return HABIT_ECHOES;
		}
		return ++h->tries < TRIES ? HABIT_NEW : HABIT_OFF;
	case HABIT_ECHOES:
		return h->answered && (h->sees & ~h->seen) == 0 ? HABIT_ECHOES
								: HABIT_NEW;
	default:
		return h->letters;
	}
}

void
habit_settle(struct habit *h, struct wall now)
{
	enum habit_letters before = h->letters;

	if (h->version)
		h->versioned = now;
	if (h->asked && h->letters != HABIT_OFF)
		h->letters = (uint8_t)learn(h);
	if (h->letters == HABIT_OFF && before != HABIT_OFF)
		h->since = now;
}
