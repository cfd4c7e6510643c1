/* Captures as libpcap reads them. Every frame is foreign. */
#include "lib/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/evidence_pcap.h"
#include "lib/limits.h"
#include "lib/text.h"

#define FRAME_MAX 262144 /* libpcap's own */
#define CHUNK (4 * FRAME_MAX)
#define SECONDS_MAX ((int64_t)1 << 32) /* in the year 2106 */

struct evidence_file {
	struct evidence_pcap pcap;
	pcap_t *capture;
	/* What the packets lie in, the newest first. */
	struct chunk {
		struct chunk *next;
		size_t used;
		uint8_t bytes[CHUNK];
	} * chunks;
};

/* A regular file of a size that is read at all, as a stream. */
static FILE *
open_stream(const char *path)
{
	/* O_NONBLOCK: a fifo must be refused, not waited for. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	FILE *stream = NULL;
	struct stat st;
	int saved;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			errno = EINVAL;
		else if (st.st_size > LIMIT_EVIDENCE_BYTES)
			errno = EFBIG;
		else
			stream = fdopen(fd, "r");
	}
	if (stream != NULL)
		return stream;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return NULL;
}

static int
open_capture(struct evidence_reader *r, const char *path)
{
	struct evidence_file *file = r->file;
	char said[PCAP_ERRBUF_SIZE] = "";
	FILE *stream;

	if (evidence_pcap_load(&file->pcap) == -1 ||
	    (stream = open_stream(path)) == NULL)
		return -1;
	file->capture =
	    file->pcap.fopen_offline(stream, PCAP_TSTAMP_PRECISION_NANO, said);
	if (file->capture != NULL)
		return 0;
	(void)fclose(stream);
	(void)text_copy(r->damage, sizeof(r->damage), said);
	errno = EINVAL;
	return -1;
}

int
evidence_open(struct evidence_reader *r, const char *path)
{
	int saved;

	r->damage[0] = '\0';
	if ((r->file = calloc(1, sizeof(*r->file))) == NULL)
		return -1;
	if (open_capture(r, path) == 0)
		return 0;
	saved = errno;
	evidence_reader_clear(r);
	errno = saved;
	return -1;
}

void
evidence_reader_clear(struct evidence_reader *r)
{
	struct chunk *chunk;

	if (r->file == NULL)
		return;
	while ((chunk = r->file->chunks) != NULL) {
		r->file->chunks = chunk->next;
		free(chunk);
	}
	if (r->file->capture != NULL)
		r->file->pcap.close(r->file->capture);
	free(r->file);
	r->file = NULL;
}

/* libpcap's own bytes are those of the next packet soon. NULL: no memory. */
static const uint8_t *
keep(struct evidence_file *file, struct cursor frame)
{
	struct chunk *chunk = file->chunks;
	size_t len = cursor_left(&frame);
	uint8_t *kept;

	if (chunk == NULL || CHUNK - chunk->used < len) {
		if (len > CHUNK || (chunk = malloc(sizeof(*chunk))) == NULL)
			return NULL;
		chunk->used = 0;
		chunk->next = file->chunks;
		file->chunks = chunk;
	}
	kept = &chunk->bytes[chunk->used];
	memcpy(kept, cursor_take(&frame, len), len);
	chunk->used += len;
	return kept;
}

/* A frame that tells no time has that of the one before it. */
static struct wall
time_of(const struct pcap_pkthdr *head, struct wall last)
{
	int64_t seconds = head->ts.tv_sec, part = head->ts.tv_usec;

	if (seconds == 0 && part == 0)
		return last;
	if (seconds < 0) /* 32 bits, which libpcap takes for signed */
		seconds += (int64_t)1 << 32;
	if (seconds < 0 || seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	if (part < 0 || part >= 1000000000)
		part = 0;
	return (struct wall){ seconds * 1000000000 + part };
}

enum parse_result
evidence_next(struct evidence_reader *r, struct evidence_packet *packet)
{
	struct evidence_file *file = r->file;
	struct pcap_pkthdr *head;
	const u_char *bytes;
	struct cursor frame;
	int got;

	while ((got = file->pcap.next_ex(file->capture, &head, &bytes)) == 1) {
		packet->at = time_of(head, packet->at);
		frame = cursor_over(bytes, head->caplen);
		if (!evidence_skip_link(
			&frame, file->pcap.datalink(file->capture)))
			continue;
		packet->len = cursor_left(&frame);
		packet->bytes = keep(file, frame);
		if (packet->bytes != NULL)
			return PARSE_OK;
		(void)text_copy(r->damage, sizeof(r->damage), "out of memory");
		return PARSE_SHORT;
	}
	if (got != PCAP_ERROR_BREAK)
		(void)text_copy(r->damage, sizeof(r->damage),
		    file->pcap.geterr(file->capture));
	return PARSE_SHORT;
}
