#include "probe/spool.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"
#include "probe/spool_private.h"

static void
close_fd(int *fd)
{
	int saved = errno;

	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

/* A folder is as lasting as its entry in its parent, whoever made it. */
static int
make_folder(const char *path)
{
	char parent[4096];
	char *slash;
	int fd, status;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return -1;
	if (text_copy(parent, sizeof(parent), path) == -1 ||
	    (slash = strrchr(parent, '/')) == NULL)
		return 0;
	slash[1] = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Not ours to read: then not ours to promise either. */
	if (fd == -1)
		return 0;
	status = fsync(fd);
	close_fd(&fd);
	return status;
}

/* The descriptor, or -1 with the reason. */
static int
open_folder(const char *path, const char **reason)
{
	int fd;

	*reason = NULL;
	if (make_folder(path) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if ((*reason = file_distrust(fd, true)) == NULL)
		return fd;
	close_fd(&fd);
	errno = EPERM;
	return -1;
}

static int64_t
newest_place(const struct spool_entries *entries)
{
	return entries->count == 0 ? 0
				   : entries->items[entries->count - 1].place;
}

/* Remove what was counted as evicted and is still there. */
static void
finish_evictions(struct spool *spool, const struct spool_entries *entries)
{
	char name[SPOOL_NAME];

	for (size_t i = 0; i < entries->count; i++) {
		const struct spool_entry *entry = &entries->items[i];

		if (entry->place > spool->state.evicted || entry->sent)
			continue;
		spool_name(name, entry->place, false);
		(void)unlinkat(spool->dirfd, name, 0);
	}
}

/* The batch that was to tell the counters exists: they are told. */
static void
settle_claim(struct spool_state *state, const struct spool_entries *entries)
{
	if (state->claim_place == 0 ||
	    newest_place(entries) < state->claim_place)
		return;
	state->told_lost = state->claim_lost;
	state->told_skipped = state->claim_skipped;
	state->claim_place = 0;
}

static int
recover(struct spool *spool)
{
	struct spool_entries entries;

	if (spool_state_read(spool->dirfd, &spool->state) == -1 ||
	    spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	settle_claim(&spool->state, &entries);
	finish_evictions(spool, &entries);
	free(entries.items);
	return 0;
}

int
spool_hold(struct spool *spool)
{
	spool->lock_fd = file_lock(spool->dirfd, "spool.lock", true);
	if (spool->lock_fd == -1)
		return -1;
	if (recover(spool) == 0)
		return 0;
	spool_let_go(spool);
	return -1;
}

void
spool_let_go(struct spool *spool)
{
	spool->place = 0;
	close_fd(&spool->lock_fd);
}

struct spool *
spool_open(const char *path, const struct spool_limits *limits, char *error,
    size_t error_size)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	const char *reason = NULL;
	int saved;

	if (spool != NULL) {
		spool->round_fd = spool->ship_fd = spool->lock_fd = -1;
		spool->limits = *limits;
		spool->dirfd = open_folder(path, &reason);
		if (spool->dirfd != -1 && spool_hold(spool) == 0) {
			(void)spool_sweep(spool->dirfd);
			spool_sweep_rejected(spool);
			spool_let_go(spool);
			return spool;
		}
	}
	saved = errno;
	(void)text_print(error, error_size, "spool %s: %s", path,
	    reason != NULL ? reason : strerror(saved));
	spool_close(spool);
	errno = saved;
	return NULL;
}

void
spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	close_fd(&spool->lock_fd);
	close_fd(&spool->round_fd);
	close_fd(&spool->ship_fd);
	close_fd(&spool->dirfd);
	free(spool);
}

static int
count_skipped(struct spool *spool)
{
	int status;

	if (spool_hold(spool) == -1)
		return -1;
	spool->state.skipped++;
	status = spool_state_write(spool->dirfd, &spool->state);
	spool_let_go(spool);
	return status;
}

int
spool_lock_round(struct spool *spool)
{
	spool->round_fd = file_lock(spool->dirfd, "probe.lock", false);
	if (spool->round_fd != -1)
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;
	return count_skipped(spool) == -1 ? -1 : 1;
}

int
spool_new_id(char id[BATCH_SPOOL_TEXT])
{
	uint8_t bytes[(BATCH_SPOOL_TEXT - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -1;
	text_hex(id, bytes, sizeof(bytes));
	return 0;
}

/* The first batch of a new spool id. */
static int
begin_chain(struct batch_line *line)
{
	line->number = 1;
	memset(line->previous, '0', sizeof(line->previous) - 1);
	line->previous[sizeof(line->previous) - 1] = '\0';
	return spool_new_id(line->spool);
}

/* Continue from the newest batch, or begin where there is none to trust. */
static int
continue_chain(struct spool *spool, const struct spool_entries *entries,
    struct batch_line *line)
{
	const struct spool_entry *newest;
	struct batch_pieces pieces;
	char name[SPOOL_NAME];
	const char *fault;
	uint8_t *file;
	size_t len;

	if (entries->count == 0)
		return begin_chain(line);
	newest = &entries->items[entries->count - 1];
	spool_name(name, newest->place, newest->sent);
	if (spool_read(spool->dirfd, name, &pieces, &file, &len, &fault) ==
	    -1) {
		log_warnx("spool: %s: %s: a new spool id begins", name,
		    fault != NULL ? fault : strerror(errno));
		return begin_chain(line);
	}
	line->number = pieces.line.number + 1;
	(void)text_copy(line->spool, sizeof(line->spool), pieces.line.spool);
	sha256_text(line->previous, file, len);
	free(file);
	return 0;
}

int
spool_next(struct spool *spool, struct batch_line *line,
    struct spool_counters *counters)
{
	struct spool_state *state = &spool->state;
	struct spool_entries entries;
	int status;

	if (spool_hold(spool) == -1)
		return -1;
	if (spool_scan(spool->dirfd, &entries) == -1) {
		spool_let_go(spool);
		return -1;
	}
	/* Never a place again, even if somebody emptied the folder. */
	spool->place = newest_place(&entries);
	if (spool->place < state->evicted)
		spool->place = state->evicted;
	spool->place++;
	status = continue_chain(spool, &entries, line);
	free(entries.items);
	spool->told_lost = state->lost;
	spool->told_skipped = state->skipped;
	counters->lost = state->lost - state->told_lost;
	counters->skipped = state->skipped - state->told_skipped;
	if (status == -1)
		spool_let_go(spool);
	return status;
}

/* The waiting batches up to a place are to go. */
struct eviction {
	int64_t place, count;
	const char *why;
};

/* Count first, durably, then remove: a crash between removes later. */
static int
evict(struct spool *spool, const struct eviction *e)
{
	struct spool_entries entries;

	spool->state.lost += e->count;
	spool->state.evicted = e->place;
	if (spool_state_write(spool->dirfd, &spool->state) == -1)
		return -1;
	log_warnx("spool: %lld oldest batch%s given up: %s",
	    (long long)e->count, e->count == 1 ? "" : "es", e->why);
	if (spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	finish_evictions(spool, &entries);
	free(entries.items);
	return 0;
}

/* The waiting batches that must go for a file of len bytes. */
static int
keep_limits(struct spool *spool, size_t len)
{
	int64_t total = spool_rejected_bytes(spool) + (int64_t)len;
	int64_t oldest_s =
	    (int64_t)time(NULL) - spool->limits.age.ns / 1000000000;
	struct spool_entries entries;
	struct eviction e = { 0, 0, "spool_age is reached" };
	int status = 0;

	if (spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	for (size_t i = 0; i < entries.count; i++)
		total += entries.items[i].sent ? 0 : entries.items[i].bytes;
	for (size_t i = 0; i < entries.count; i++) {
		const struct spool_entry *entry = &entries.items[i];

		if (entry->sent)
			continue;
		if (total <= spool->limits.bytes && entry->mtime_s >= oldest_s)
			break;
		if (entry->mtime_s >= oldest_s)
			e.why = "spool_bytes is reached";
		total -= entry->bytes;
		e.place = entry->place;
		e.count++;
	}
	if (e.count > 0)
		status = evict(spool, &e);
	free(entries.items);
	return status;
}

/* Whether a file of len bytes can be had at all by giving up others. */
static bool
can_fit(struct spool *spool, const struct spool_entries *entries, size_t len)
{
	struct statvfs fs;
	uint64_t bytes = 0;

	if (fstatvfs(spool->dirfd, &fs) == -1)
		return false;
	for (size_t i = 0; i < entries->count; i++) {
		if (!entries->items[i].sent)
			bytes += (uint64_t)entries->items[i].bytes;
	}
	return bytes + (uint64_t)fs.f_bavail * fs.f_frsize > len;
}

/* 0: one waiting batch less, because of error. -1: there was none, or it
 * failed, or all of them would not make room for len bytes. */
static int
evict_oldest(struct spool *spool, size_t len, int error)
{
	struct spool_entries entries;
	struct eviction e = { .count = 1, .why = strerror(error) };
	int status = -1;

	if (spool_scan(spool->dirfd, &entries) == -1)
		return -1;
	for (size_t i = 0; i < entries.count && can_fit(spool, &entries, len);
	     i++) {
		if (!entries.items[i].sent) {
			e.place = entries.items[i].place;
			status = evict(spool, &e);
			break;
		}
	}
	free(entries.items);
	return status;
}

/* What this batch's head tells is told once the batch exists. */
static int
write_claim(struct spool *spool)
{
	struct spool_state *state = &spool->state;

	if (spool->told_lost == state->told_lost &&
	    spool->told_skipped == state->told_skipped)
		return 0;
	state->claim_place = spool->place;
	state->claim_lost = spool->told_lost;
	state->claim_skipped = spool->told_skipped;
	return spool_state_write(spool->dirfd, state);
}

static void
remove_older_sent(struct spool *spool)
{
	struct spool_entries entries;
	char name[SPOOL_NAME];

	if (spool_scan(spool->dirfd, &entries) == -1)
		return;
	for (size_t i = 0; i + 1 < entries.count; i++) {
		if (!entries.items[i].sent)
			continue;
		spool_name(name, entries.items[i].place, true);
		(void)unlinkat(spool->dirfd, name, 0);
	}
	free(entries.items);
}

static int
publish(struct spool *spool, const uint8_t *file, size_t len)
{
	char name[SPOOL_NAME];

	if (keep_limits(spool, len) == -1 || write_claim(spool) == -1)
		return -1;
	spool_name(name, spool->place, false);
	while (file_publish(spool->dirfd, name, file, len, 0600) == -1) {
		int saved = errno;

		if ((saved != ENOSPC && saved != EDQUOT) ||
		    evict_oldest(spool, len, saved) == -1) {
			errno = saved;
			return -1;
		}
	}
	remove_older_sent(spool);
	return 0;
}

int
spool_publish(struct spool *spool, const uint8_t *file, size_t len)
{
	int status, saved;

	if (spool->place == 0) {
		errno = EINVAL;
		return -1;
	}
	status = publish(spool, file, len);
	saved = errno;
	spool_let_go(spool);
	errno = saved;
	return status;
}

void
spool_abandon(struct spool *spool)
{
	spool_let_go(spool);
}
