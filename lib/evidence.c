#include "lib/evidence.h"

#include <stdio_ext.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/evidence_pcap.h"
#include "lib/limits.h"

#define HEAD 24
#define PACKET_HEAD 16
#define PACKET_MAX 65535
#define BUFFER (HEAD + 4 * (PACKET_HEAD + PACKET_MAX))

struct evidence {
	struct evidence_pcap pcap;
	pcap_t *format; /* what a capture of ours is like */
	pcap_dumper_t *dumper;
	int fd; /* the dumper's again, for what libpcap does not tell */
	bool failed;
	uint64_t saved, left_out;
	uint64_t packets; /* of the buffer */
	size_t buffered;
	off_t written;       /* bytes of whole packets in the file */
	char buffer[BUFFER]; /* of the dumper's stream */
};

static int
open_file(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600);
	struct stat st;

	/* One that was there; a device stays as it is. */
	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)fchmod(fd, 0600);
	return fd;
}

/* The stream must not write by itself: packets go to the file whole. */
static FILE *
open_stream(struct evidence *e)
{
	int fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
	FILE *stream;

	if (fd == -1)
		return NULL;
	if ((stream = fdopen(fd, "w")) == NULL) {
		(void)close(fd);
		return NULL;
	}
	if (setvbuf(stream, e->buffer, _IOFBF, BUFFER) == 0)
		return stream;
	(void)fclose(stream);
	errno = ENOMEM;
	return NULL;
}

struct evidence *
evidence_create(const char *path)
{
	struct evidence *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	if (evidence_pcap_load(&e->pcap) == -1 ||
	    (e->fd = open_file(path)) == -1) {
		free(e);
		return NULL;
	}
	e->failed = true; /* until it is started */
	return e;
}

int
evidence_start(struct evidence *e)
{
	FILE *stream;
	struct stat st;

	if (fstat(e->fd, &st) == -1 ||
	    (S_ISREG(st.st_mode) && ftruncate(e->fd, 0) == -1))
		return -1;

	e->format =
	    e->pcap.open_dead(DLT_RAW, PACKET_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (e->format == NULL) {
		errno = ENOMEM;
		return -1;
	}
	if ((stream = open_stream(e)) == NULL)
		return -1;
	/* Where it fails the stream is closed. */
	if ((e->dumper = e->pcap.dump_fopen(e->format, stream)) == NULL)
		return -1;
	e->failed = false;
	e->buffered = HEAD;
	return evidence_flush(e);
}

size_t
evidence_room(const struct evidence *e)
{
	size_t left = BUFFER - e->buffered;

	return left < PACKET_HEAD ? 0 : left - PACKET_HEAD;
}

void
evidence_add(struct evidence *e, struct wall at, const void *packet, size_t len)
{
	size_t kept = len > PACKET_MAX ? PACKET_MAX : len;
	struct pcap_pkthdr head = { .caplen = (bpf_u_int32)kept,
		.len = (bpf_u_int32)len };

	if (e->failed || evidence_room(e) < kept ||
	    e->written + (off_t)(e->buffered + PACKET_HEAD + kept) >
		LIMIT_EVIDENCE_BYTES) {
		e->left_out++;
		return;
	}
	head.ts.tv_sec = at.ns / 1000000000;
	head.ts.tv_usec = at.ns % 1000000000; /* of this precision */
	e->pcap.dump((u_char *)e->dumper, &head, packet);
	e->buffered += PACKET_HEAD + kept;
	e->packets++;
}

int
evidence_flush(struct evidence *e)
{
	int saved, cut;

	if (e->failed || e->buffered == 0)
		return 0;
	if (e->pcap.dump_flush(e->dumper) == 0) {
		e->written += (off_t)e->buffered;
		e->saved += e->packets;
		e->buffered = e->packets = 0;
		return 0;
	}
	saved = errno;
	__fpurge(e->pcap.dump_file(e->dumper));
	cut = ftruncate(e->fd, e->written);
	(void)cut; /* a device has no end to move */
	e->left_out += e->packets;
	e->buffered = e->packets = 0;
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
	status = e->dumper == NULL ? 0 : evidence_flush(e);
	saved = errno;
	/* Network and quota file systems report late errors at the first close,
	 * and libpcap keeps them to itself. */
	if (close(e->fd) == -1 && status == 0) {
		status = -1;
		saved = errno;
	}
	if (e->dumper != NULL)
		e->pcap.dump_close(e->dumper);
	if (e->format != NULL)
		e->pcap.close(e->format);
	free(e);
	errno = saved;
	return status;
}
