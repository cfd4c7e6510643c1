/* Preloaded: the wall clock is set, or the host was suspended, in the middle of
 * a program's run, as far as that can see. The kernel's stamps, which are of
 * the wall clock, follow it.
 *
 * CLOCK_SHIFT_S: by how many seconds; CLOCK_SHIFT_AFTER_MS: when, from the
 * first look at a clock on; CLOCK_SHIFT_FOR_MS: when it is set back, from then
 * on, or never; CLOCK_SHIFT_SLEEP: the host slept so long. */
#define _GNU_SOURCE
#include <time.h>
/* Before <linux/errqueue.h>, which needs it. */

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS 1000000LL

static long long
number_of(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static long long
ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000 * MS + t->tv_nsec;
}

static long long
true_now(clockid_t clock)
{
	struct timespec now;

	if (syscall(SYS_clock_gettime, clock, &now) != 0)
		abort();
	return ns_of(&now);
}

/* Whether the wall clock is wrong at a time of the monotonic one. */
static int
is_shifted(long long at)
{
	static long long start;
	long long until = number_of("CLOCK_SHIFT_FOR_MS") * MS, since;

	if (start == 0)
		start = true_now(CLOCK_MONOTONIC);
	since = at - start - number_of("CLOCK_SHIFT_AFTER_MS") * MS;
	return since >= 0 && (until == 0 || since < until);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	if (!is_shifted(true_now(CLOCK_MONOTONIC)))
		return 0;
	if (clock == CLOCK_REALTIME ||
	    (clock == CLOCK_BOOTTIME && getenv("CLOCK_SHIFT_SLEEP") != NULL))
		now->tv_sec += number_of("CLOCK_SHIFT_S");
	return 0;
}

/* The stamp was taken a while ago. */
static void
shift_stamp(struct cmsghdr *c)
{
	struct scm_timestamping stamps;
	long long ago;

	memcpy(&stamps, CMSG_DATA(c), sizeof(stamps));
	if (stamps.ts[0].tv_sec == 0)
		return;
	ago = true_now(CLOCK_REALTIME) - ns_of(&stamps.ts[0]);
	if (is_shifted(true_now(CLOCK_MONOTONIC) - ago))
		stamps.ts[0].tv_sec += number_of("CLOCK_SHIFT_S");
	memcpy(CMSG_DATA(c), &stamps, sizeof(stamps));
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t len = syscall(SYS_recvmsg, fd, msg, flags);
	struct cmsghdr *c;

	if (len == -1)
		return -1;
	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPING)
			shift_stamp(c);
	}
	return len;
}
