#include "collector/archive.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/archive_file.h"
#include "collector/archive_pack.h"
#include "lib/log.h"

struct archive_reader {
	int dirfd, fd;
	unsigned number, highest; /* number: of the file being read */
	char name[ARCHIVE_NAME];
	int64_t at;
	int64_t damaged, torn;
	uint8_t *bytes; /* of the current entry */
	struct archive_pack pack;
	int64_t pack_at; /* where in the file it stands */
};

/* 1: the next file that is there; 0: there is none. */
static int
next_file(struct archive_reader *r)
{
	if (r->fd != -1)
		(void)close(r->fd);
	r->fd = -1;
	while (r->fd == -1 && r->number < r->highest) {
		archive_file_name(r->name, ++r->number);
		r->fd = openat(
		    r->dirfd, r->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (r->fd == -1 && errno != ENOENT)
			return -1;
	}
	r->at = 0;
	return r->fd != -1;
}

static ssize_t
read_at(int fd, void *bytes, size_t len, int64_t at)
{
	uint8_t *p = bytes;
	size_t have = 0;

	while (have < len) {
		const ssize_t n =
		    pread(fd, p + have, len - have, at + (int64_t)have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static void
complain(struct archive_reader *r, int64_t at, const char *what)
{
	log_warnx("archive: %s, byte %lld: %s", r->name, (long long)at, what);
	r->damaged++;
}

/* 1: an entry; 0: none more in this file; 2: one that is damaged; -1. */
static int
read_entry(struct archive_reader *r, struct archive_line *line)
{
	char text[ARCHIVE_LINE], digest[SIGN_SHA256_TEXT];
	ssize_t n = read_at(r->fd, text, sizeof(text), r->at);
	struct stat st;
	size_t want;

	if (n <= 0)
		return (int)n;
	if (fstat(r->fd, &st) == -1)
		return -1;
	if (archive_line_parse(line, text, (size_t)n) == -1 ||
	    r->at + (int64_t)line->line_len + line->len + 1 > st.st_size) {
		complain(
		    r, r->at, "torn entry; the rest of the file is left out");
		r->torn++;
		return 0;
	}
	want = (size_t)line->len + 1;
	free(r->bytes);
	if ((r->bytes = malloc(want)) == NULL)
		return -1;
	n = read_at(r->fd, r->bytes, want, r->at + (int64_t)line->line_len);
	if (n == -1)
		return -1;
	sha256_text(digest, r->bytes, want - 1);
	if ((size_t)n == want && r->bytes[want - 1] == '\n' &&
	    strcmp(digest, line->sha256) == 0)
		return 1;
	complain(r, r->at, "damaged entry is left out");
	return 2;
}

struct archive_reader *
archive_reader_open(const char *path)
{
	struct archive_reader *r = calloc(1, sizeof(*r));
	int saved;

	if (r == NULL)
		return NULL;
	r->fd = -1;
	r->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd == -1 || archive_highest(r->dirfd, &r->highest) == -1) {
		saved = errno;
		archive_reader_close(r);
		errno = saved;
		return NULL;
	}
	return r;
}

/* An entry of the file, and behind it. 1; 0: the end; -1. */
static int
next_entry(struct archive_reader *r, struct archive_entry *entry)
{
	struct archive_line line;
	int status;

	for (;;) {
		if (r->fd == -1 && (status = next_file(r)) != 1)
			return status;
		if ((status = read_entry(r, &line)) == -1)
			return -1;
		if (status == 0) {
			if ((status = next_file(r)) != 1)
				return status;
			continue;
		}
		memcpy(entry->kind, line.kind, sizeof(entry->kind));
		entry->len = (size_t)line.len;
		entry->at = r->at;
		r->at += (int64_t)line.line_len + line.len + 1;
		if (status == 1)
			break;
	}
	r->bytes[entry->len] = '\0';
	entry->bytes = r->bytes;
	return 1;
}

/* 1; 0: there is none, or none more. */
static int
next_packed(struct archive_reader *r, struct archive_entry *entry)
{
	const int status = archive_pack_next(&r->pack, entry);

	if (status == 1) {
		entry->at = r->pack_at;
		return 1;
	}
	if (status == -1) {
		complain(r, r->pack_at, "damaged pack: its rest is left out");
		r->pack.len = r->pack.at = 0;
	}
	return 0;
}

/* 0, or -1 with errno. */
static int
open_pack(struct archive_reader *r, const struct archive_entry *entry)
{
	r->pack_at = entry->at;
	if (archive_pack_open(&r->pack, entry->bytes, entry->len) == 0)
		return 0;
	if (errno != EBADMSG)
		return -1;
	complain(r, entry->at, "damaged pack is left out");
	return 0;
}

int
archive_reader_next(struct archive_reader *r, struct archive_entry *entry)
{
	int status = 1;

	entry->file = r->name;
	while (next_packed(r, entry) == 0) {
		if ((status = next_entry(r, entry)) != 1 ||
		    strcmp(entry->kind, ARCHIVE_PACK) != 0)
			return status;
		if (open_pack(r, entry) == -1)
			return -1;
	}
	return 1;
}

int64_t
archive_reader_damaged(const struct archive_reader *r)
{
	return r->damaged;
}

int64_t
archive_reader_torn(const struct archive_reader *r)
{
	return r->torn;
}

void
archive_reader_close(struct archive_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd != -1)
		(void)close(r->fd);
	if (r->dirfd != -1)
		(void)close(r->dirfd);
	free(r->bytes);
	archive_pack_clear(&r->pack);
	free(r);
}
