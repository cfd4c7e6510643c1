#include "collector/archive.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/archive_file.h"
#include "collector/archive_pack.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

/* An import appends thousands of small entries in one transaction. */
#define BUFFER_BYTES (256 << 10)

struct archive {
	int dirfd;
	uid_t owner; /* of the folder: files are its owner's, even root's */
	gid_t group;
	int fd;          /* the current file; -1: none yet */
	unsigned number; /* of the current file */
	int64_t durable; /* its length at the last flush */
	int64_t written; /* its length now */
	bool appending;
	bool made; /* the file is new: its name is not durable yet */
	struct archive_pack pack; /* comes behind what is buffered */
	size_t buffered;
	uint8_t buffer[BUFFER_BYTES];
};

static void
give_to_owner(const struct archive *a, int fd)
{
	if (geteuid() == 0 && fchown(fd, a->owner, a->group) == -1)
		log_warn("archive: chown");
}

static void
forget_file(struct archive *a)
{
	if (a->fd != -1)
		(void)close(a->fd);
	a->fd = -1;
}

static int
start_file(struct archive *a, unsigned number)
{
	char name[ARCHIVE_NAME];

	forget_file(a);
	archive_file_name(name, number);
	a->fd = openat(a->dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
	    0640);
	if (a->fd == -1)
		return -1;
	give_to_owner(a, a->fd);
	a->number = number;
	a->durable = a->written = 0;
	a->made = true;
	return 0;
}

/* Does the file consist of whole entries, as far as their lengths tell? */
static bool
ends_whole(int fd, int64_t size)
{
	char text[ARCHIVE_LINE];
	struct archive_line line;
	int64_t at = 0;

	while (at < size) {
		const ssize_t n = pread(fd, text, sizeof(text), at);

		if (n <= 0 || archive_line_parse(&line, text, (size_t)n) == -1)
			return false;
		at += (int64_t)line.line_len + line.len + 1;
	}
	return at == size;
}

static int
open_newest(struct archive *a, unsigned number)
{
	char name[ARCHIVE_NAME];
	struct stat st;

	forget_file(a);
	archive_file_name(name, number);
	a->fd =
	    openat(a->dirfd, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (a->fd == -1 || fstat(a->fd, &st) == -1)
		return -1;
	if (!ends_whole(a->fd, st.st_size))
		return start_file(a, number + 1);
	a->number = number;
	a->durable = a->written = st.st_size;
	/* Its writer may have been killed before it flushed the folder. */
	a->made = true;
	return 0;
}

/* Another process may have appended since, or begun another file. */
static int
find_end(struct archive *a)
{
	struct stat st;
	unsigned highest;

	if (archive_highest(a->dirfd, &highest) == -1)
		return -1;
	if (highest == 0)
		return start_file(a, 1);
	if (a->fd == -1 || highest != a->number || fstat(a->fd, &st) == -1 ||
	    st.st_size != a->durable) {
		if (open_newest(a, highest) == -1)
			return -1;
	}
	if (a->durable >= LIMIT_ARCHIVE_FILE)
		return start_file(a, a->number + 1);
	return 0;
}

static int
write_out(struct archive *a, const void *bytes, size_t len)
{
	if (file_write_all(a->fd, bytes, len) == -1)
		return -1;
	a->written += (int64_t)len;
	return 0;
}

static int
write_buffer(struct archive *a)
{
	const size_t len = a->buffered;

	a->buffered = 0;
	return len == 0 ? 0 : write_out(a, a->buffer, len);
}

static int
put(struct archive *a, const void *bytes, size_t len)
{
	if (len > sizeof(a->buffer) - a->buffered && write_buffer(a) == -1)
		return -1;
	if (len > sizeof(a->buffer))
		return write_out(a, bytes, len);
	memcpy(a->buffer + a->buffered, bytes, len);
	a->buffered += len;
	return 0;
}

struct archive *
archive_open(const char *path)
{
	struct archive *a = calloc(1, sizeof(*a));
	struct stat st;
	bool made;

	if (a == NULL)
		return NULL;
	a->fd = a->dirfd = -1;
	made = mkdir(path, 0750) == 0;
	if (made || errno == EEXIST)
		a->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dirfd == -1 || fstat(a->dirfd, &st) == -1 ||
	    (made && file_sync(a->dirfd, "..") == -1)) {
		archive_close(a);
		return NULL;
	}
	a->owner = st.st_uid;
	a->group = st.st_gid;
	return a;
}

void
archive_close(struct archive *a)
{
	int saved = errno;

	if (a == NULL)
		return;
	archive_abandon(a);
	forget_file(a);
	if (a->dirfd != -1)
		(void)close(a->dirfd);
	archive_pack_clear(&a->pack);
	free(a);
	errno = saved;
}

static int
put_entry(struct archive *a, const char *kind, const void *bytes, size_t len)
{
	char line[ARCHIVE_LINE];
	const size_t line_len = archive_line_format(line, kind, bytes, len);

	if (put(a, line, line_len) == -1 || put(a, bytes, len) == -1)
		return -1;
	return put(a, "\n", 1);
}

static int
put_pack(struct archive *a)
{
	uint8_t *frame;
	size_t len;
	int status;

	if (a->pack.len == 0)
		return 0;
	if (archive_pack_close(&a->pack, &frame, &len) == -1)
		return -1;
	status = put_entry(a, ARCHIVE_PACK, frame, len);
	free(frame);
	return status;
}

int
archive_append(
    struct archive *a, const char *kind, const void *bytes, size_t len)
{
	if (len > LIMIT_ARCHIVE_ENTRY) {
		errno = EFBIG;
		return -1;
	}
	if (!a->appending && find_end(a) == -1)
		return -1;
	a->appending = true;
	if (a->pack.len == 0 && strcmp(kind, "import") != 0)
		return put_entry(a, kind, bytes, len);
	if (archive_pack_add(&a->pack, kind, bytes, len) == -1)
		return -1;
	return a->pack.len < ARCHIVE_PACK_FULL ? 0 : put_pack(a);
}

int
archive_flush(struct archive *a)
{
	int saved;

	if (!a->appending)
		return 0;
	if (put_pack(a) == -1 || write_buffer(a) == -1 ||
	    fdatasync(a->fd) == -1 || (a->made && fsync(a->dirfd) == -1)) {
		saved = errno;
		archive_abandon(a);
		/* The kernel may have dropped the pages and called it done:
		 * the same descriptor would say yes the next time. */
		if (a->fd != -1)
			(void)start_file(a, a->number + 1);
		errno = saved;
		return -1;
	}
	a->made = false;
	a->durable = a->written;
	a->appending = false;
	return 0;
}

void
archive_abandon(struct archive *a)
{
	if (!a->appending)
		return;
	a->pack.len = 0;
	a->buffered = 0;
	a->appending = false;
	if (a->written == a->durable)
		return;
	if (ftruncate(a->fd, a->durable) == -1) {
		/* A torn entry stays; find_end goes on in the next file. */
		log_warn("archive: truncate");
		forget_file(a);
		return;
	}
	a->written = a->durable;
}

/* The vantage point's name, which "_", 32 hex digits and "_" follow. */
static size_t
owner_len(const char *name)
{
	const size_t end = strlen(name);

	for (size_t i = 1; i + 34 <= end; i++) {
		if (name[i] == '_' && name[i + 33] == '_' &&
		    strspn(name + i + 1, "0123456789abcdef") == 32)
			return i;
	}
	return end;
}

/* 0: it may; 1: it is there, or as many of that vantage point as are kept. A
 * key's holder must not fill the disk with evidence. */
static int
has_enough(int fd, const char *name)
{
	const size_t len = owner_len(name);
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy == -1 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	size_t count = 0;
	bool there = false;

	if (dir == NULL) {
		if (copy != -1)
			(void)close(copy);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		there |= strcmp(entry->d_name, name) == 0;
		count += owner_len(entry->d_name) == len &&
			 strncmp(entry->d_name, name, len) == 0;
	}
	(void)closedir(dir);
	return there || count >= LIMIT_CONFLICTS_KEPT;
}

int
archive_set_aside(
    struct archive *a, const char *name, const void *bytes, size_t len)
{
	int fd, status, saved;

	if (mkdirat(a->dirfd, "conflict", 0750) == 0) {
		if (fsync(a->dirfd) == -1)
			return -1;
	} else if (errno != EEXIST)
		return -1;
	fd = openat(a->dirfd, "conflict",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	give_to_owner(a, fd);
	if ((status = has_enough(fd, name)) == 0)
		status = file_publish(fd, name, bytes, len, 0640);
	else if (status == 1)
		status = 0;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return status;
}
