#include "lib/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/limits.h"
#include "lib/writer.h"

#define MAGIC_NANO 0xa1b23c4d
#define LINK_RAW 101
#define HEAD 24
#define PACKET_HEAD 16
#define PACKET_MAX 65535
#define BUFFER (HEAD + 4 * (PACKET_HEAD + PACKET_MAX))

struct evidence {
	int fd;
	bool failed;
	uint64_t saved, left_out;
	uint64_t buffered; /* packets of the buffer */
	off_t written;     /* bytes of whole packets in the file */
	struct writer w;
	uint8_t buffer[BUFFER];
};

static void
write_head(struct writer *w)
{
	writer_u32(w, MAGIC_NANO);
	writer_u16(w, 2); /* version 2.4 */
	writer_u16(w, 4);
	writer_u32(w, 0);
	writer_u32(w, 0);
	writer_u32(w, PACKET_MAX);
	writer_u32(w, LINK_RAW);
}

struct evidence *
evidence_create(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	struct evidence *e = malloc(sizeof(*e));
	struct stat st;

	if (e == NULL)
		return NULL;
	e->failed = false;
	e->saved = e->left_out = e->buffered = 0;
	e->written = 0;
	e->w = writer_over(e->buffer, sizeof(e->buffer));
	if ((e->fd = open(path, flags, 0600)) == -1) {
		free(e);
		return NULL;
	}
	/* One that was there; a device stays as it is. */
	if (fstat(e->fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)fchmod(e->fd, 0600);
	write_head(&e->w);
	if (evidence_flush(e) == -1) {
		int saved = errno;

		(void)evidence_close(e);
		errno = saved;
		return NULL;
	}
	return e;
}

size_t
evidence_room(const struct evidence *e)
{
	size_t left = e->w.size - e->w.len;

	return left < PACKET_HEAD ? 0 : left - PACKET_HEAD;
}

void
evidence_add(struct evidence *e, struct wall at, const void *packet, size_t len)
{
	size_t kept = len > PACKET_MAX ? PACKET_MAX : len;

	if (e->failed || evidence_room(e) < kept ||
	    e->written + (off_t)(e->w.len + PACKET_HEAD + kept) >
		LIMIT_EVIDENCE_BYTES) {
		e->left_out++;
		return;
	}
	writer_u32(&e->w, (uint32_t)(at.ns / 1000000000));
	writer_u32(&e->w, (uint32_t)(at.ns % 1000000000));
	writer_u32(&e->w, (uint32_t)kept);
	writer_u32(&e->w, (uint32_t)len);
	writer_bytes(&e->w, packet, kept);
	e->buffered++;
}

int
evidence_flush(struct evidence *e)
{
	int saved, cut;

	if (e->failed || e->w.len == 0)
		return 0;
	if (file_write_all(e->fd, e->buffer, e->w.len) == 0) {
		e->written += (off_t)e->w.len;
		e->saved += e->buffered;
		e->w.len = e->buffered = 0;
		return 0;
	}
	saved = errno;
	cut = ftruncate(e->fd, e->written);
	(void)cut; /* a device has no end to move */
	e->left_out += e->buffered;
	e->w.len = e->buffered = 0;
	e->failed = true;
	errno = saved;
	return -1;
}

uint64_t
evidence_saved(const struct evidence *e)
{
	return e->saved;
}

uint64_t
evidence_left_out(const struct evidence *e)
{
	return e->left_out;
}

int
evidence_close(struct evidence *e)
{
	int status, saved;

	if (e == NULL)
		return 0;
	status = evidence_flush(e);
	saved = errno;
	/* Network and quota file systems report late errors here. */
	if (close(e->fd) == -1 && status == 0) {
		status = -1;
		saved = errno;
	}
	free(e);
	errno = saved;
	return status;
}
