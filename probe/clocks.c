/* When packets left and how long answers took: the kernel's stamps, and what
 * keeps them from being believed. */
#include "probe/prober.h"

#define STEP_NS                                                      \
	100000 /* of wall against mono: more than two readings apart \
		*/

/* Wall - mono, now. Where the process was interrupted between the readings,
 * which would look like a step, once more. */
static int64_t
clock_offset_ns(struct link *link, struct mono *now)
{
	int64_t before, wall, after;
	int tries = 0;

	do {
		before = link->mono(link).ns;
		wall = link->wall(link).ns;
		after = link->mono(link).ns;
	} while (after - before > STEP_NS / 2 && ++tries < 8);
	now->ns = after;
	return wall - (before + (after - before) / 2);
}

/* How long the host has been suspended since it booted. */
static int64_t
slept_ns(struct link *link)
{
	int64_t before, boot, after;
	int tries = 0;

	if (link->boot == NULL)
		return 0;
	do {
		before = link->mono(link).ns;
		boot = link->boot(link).ns;
		after = link->mono(link).ns;
	} while (after - before > STEP_NS / 2 && ++tries < 8);
	return boot - (before + (after - before) / 2);
}

static bool
is_step(int64_t moved_ns)
{
	return moved_ns > STEP_NS || moved_ns < -STEP_NS;
}

/* What happened to the clocks since the start, and to the wall clock since a
 * packet left, which may have been set back again: while the host is suspended
 * the wall clock goes on and the other does not. */
void
prober_note_clocks(struct prober *p, int64_t moved_ns)
{
	int64_t slept = slept_ns(p->link) - p->slept_ns;
	struct mono now;

	if (is_step(
		clock_offset_ns(p->link, &now) - p->clock_offset_ns - slept))
		p->clock_stepped = true;
	if (is_step(slept))
		p->suspended.ns = slept;
	else if (is_step(moved_ns))
		p->clock_stepped = true;
}

enum link_error
prober_transmit(
    struct prober *p, struct probe *probe, const void *bytes, size_t len)
{
	struct link_packet packet = {
		.bytes = bytes,
		.len = len,
		.ttl = probe->ttl,
		.src = &probe->ask->flow->src,
		.cookie = (uint64_t)probe->ask->index << 32 |
			  (uint64_t)probe->ttl << 16 | probe->id,
	};
	enum link_error error;

	probe->sent_kernel.ns = 0;
	probe->clock_offset_ns = clock_offset_ns(p->link, &probe->sent);
	error = p->link->send(p->link, probe->ask->flow->socket, &packet);
	if (error == LINK_OK)
		p->sent++;
	return error;
}

int64_t
prober_rtt_us(struct prober *p, const struct probe *probe,
    const struct arrival *arrival, enum stamp_source *source)
{
	struct mono now;
	int64_t moved = clock_offset_ns(p->link, &now) - probe->clock_offset_ns;
	struct span user = mono_since(arrival->user, probe->sent);
	struct span kernel = wall_since(arrival->kernel, probe->sent_kernel);
	bool stepped = is_step(moved);
	/* A capture has one clock, and is read by another. */
	bool within = p->link->replay != NULL || kernel.ns <= user.ns + STEP_NS;

	if (stepped)
		prober_note_clocks(p, moved);
	*source = STAMP_USER;
	/* Kernel stamps lie within the user's: else a clock was set between,
	 * or the host slept. */
	if (!stepped && probe->sent_kernel.ns != 0 && arrival->kernel.ns != 0 &&
	    kernel.ns >= 0 && within) {
		*source = STAMP_KERNEL;
		return span_to_us(kernel);
	}
	return user.ns < 0 ? 0 : span_to_us(user);
}

void
prober_start_clocks(struct prober *p)
{
	p->start = p->link->mono(p->link);
	p->start_wall = p->link->wall(p->link);
	p->clock_offset_ns = clock_offset_ns(p->link, &(struct mono){ 0 });
	p->slept_ns = slept_ns(p->link);
}
