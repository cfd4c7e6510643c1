#include "lib/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "lib/text.h"

#define INPUT_BYTES 65536

enum coding {
	CODING_PLAIN,
	CODING_GZIP,
	CODING_ZSTD,
};

struct lines {
	int fd;
	enum coding coding;
	z_stream gzip;
	ZSTD_DStream *zstd;
	bool in_frame;  /* a member or frame has begun and not ended */
	bool input_end; /* the file has no more bytes */
	bool line_end;  /* lines_read has said that it has no more */
	bool begun;     /* a line was given out */
	size_t in_at, in_len;
	size_t line_at, line_len; /* read and not yet given out as lines */
	size_t max_line, line_size;
	char *line;
	uint8_t in[INPUT_BYTES];
};

/* Fill the empty input buffer. 0, also at the end of the file; or -1. */
static int
fill_input(struct lines *l)
{
	ssize_t got;

	do
		got = read(l->fd, l->in, sizeof(l->in));
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return -1;
	l->in_at = 0;
	l->in_len = (size_t)got;
	l->input_end = got == 0;
	return 0;
}

/* The first bytes decide; a pipe may hand them out one by one. */
static int
find_coding(struct lines *l)
{
	static const uint8_t gzip_magic[] = { 0x1f, 0x8b };
	static const uint8_t zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
	ssize_t got;

	while (l->in_len < sizeof(zstd_magic)) {
		got = read(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -1;
		if (got == 0)
			break;
		l->in_len += (size_t)got;
	}
	if (l->in_len >= sizeof(gzip_magic) &&
	    memcmp(l->in, gzip_magic, sizeof(gzip_magic)) == 0)
		l->coding = CODING_GZIP;
	if (l->in_len >= sizeof(zstd_magic) &&
	    memcmp(l->in, zstd_magic, sizeof(zstd_magic)) == 0)
		l->coding = CODING_ZSTD;
	return 0;
}

static int
begin_coding(struct lines *l)
{
	if (l->coding == CODING_GZIP &&
	    inflateInit2(&l->gzip, 16 + MAX_WBITS) != Z_OK) {
		l->coding = CODING_PLAIN;
		errno = ENOMEM;
		return -1;
	}
	if (l->coding == CODING_ZSTD &&
	    (l->zstd = ZSTD_createDStream()) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static int
open_input(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) != -1)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return fd;
}

struct lines *
lines_open(const char *path, size_t max_line)
{
	struct lines *l;
	int saved;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->max_line = max_line;
	l->fd = open_input(path);
	if (l->fd != -1 && find_coding(l) == 0 && begin_coding(l) == 0)
		return l;
	saved = errno;
	lines_close(l);
	errno = saved;
	return NULL;
}

void
lines_close(struct lines *l)
{
	if (l == NULL)
		return;
	if (l->coding == CODING_GZIP)
		(void)inflateEnd(&l->gzip);
	(void)ZSTD_freeDStream(l->zstd);
	if (l->fd != -1)
		(void)close(l->fd);
	free(l->line);
	free(l);
}

static size_t
copy_plain(struct lines *l, void *buffer, size_t size)
{
	size_t len = l->in_len - l->in_at;

	if (len > size)
		len = size;
	memcpy(buffer, l->in + l->in_at, len);
	l->in_at += len;
	return len;
}

/* What one step makes of the input there is; may be nothing. -1: damaged. */
static long
step_gzip(struct lines *l, void *buffer, size_t size)
{
	int status;

	if (!l->in_frame && inflateReset(&l->gzip) != Z_OK)
		return -1;
	l->in_frame = true;
	l->gzip.next_in = l->in + l->in_at;
	l->gzip.avail_in = (uInt)(l->in_len - l->in_at);
	l->gzip.next_out = buffer;
	l->gzip.avail_out = (uInt)size;
	status = inflate(&l->gzip, Z_NO_FLUSH);
	l->in_at = l->in_len - l->gzip.avail_in;
	if (status == Z_STREAM_END)
		l->in_frame = false;
	else if (status != Z_OK && status != Z_BUF_ERROR)
		return -1;
	return (long)(size - l->gzip.avail_out);
}

static long
step_zstd(struct lines *l, void *buffer, size_t size)
{
	ZSTD_inBuffer in = { l->in, l->in_len, l->in_at };
	ZSTD_outBuffer out = { buffer, size, 0 };
	size_t status;

	status = ZSTD_decompressStream(l->zstd, &out, &in);
	if (ZSTD_isError(status))
		return -1;
	l->in_frame = status != 0;
	l->in_at = in.pos;
	return (long)out.pos;
}

static long
damaged(void)
{
	errno = EBADMSG;
	return -1;
}

long
lines_read(struct lines *l, void *buffer, size_t size)
{
	long got;

	if (size > INPUT_BYTES)
		size = INPUT_BYTES;
	for (;;) {
		if (l->in_at == l->in_len && !l->input_end &&
		    fill_input(l) == -1)
			return -1;
		if (l->coding == CODING_PLAIN)
			return (long)copy_plain(l, buffer, size);
		if (l->in_at == l->in_len && l->input_end && !l->in_frame)
			return 0;
		got = l->coding == CODING_GZIP ? step_gzip(l, buffer, size)
					       : step_zstd(l, buffer, size);
		if (got == -1)
			return damaged();
		if (got > 0)
			return got;
		if (l->in_at == l->in_len && l->input_end)
			return l->in_frame ? damaged() : 0;
	}
}

/* Move what is left to the front, grow up to the longest line, read on. */
static int
more_line(struct lines *l)
{
	size_t size = l->line_size;
	char *grown;
	long got;

	if (l->line_at > 0) {
		l->line_len -= l->line_at;
		memmove(l->line, l->line + l->line_at, l->line_len);
		l->line_at = 0;
	}
	if (l->line_len > l->max_line) {
		errno = EMSGSIZE;
		return -1;
	}
	if (l->line_len + 1 >= size) {
		size = size == 0 ? 4096 : size * 2;
		if (size > l->max_line + 2)
			size = l->max_line + 2; /* a newline and a NUL */
		if ((grown = realloc(l->line, size)) == NULL)
			return -1;
		l->line = grown;
		l->line_size = size;
	}
	got = lines_read(
	    l, l->line + l->line_len, l->line_size - 1 - l->line_len);
	if (got == -1)
		return -1;
	l->line_len += (size_t)got;
	l->line_end = got == 0;
	return 0;
}

int
lines_next(struct lines *l, char **line, size_t *len)
{
	char *newline = NULL;
	size_t seen = 0;

	for (;;) {
		if (l->line_len > l->line_at + seen)
			newline = memchr(l->line + l->line_at + seen, '\n',
			    l->line_len - l->line_at - seen);
		if (newline != NULL || l->line_end)
			break;
		seen = l->line_len - l->line_at;
		if (more_line(l) == -1)
			return -1;
	}
	if (newline == NULL && l->line_at == l->line_len)
		return 0;
	*line = l->line + l->line_at;
	*len = newline != NULL ? (size_t)(newline - *line)
			       : l->line_len - l->line_at;
	(*line)[*len] = '\0';
	l->line_at += *len + (newline != NULL ? 1 : 0);
	if (!l->begun) {
		const size_t bom = text_bom(*line, *len);

		*line += bom;
		*len -= bom;
		l->begun = true;
	}
	return 1;
}
