#include "collector/store_lock.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include "lib/text.h"
#include "lib/times.h"

#define WAIT_S 5.0
#define STEP_NS (5 * 1000 * 1000)

int
store_lock_open(const char *db_path)
{
	char path[4096 + 8];
	struct stat db, lock;
	int fd;

	if (text_print(path, sizeof(path), "%s.lock", db_path) == -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	/* Made by root, it must still open for the user who runs the server. */
	if (geteuid() == 0 && stat(db_path, &db) == 0 &&
	    fstat(fd, &lock) == 0 && lock.st_uid != db.st_uid)
		(void)!fchown(fd, db.st_uid, db.st_gid);
	return fd;
}

/* The place of who is next: a lock of its own on the same file. Without it,
 * one that writes transaction after transaction, as an import does, has the
 * lock again before anybody who waits looks. */
static int
next_place(int fd, short type)
{
	struct flock place = {
		.l_type = type, .l_whence = SEEK_SET, .l_len = 1
	};

	return fcntl(fd, F_OFD_SETLK, &place);
}

static int
try_place(int fd)
{
	return next_place(fd, F_WRLCK);
}

static int
try_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int
wait_for(int (*try)(int), int fd, struct mono until)
{
	const struct timespec step = { .tv_nsec = STEP_NS };

	while (try(fd) == -1) {
		if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
			return -1;
		if (!mono_before(mono_now(), until)) {
			errno = EWOULDBLOCK;
			return -1;
		}
		(void)nanosleep(&step, NULL);
	}
	return 0;
}

int
store_lock_take(int fd)
{
	const struct mono until = mono_add(mono_now(), span_s(WAIT_S));
	int status, saved;

	if (wait_for(try_place, fd, until) == -1)
		return -1;
	status = wait_for(try_lock, fd, until);
	saved = errno;
	(void)next_place(fd, F_UNLCK);
	errno = saved;
	return status;
}

void
store_lock_release(int fd)
{
	(void)flock(fd, LOCK_UN);
}
