#include "lib/sandbox.h"

#include <sys/prctl.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

static int
become(const struct passwd *user)
{
	if (geteuid() != 0) {
		/* Cron lines of the user's own may name the user too. */
		errno = EPERM;
		return geteuid() == user->pw_uid ? 0 : -1;
	}
	if (initgroups(user->pw_name, user->pw_gid) == -1 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == -1 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == -1)
		return -1;
	/* Not to be believed without a look: it must not come back. */
	if (user->pw_uid != 0 && setuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

/* Everything, the bounding set too where that is ours to change. */
static int
drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	errno = EPERM;
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int
sandbox_drop(const char *user)
{
	const struct passwd *entry;

	if (user != NULL) {
		errno = 0;
		if ((entry = getpwnam(user)) == NULL) {
			errno = EINVAL;
			return -1;
		}
		if (become(entry) == -1)
			return -1;
	}
	if (drop_capabilities() == -1)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
