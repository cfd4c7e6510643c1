/* Answer DNS over UDP on every address of this namespace, as a site of an
 * anycast service would, for benchmarks: SOA in class IN, a name in class
 * CHAOS, NSID on all of it. Not careful: it answers what acprobe and kdig ask.
 *
 *	responder PORT
 *
 * "ready" on stdout says that it listens.
 */

#define _GNU_SOURCE /* recvmmsg */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	BYTES = 1500,
	HEADER = 12,
	CONTROL = 128,
	BUSY = 200,
	PAUSE_NS = 1000000
};

static const uint8_t soa[] = { 0xc0, 12, 0, 6, 0, 1, 0, 0, 14, 16, 0, 29, 2,
	'n', 's', 0xc0, 12, 1, 'h', 0xc0, 12, 0x78, 0xc3, 0x1d, 0x05, 0, 0, 14,
	16, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 14, 16 };
static const uint8_t txt[] = { 0xc0, 12, 0, 16, 0, 3, 0, 0, 0, 0, 0, 10, 9, 's',
	'1', '.', 'b', 'e', 'n', 'c', 'h', '1' };
static const uint8_t opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 13, 0, 3, 0, 9,
	's', '1', '.', 'b', 'e', 'n', 'c', 'h', '1' };

struct slot {
	uint8_t bytes[BYTES];
	struct sockaddr_storage from;
	union {
		char bytes[CONTROL];
		struct cmsghdr align;
	} control;
	struct iovec iov;
};

static struct slot slots[BATCH];
static struct mmsghdr messages[BATCH];

/* The question ends behind a root label, type and class; 0: none. */
static size_t
question_end(const uint8_t *m, size_t len)
{
	size_t at = HEADER;

	while (at < len && m[at] != 0)
		at += 1U + m[at];
	return at + 5 <= len ? at + 5 : 0;
}

/* The length of the answer, in place; 0: none. */
static size_t
answer(uint8_t *m, size_t len)
{
	size_t end = len < HEADER ? 0 : question_end(m, len);
	const uint8_t *record = soa;
	size_t record_len = sizeof(soa);

	if (end == 0 || (m[2] & 0x80) != 0 ||
	    end + sizeof(soa) + sizeof(opt) > BYTES)
		return 0;
	if (m[end - 1] == 3) {
		record = txt;
		record_len = sizeof(txt);
	}
	m[2] |= 0x84;
	m[3] = 0;
	m[7] = m[11] = 1;
	memcpy(m + end, record, record_len);
	memcpy(m + end + record_len, opt, sizeof(opt));
	return end + record_len + sizeof(opt);
}

static void
prepare(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		slots[i].iov.iov_base = slots[i].bytes;
		slots[i].iov.iov_len = BYTES;
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &slots[i].from,
			.msg_namelen = sizeof(slots[i].from),
			.msg_iov = &slots[i].iov,
			.msg_iovlen = 1,
			.msg_control = slots[i].control.bytes,
			.msg_controllen = CONTROL,
		};
	}
}

/* The address that was asked answers: it stands in the control message. */
static void
source_of_answer(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct in_pktinfo *info4;

	if (c == NULL || c->cmsg_level != IPPROTO_IP)
		return;
	info4 = (struct in_pktinfo *)(void *)CMSG_DATA(c);
	info4->ipi_spec_dst = info4->ipi_addr;
	info4->ipi_ifindex = 0;
}

/* Where thousands ask in a second, to be woken up for each would take the
 * processor from who asks, which no site of an anycast service does. */
static void
be_quiet(int count)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	static struct timespec began;
	static int served;
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	served += count;
	if (now.tv_sec != began.tv_sec) {
		began = now;
		served = 0;
	}
	if (served > BUSY)
		(void)nanosleep(&pause, NULL);
}

static void
serve(int fd)
{
	int count, i, out;

	for (;;) {
		prepare();
		count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (count == -1 && errno == EINTR)
			continue;
		if (count == -1)
			err(1, "recvmmsg");
		for (i = out = 0; i < count; i++) {
			size_t len =
			    answer(slots[i].bytes, messages[i].msg_len);

			if (len == 0)
				continue;
			slots[i].iov.iov_len = len;
			source_of_answer(&messages[i].msg_hdr);
			messages[out++] = messages[i];
		}
		for (i = 0; i < out;) {
			int sent =
			    sendmmsg(fd, messages + i, (unsigned)(out - i), 0);

			i += sent > 0 ? sent : 1;
		}
		be_quiet(count);
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 16 << 20;

	if (argc != 2)
		errx(2, "usage: responder PORT");
	here.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) == -1 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == -1)
		err(1, "port %s", argv[1]);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)printf("ready\n");
	(void)fflush(stdout);
	serve(fd);
}
