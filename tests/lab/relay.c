/* Join pairs of TAP devices in network namespaces and impose on each
 * direction of each pair a delay, a jitter and a loss, changed while running.
 *
 *	relay LINKS CONTROL SEED COST_NS
 *
 * LINKS has a line for each link: two ends (a namespace's path and the name of
 * the device to make in it) and the delay of each direction in nanoseconds:
 *	NETNS DEVICE NETNS DEVICE DELAY_NS DELAY_NS
 * CONTROL is the path of the stream socket that takes one command:
 *	LINK DIRECTION delay_ns|jitter_ns|loss_ppm|carrier VALUE
 * LINK counts the lines from 0; DIRECTION 0 is from the first end to the
 * second. The answer is "ok" or "error". COST_NS, what a traversal takes by
 * itself, is taken off each delay. "ready" on stdout says that all devices
 * are there. Devices vanish with this process.
 *
 * ARP and neighbour discovery are neither delayed nor lost; frames of one
 * direction never overtake one another.
 */

#define _GNU_SOURCE /* setns, epoll_pwait2, accept4 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINK_MAX = 512,     /* a lab has about fifty */
	PACKET_MAX = 32768, /* in flight at once; more are dropped */
	FRAME_BYTES = 1600, /* an MTU of 1,500 and its Ethernet header */
	READ_BURST = 32,    /* frames of one device before the next's turn */
	PATH_BYTES = 256,
	COMMAND_BYTES = 128,
	EVENT_COUNT = 64,
	LEAD_MAX_NS = 200000,
};

static const int64_t second_ns = 1000000000;

/* Frames read at one end, on their way to the other. */
struct direction {
	int in;
	int out;
	int64_t delay_ns;
	int64_t jitter_ns;
	int64_t last_due_ns;
	uint32_t loss_ppm;
};

struct link {
	struct direction way[2];
};

struct packet {
	int64_t due_ns;
	uint64_t order;
	int out;
	size_t len;
	uint8_t frame[FRAME_BYTES];
};

struct relay {
	struct link links[LINK_MAX];
	size_t link_count;
	struct packet *heap[PACKET_MAX]; /* by due_ns, then by order */
	size_t heap_count;
	struct packet *spare[PACKET_MAX];
	size_t spare_count;
	uint64_t order;
	uint64_t random;
	int64_t cost_ns;
	int64_t lead_ns; /* how late a sleep ends, on average */
	int poll;
	int control;
};

static int64_t
now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		err(1, "clock_gettime");
	return now.tv_sec * second_ns + now.tv_nsec;
}

/* xorshift64*: loss and jitter are the same for the same seed and frames. */
static uint64_t
random_below(struct relay *r, uint64_t limit)
{
	r->random ^= r->random >> 12;
	r->random ^= r->random << 25;
	r->random ^= r->random >> 27;
	return (r->random * UINT64_C(0x2545F4914F6CDD1D) >> 16) % limit;
}

static bool
due_before(const struct packet *a, const struct packet *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

static void
heap_push(struct relay *r, struct packet *packet)
{
	size_t i = r->heap_count++;

	while (i > 0 && due_before(packet, r->heap[(i - 1) / 2])) {
		r->heap[i] = r->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	r->heap[i] = packet;
}

static struct packet *
heap_pop(struct relay *r)
{
	struct packet *first = r->heap[0];
	struct packet *last = r->heap[--r->heap_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < r->heap_count) {
		if (child + 1 < r->heap_count &&
		    due_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!due_before(r->heap[child], last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return first;
}

static void
spare_make(struct relay *r)
{
	struct packet *all = calloc(PACKET_MAX, sizeof(*all));

	if (all == NULL)
		err(1, "packets");
	while (r->spare_count < PACKET_MAX) {
		r->spare[r->spare_count] =
		    &all[PACKET_MAX - 1 - r->spare_count];
		r->spare_count++;
	}
}

/* Is this ARP, or router or neighbour discovery (RFC 4861)? */
static bool
is_discovery(const uint8_t *frame, size_t len)
{
	if (len < 14)
		return false;
	if (frame[12] == 0x08 && frame[13] == 0x06)
		return true;
	if (frame[12] != 0x86 || frame[13] != 0xdd || len < 55)
		return false;
	return frame[20] == 58 && frame[54] >= 133 && frame[54] <= 137;
}

/* A frame that the device does not take is lost, as on a full queue. */
static void
frame_write(int out, const uint8_t *frame, size_t len)
{
	if (write(out, frame, len) == -1 && errno != EAGAIN && errno != EIO &&
	    errno != ENOBUFS && errno != EINVAL && errno != EBADFD)
		err(1, "write to device");
}

static int64_t
due_time(struct relay *r, struct direction *way, int64_t now)
{
	int64_t due = now + way->delay_ns - r->cost_ns;

	if (way->jitter_ns > 0)
		due += (int64_t)random_below(r, (uint64_t)way->jitter_ns);
	if (due < way->last_due_ns)
		due = way->last_due_ns;
	way->last_due_ns = due;
	return due;
}

/* Returns false when there is nothing more to read. */
static bool
frame_take(struct relay *r, struct direction *way)
{
	struct packet *packet;
	ssize_t len;

	if (r->spare_count == 0) {
		uint8_t lost[FRAME_BYTES];

		return read(way->in, lost, sizeof(lost)) > 0;
	}
	packet = r->spare[r->spare_count - 1];
	if ((len = read(way->in, packet->frame, FRAME_BYTES)) <= 0)
		return false;
	packet->len = (size_t)len;
	if (is_discovery(packet->frame, packet->len)) {
		frame_write(way->out, packet->frame, packet->len);
		return true;
	}
	if (way->loss_ppm > 0 && random_below(r, 1000000) < way->loss_ppm)
		return true;
	packet->out = way->out;
	packet->due_ns = due_time(r, way, now_ns());
	packet->order = r->order++;
	r->spare_count--;
	heap_push(r, packet);
	return true;
}

static void
release_due(struct relay *r)
{
	struct packet *packet;

	while (r->heap_count > 0 && r->heap[0]->due_ns <= now_ns()) {
		packet = heap_pop(r);
		frame_write(packet->out, packet->frame, packet->len);
		r->spare[r->spare_count++] = packet;
	}
}

static int
set_carrier(struct link *link, int up)
{
	for (int i = 0; i < 2; i++) {
		if (ioctl(link->way[i].in, TUNSETCARRIER, &up) == -1)
			return -1;
	}
	return 0;
}

static int
command_run(struct relay *r, const char *text)
{
	char what[16];
	size_t number;
	unsigned int side;
	int64_t value;
	struct direction *way;

	if (sscanf(text, "%zu %u %15s %" SCNd64, &number, &side, what,
		&value) != 4 ||
	    number >= r->link_count || side > 1 || value < 0)
		return -1;
	way = &r->links[number].way[side];
	if (strcmp(what, "carrier") == 0)
		return set_carrier(&r->links[number], value != 0);
	if (strcmp(what, "delay_ns") == 0)
		way->delay_ns = value;
	else if (strcmp(what, "jitter_ns") == 0)
		way->jitter_ns = value;
	else if (strcmp(what, "loss_ppm") == 0 && value <= 1000000)
		way->loss_ppm = (uint32_t)value;
	else
		return -1;
	return 0;
}

/* The lab writes its one short command before it waits, so reading may block
 * only for as long as the time limit set here. */
static void
command_serve(struct relay *r)
{
	static const struct timeval limit = { .tv_usec = 200000 };
	char text[COMMAND_BYTES];
	const char *answer;
	ssize_t len;
	int peer;

	if ((peer = accept4(r->control, NULL, NULL, SOCK_CLOEXEC)) == -1)
		return;
	(void)setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if ((len = read(peer, text, sizeof(text) - 1)) > 0) {
		text[len] = '\0';
		answer = command_run(r, text) == 0 ? "ok\n" : "error\n";
		(void)send(peer, answer, strlen(answer), MSG_NOSIGNAL);
	}
	(void)close(peer);
}

/* A sleeping processor wakes late, by about as much each time (0.1 ms in a
 * virtual machine): sleep for that much less, and spin over what is left. */
static void
lead_learn(struct relay *r, int64_t late_ns)
{
	r->lead_ns += (late_ns - r->lead_ns) / 8;
	if (r->lead_ns > LEAD_MAX_NS)
		r->lead_ns = LEAD_MAX_NS;
}

static int
wait_events(struct relay *r, struct epoll_event *events)
{
	static const struct timespec none = { 0 };
	struct timespec wait;
	int64_t wake_ns, left_ns;
	int count;

	if (r->heap_count == 0)
		return epoll_pwait2(r->poll, events, EVENT_COUNT, NULL, NULL);
	wake_ns = r->heap[0]->due_ns - r->lead_ns * 5 / 4;
	left_ns = wake_ns - now_ns();
	if (left_ns <= 0)
		return epoll_pwait2(r->poll, events, EVENT_COUNT, &none, NULL);
	wait.tv_sec = left_ns / second_ns;
	wait.tv_nsec = left_ns % second_ns;
	count = epoll_pwait2(r->poll, events, EVENT_COUNT, &wait, NULL);
	if (count == 0)
		lead_learn(r, now_ns() - wake_ns);
	return count;
}

static void
relay_turn(struct relay *r)
{
	struct epoll_event events[EVENT_COUNT];
	struct direction *way;
	int count = wait_events(r, events);

	if (count == -1 && errno != EINTR)
		err(1, "epoll_pwait2");
	release_due(r);
	for (int i = 0; i < count; i++) {
		if ((way = events[i].data.ptr) == NULL) {
			command_serve(r);
			continue;
		}
		/* Somebody has removed the device. */
		if ((events[i].events & EPOLLERR) != 0)
			(void)epoll_ctl(r->poll, EPOLL_CTL_DEL, way->in, NULL);
		for (int n = 0; n < READ_BURST && frame_take(r, way); n++)
			continue;
	}
	release_due(r);
}

static int
device_open(const char *netns, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int space, device;

	if ((space = open(netns, O_RDONLY | O_CLOEXEC)) == -1 ||
	    setns(space, CLONE_NEWNET) == -1)
		err(1, "%s", netns);
	(void)close(space);
	/* A device belongs to the namespace where its file was opened. */
	device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device == -1)
		err(1, "/dev/net/tun");
	(void)snprintf(request.ifr_name, IFNAMSIZ, "%.15s", name);
	if (ioctl(device, TUNSETIFF, &request) == -1)
		err(1, "%s in %s", name, netns);
	return device;
}

static void
watch(struct relay *r, int file, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(r->poll, EPOLL_CTL_ADD, file, &event) == -1)
		err(1, "epoll_ctl");
}

static void
link_open(struct relay *r, const char *line)
{
	char netns[2][PATH_BYTES], name[2][IFNAMSIZ];
	struct link *link;

	if (r->link_count == LINK_MAX)
		errx(1, "more than %d links", LINK_MAX);
	link = &r->links[r->link_count++];
	if (sscanf(line, "%255s %15s %255s %15s %" SCNd64 " %" SCNd64, netns[0],
		name[0], netns[1], name[1], &link->way[0].delay_ns,
		&link->way[1].delay_ns) != 6)
		errx(1, "not a link: %s", line);
	for (int i = 0; i < 2; i++) {
		link->way[i].in = device_open(netns[i], name[i]);
		link->way[1 - i].out = link->way[i].in;
		watch(r, link->way[i].in, &link->way[i]);
	}
}

static void
links_open(struct relay *r, const char *path)
{
	char line[4 * PATH_BYTES];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file) != NULL)
		link_open(r, line);
	(void)fclose(file);
}

static void
control_open(struct relay *r, const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(name.sun_path))
		errx(1, "%s: too long for a socket", path);
	(void)memcpy(name.sun_path, path, strlen(path) + 1);
	r->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->control == -1 ||
	    bind(r->control, (struct sockaddr *)&name, sizeof(name)) == -1 ||
	    listen(r->control, 16) == -1)
		err(1, "%s", path);
	watch(r, r->control, NULL);
}

/* Best effort: where it is refused, the links are only less exact. */
static void
be_punctual(void)
{
	static const struct sched_param high = { .sched_priority = 20 };

	(void)prctl(PR_SET_TIMERSLACK, 1);
	if (sched_setscheduler(0, SCHED_FIFO, &high) == -1)
		(void)setpriority(PRIO_PROCESS, 0, -20);
}

int
main(int argc, char **argv)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (argc != 5)
		errx(2, "usage: relay LINKS CONTROL SEED COST_NS");
	if (r == NULL || (r->poll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "start");
	r->random = strtoull(argv[3], NULL, 10) | 1;
	r->cost_ns = strtoll(argv[4], NULL, 10);
	spare_make(r);
	control_open(r, argv[2]);
	links_open(r, argv[1]);
	be_punctual();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)puts("ready");
	(void)fflush(stdout);
	(void)fclose(stdout);
	for (;;)
		relay_turn(r);
}
