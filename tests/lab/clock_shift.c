/* Preloaded: the wall clock is set, or the host was suspended, in the middle of
 * a program's run, as far as that can see. The kernel's stamps stay true.
 *
 * CLOCK_SHIFT_S: by how many seconds; CLOCK_SHIFT_AFTER_MS: when, from the
 * first look at a clock on; CLOCK_SHIFT_SLEEP: the host slept so long. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL

static long long
number_of(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static long long start;
	struct timespec mono;
	long long at;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &mono) != 0 ||
	    syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	at = mono.tv_sec * 1000 * MS + mono.tv_nsec;
	if (start == 0)
		start = at;
	if (at < start + number_of("CLOCK_SHIFT_AFTER_MS") * MS)
		return 0;
	if (clock == CLOCK_REALTIME ||
	    (clock == CLOCK_BOOTTIME && getenv("CLOCK_SHIFT_SLEEP") != NULL))
		now->tv_sec += number_of("CLOCK_SHIFT_S");
	return 0;
}
