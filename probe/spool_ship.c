/*
 * The spool as acship sees it: what waits, and what became of it.
 */
#include "probe/spool.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"
#include "probe/spool_private.h"

#define REJECTED "rejected"
/* Of the limit: what can never be stored must not crowd out what can. */
#define REJECTED_SHARE 8

static int
open_rejected(const struct spool *spool)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (mkdirat(spool->dirfd, REJECTED, 0700) == -1 && errno != EEXIST)
		return -1;
	return openat(spool->dirfd, REJECTED, flags);
}

/* All names sort by place, so the oldest is the first of them. */
static int64_t
sum_folder(int dirfd, char oldest[SPOOL_NAME])
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *file;
	int64_t bytes = 0;

	oldest[0] = '\0';
	if (dir == NULL)
		return 0;
	while ((file = readdir(dir)) != NULL) {
		struct stat st;

		if (file->d_name[0] == '.' || fstatat(dirfd, file->d_name, &st,
						  AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		bytes += st.st_size;
		if (oldest[0] == '\0' || strcmp(file->d_name, oldest) < 0)
			(void)text_copy(oldest, SPOOL_NAME, file->d_name);
	}
	(void)closedir(dir);
	return bytes;
}

int64_t
spool_rejected_bytes(const struct spool *spool)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(spool->dirfd, REJECTED, flags);
	char oldest[SPOOL_NAME];
	int64_t bytes;

	if (fd == -1)
		return 0;
	bytes = sum_folder(fd, oldest);
	(void)close(fd);
	return bytes;
}

void
spool_sweep_rejected(const struct spool *spool)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(spool->dirfd, REJECTED, flags);

	if (fd == -1)
		return;
	(void)spool_sweep(fd);
	(void)close(fd);
}

static void
trim_rejected(const struct spool *spool, int dirfd)
{
	char oldest[SPOOL_NAME];

	while (
	    sum_folder(dirfd, oldest) > spool->limits.bytes / REJECTED_SHARE &&
	    oldest[0] != '\0') {
		log_warnx("spool: rejected/%s removed: too many were rejected",
		    oldest);
		if (unlinkat(dirfd, oldest, 0) == -1)
			return;
	}
}

/* Whether the next batch takes its number from this place. */
static int
is_newest(const struct spool *spool, int64_t place, bool *newest)
{
	struct spool_entries entries;

	if (spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	*newest = entries.count > 0 &&
		  entries.items[entries.count - 1].place == place;
	free(entries.items);
	return 0;
}

static int
keep_as_sent(const struct spool *spool, int64_t place)
{
	char from[SPOOL_NAME], to[SPOOL_NAME];

	spool_name(from, place, false);
	spool_name(to, place, true);
	return renameat(spool->dirfd, from, spool->dirfd, to);
}

/* Into rejected/; the newest one's line 1 is needed here, so that only a
 * copy goes. What is damaged has no line 1 to keep. */
static int
move_rejected(const struct spool *spool, int64_t place, int rejected)
{
	char name[SPOOL_NAME], rejected_name[SPOOL_NAME];
	struct batch_pieces pieces;
	const char *fault;
	uint8_t *file;
	size_t len;
	bool newest;
	int status;

	spool_name(name, place, false);
	if (is_newest(spool, place, &newest) == -1)
		return -1;
	if (spool_read(spool->dirfd, name, &pieces, &file, &len, &fault) ==
	    -1) {
		(void)text_print(rejected_name, sizeof(rejected_name),
		    "%020lld-damaged.acb", (long long)place);
		return renameat(spool->dirfd, name, rejected, rejected_name);
	}
	(void)text_print(rejected_name, sizeof(rejected_name), "%020lld-%s.acb",
	    (long long)place, pieces.line.spool);
	if (newest) {
		status = file_publish(rejected, rejected_name, file, len, 0600);
		if (status == 0)
			status = keep_as_sent(spool, place);
	} else {
		status = renameat(spool->dirfd, name, rejected, rejected_name);
	}
	free(file);
	return status;
}

static int
reject(const struct spool *spool, int64_t place)
{
	int rejected = open_rejected(spool);
	int status, saved;

	if (rejected == -1)
		return -1;
	status = move_rejected(spool, place, rejected);
	if (status == -1 && errno == ENOENT)
		status = 0; /* evicted meanwhile */
	if (status == 0)
		trim_rejected(spool, rejected);
	saved = errno;
	(void)close(rejected);
	errno = saved;
	return status;
}

/* Sign one waiting batch again, in its place. */
static int
renew_one(const struct spool *spool, int64_t place, struct batch_line *line,
    const struct sign_key *key)
{
	struct batch_pieces pieces;
	char name[SPOOL_NAME];
	uint8_t *file, *renewed;
	size_t len, renewed_len;
	const char *fault;
	int status;

	spool_name(name, place, false);
	if (spool_read(spool->dirfd, name, &pieces, &file, &len, &fault) ==
	    -1) {
		log_warnx("spool: %s: %s: parked under " REJECTED, name,
		    fault != NULL ? fault : strerror(errno));
		return reject(spool, place);
	}
	(void)text_copy(line->vp, sizeof(line->vp), pieces.line.vp);
	status = batch_resign(file, len, line, key, &renewed, &renewed_len);
	free(file);
	if (status == -1)
		return -1;
	status = file_publish(spool->dirfd, name, renewed, renewed_len, 0600);
	if (status == 0) {
		line->number++;
		sha256_text(line->previous, renewed, renewed_len);
	}
	free(renewed);
	return status;
}

int
spool_lock_ship(struct spool *spool)
{
	spool->ship_fd = file_lock(spool->dirfd, "ship.lock", false);
	if (spool->ship_fd != -1)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -1;
}

int
spool_list(struct spool *spool, int64_t **places, size_t *count)
{
	struct spool_entries entries;

	*places = NULL;
	*count = 0;
	if (spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	if ((*places = calloc(entries.count + 1, sizeof(**places))) == NULL) {
		free(entries.items);
		return -1;
	}
	for (size_t i = 0; i < entries.count; i++) {
		if (!entries.items[i].sent)
			(*places)[(*count)++] = entries.items[i].place;
	}
	free(entries.items);
	return 0;
}

int
spool_load(struct spool *spool, int64_t place, struct batch_pieces *pieces,
    uint8_t **file, size_t *len)
{
	char name[SPOOL_NAME];
	const char *fault;

	spool_name(name, place, false);
	if (spool_read(spool->dirfd, name, pieces, file, len, &fault) == 0)
		return 0;
	if (fault == NULL && errno == ENOENT)
		return 1;
	/* What the disk or somebody spoilt must not hold up the rest; what
	 * the system had no room for is tried again. */
	if (fault == NULL && errno != EIO && errno != EFBIG)
		return -1;
	log_warnx("spool: %s: %s: parked under " REJECTED, name,
	    fault != NULL ? fault : strerror(errno));
	return spool_reject(spool, place) == -1 ? -1 : 1;
}

int
spool_sent(struct spool *spool, int64_t place)
{
	char name[SPOOL_NAME];
	bool newest;
	int status;

	if (spool_hold(spool) == -1)
		return -1;
	status = is_newest(spool, place, &newest);
	if (status == 0 && newest)
		status = keep_as_sent(spool, place);
	if (status == 0 && !newest) {
		spool_name(name, place, false);
		status = unlinkat(spool->dirfd, name, 0);
	}
	if (status == -1 && errno == ENOENT)
		status = 0; /* evicted while it was on its way */
	spool_let_go(spool);
	return status;
}

int
spool_reject(struct spool *spool, int64_t place)
{
	int status;

	if (spool_hold(spool) == -1)
		return -1;
	status = reject(spool, place);
	spool_let_go(spool);
	return status;
}

int
spool_renew(struct spool *spool, const struct sign_key *key)
{
	struct batch_line line = { .number = 1 };
	int64_t *places;
	size_t count;
	int status = 0;

	memset(line.previous, '0', sizeof(line.previous) - 1);
	if (spool_hold(spool) == -1)
		return -1;
	if (spool_new_id(line.spool) == -1 ||
	    spool_list(spool, &places, &count) == -1) {
		spool_let_go(spool);
		return -1;
	}
	for (size_t i = 0; i < count && status == 0; i++)
		status = renew_one(spool, places[i], &line, key);
	free(places);
	spool_let_go(spool);
	return status;
}
