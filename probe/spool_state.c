/*
 * The spool's counters: two copies, written in turn, each in a block of its
 * own. A copy that a power cut tore fails its checksum, and the other one
 * holds. Nothing is allocated when they are written, so that a full disk
 * cannot stop the count of what it costs.
 */
#include "probe/spool_private.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/file.h"
#include "lib/sign.h"
#include "lib/text.h"

#define STATE_FILE "state"
#define COPY 4096
#define FIELDS 9
#define MAGIC "acspool 1"

static void
fields_of(struct spool_state *state, int64_t *field[FIELDS])
{
	field[0] = &state->sequence;
	field[1] = &state->lost;
	field[2] = &state->skipped;
	field[3] = &state->told_lost;
	field[4] = &state->told_skipped;
	field[5] = &state->claim_place;
	field[6] = &state->claim_lost;
	field[7] = &state->claim_skipped;
	field[8] = &state->evicted;
}

/* "acspool 1 SEQUENCE ... SHA256\n", then newlines to the copy's end. */
static void
format_copy(char copy[COPY], const struct spool_state *state)
{
	struct spool_state values = *state;
	char text[512] = MAGIC, one[32], sha256[SIGN_SHA256_TEXT];
	int64_t *field[FIELDS];
	size_t len = strlen(text);

	fields_of(&values, field);
	for (size_t i = 0; i < FIELDS; i++) {
		(void)text_print(
		    one, sizeof(one), " %lld", (long long)*field[i]);
		(void)text_copy(&text[len], sizeof(text) - len, one);
		len += strlen(one);
	}
	sha256_text(sha256, text, len);
	memset(copy, '\n', COPY);
	memcpy(copy, text, len);
	copy[len] = ' ';
	memcpy(&copy[len + 1], sha256, SIGN_SHA256_TEXT - 1);
}

static int
read_number(char **at, int64_t *value)
{
	char *end = strchr(*at, ' ');

	if (end == NULL)
		return -1;
	*end = '\0';
	if (text_int(value, *at, 0, INT64_MAX) == -1)
		return -1;
	*at = end + 1;
	return 0;
}

static int
parse_copy(struct spool_state *state, const char copy[COPY])
{
	char text[512], again[COPY];
	int64_t *field[FIELDS];
	char *at = text + strlen(MAGIC) + 1;

	memset(state, 0, sizeof(*state));
	memcpy(text, copy, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	if (strncmp(text, MAGIC " ", strlen(MAGIC) + 1) != 0)
		return -1;
	fields_of(state, field);
	for (size_t i = 0; i < FIELDS; i++) {
		if (read_number(&at, field[i]) == -1)
			return -1;
	}
	/* What is not written exactly as we write it was torn. */
	format_copy(again, state);
	return memcmp(again, copy, COPY) == 0 ? 0 : -1;
}

static int
open_state(int dirfd)
{
	int fd = openat(dirfd, STATE_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return fd;
	(void)close(fd);
	errno = EPERM;
	return -1;
}

/* Missing or damaged: a new one, from zero. */
static int
make_state(int dirfd, struct spool_state *state)
{
	char copies[2 * COPY];

	memset(state, 0, sizeof(*state));
	format_copy(copies, state);
	memset(&copies[COPY], '\n', COPY);
	return file_publish(dirfd, STATE_FILE, copies, sizeof(copies), 0600);
}

int
spool_state_read(int dirfd, struct spool_state *state)
{
	char copies[2 * COPY] = { 0 };
	struct spool_state other;
	int fd = open_state(dirfd);
	bool first, second;
	ssize_t n;

	if (fd == -1 && errno == ENOENT)
		return make_state(dirfd, state);
	if (fd == -1)
		return -1;
	n = pread(fd, copies, sizeof(copies), 0);
	(void)close(fd);
	if (n == -1)
		return -1;
	first = parse_copy(state, copies) == 0;
	second = parse_copy(&other, &copies[COPY]) == 0;
	if (!first && !second)
		return make_state(dirfd, state);
	if (!first || (second && other.sequence > state->sequence))
		*state = other;
	return 0;
}

static int
write_at(int fd, const char *bytes, size_t len, off_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

int
spool_state_write(int dirfd, struct spool_state *state)
{
	char copy[COPY];
	int fd = open_state(dirfd);
	int status = -1;

	if (fd == -1)
		return -1;
	state->sequence++;
	format_copy(copy, state);
	if (write_at(fd, copy, sizeof(copy), state->sequence % 2 * COPY) == 0)
		status = fsync(fd);
	if (close(fd) == -1)
		status = -1;
	return status;
}
