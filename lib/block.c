#include "lib/block.h"

#include <stdlib.h>
#include <string.h>
#include "lib/varint.h"

/* What a run takes at most, and the head of a lane. */
#define RUN_BYTES ((4 + BLOCK_RTTS) * VARINT_BYTES + HISTOGRAM_BYTES)
#define LANE_BYTES (4 * VARINT_BYTES)

void
block_run_add(struct block_run *run, uint64_t count, uint32_t rtt_us)
{
	if (count < BLOCK_RTTS) {
		run->rtts[count] = rtt_us;
		run->kept = count + 1;
		return;
	}
	/* Too many: those in the middle go. */
	if (count == BLOCK_RTTS)
		memmove(run->rtts + BLOCK_EDGE,
		    run->rtts + BLOCK_RTTS - BLOCK_EDGE,
		    BLOCK_EDGE * sizeof(run->rtts[0]));
	memmove(run->rtts + BLOCK_EDGE, run->rtts + BLOCK_EDGE + 1,
	    (BLOCK_EDGE - 1) * sizeof(run->rtts[0]));
	run->kept = 2 * BLOCK_EDGE;
	run->rtts[2 * BLOCK_EDGE - 1] = rtt_us;
}

/* --- writing --- */

static int
reserve(uint8_t **bytes, size_t *size, size_t wanted)
{
	size_t more = *size == 0 ? 4096 : *size;
	uint8_t *grown;

	if (wanted <= *size)
		return 0;
	while (more < wanted)
		more *= 2;
	if ((grown = realloc(*bytes, more)) == NULL)
		return -1;
	*bytes = grown;
	*size = more;
	return 0;
}

static uint64_t
zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

int
block_put_run(struct block_writer *w, const struct block_run *run)
{
	uint8_t *out;
	size_t len = 0;

	if (reserve(&w->runs, &w->runs_size, w->runs_len + RUN_BYTES) == -1)
		return -1;
	out = w->runs + w->runs_len;
	len += varint_put(out + len, (uint64_t)run->instance);
	len += varint_put(out + len, (uint64_t)run->answered);
	len += varint_put(out + len, run->kept * 2 + (run->hist != NULL));
	for (size_t i = 0; i < run->kept; i++)
		len += varint_put(out + len,
		    i == 0 ? run->rtts[0]
			   : zigzag((int64_t)run->rtts[i] - run->rtts[i - 1]));
	if (run->hist != NULL) {
		len += varint_put(out + len, run->hist_len);
		memcpy(out + len, run->hist, run->hist_len);
		len += run->hist_len;
	}
	w->runs_len += len;
	return 0;
}

int
block_put_lane(struct block_writer *w, const struct block_lane *lane)
{
	uint8_t counts[2 * VARINT_BYTES], *out;
	size_t counts_len, len = 0;

	if (reserve(&w->bytes, &w->size, w->len + LANE_BYTES + w->runs_len) ==
	    -1)
		return -1;
	counts_len = varint_put(counts, (uint64_t)lane->asked);
	counts_len += varint_put(counts + counts_len, (uint64_t)lane->unsent);
	out = w->bytes + w->len;
	len += varint_put(out + len, (uint64_t)(lane->lane - w->lane));
	len += varint_put(out + len, counts_len + w->runs_len);
	memcpy(out + len, counts, counts_len);
	len += counts_len;
	if (w->runs_len > 0)
		memcpy(out + len, w->runs, w->runs_len);
	w->len += len + w->runs_len;
	w->runs_len = 0;
	w->lane = lane->lane;
	return 0;
}

void
block_writer_clear(struct block_writer *w)
{
	free(w->bytes);
	free(w->runs);
	*w = (struct block_writer){ 0 };
}

/* --- reading --- */

/* The id of the next lane and where it ends. */
static int
next_head(struct block_reader *r)
{
	uint64_t step, len;

	if (r->lane_end != NULL)
		r->at = r->lane_end;
	r->lane_end = r->at;
	if (r->at == r->end)
		return 0;
	if (varint_get(&r->at, r->end, &step) == -1 ||
	    varint_get(&r->at, r->end, &len) == -1 || step == 0 ||
	    step > (uint64_t)(INT64_MAX - r->lane.lane) ||
	    len > (uint64_t)(r->end - r->at))
		return -1;
	r->lane_end = r->at + len;
	r->lane.lane += (int64_t)step;
	return 1;
}

static int
read_counts(struct block_reader *r)
{
	uint64_t asked, unsent;

	if (varint_get(&r->at, r->lane_end, &asked) == -1 ||
	    varint_get(&r->at, r->lane_end, &unsent) == -1)
		return -1;
	r->lane.asked = (int64_t)asked;
	r->lane.unsent = (int64_t)unsent;
	return 1;
}

int
block_next_lane(struct block_reader *r)
{
	int status = next_head(r);

	return status == 1 ? read_counts(r) : status;
}

int
block_seek_lane(struct block_reader *r, int64_t lane)
{
	int status;

	do {
		status = next_head(r);
	} while (status == 1 && r->lane.lane < lane);
	return status == 1 ? read_counts(r) : status;
}

/* The end of so many round trips, which are read; NULL: they are none. */
static const uint8_t *
read_rtts(const uint8_t *at, const uint8_t *end, size_t count, uint32_t *rtts)
{
	uint64_t value;
	int64_t rtt = 0;

	for (size_t i = 0; i < count; i++) {
		if (varint_get(&at, end, &value) == -1 ||
		    value > (uint64_t)UINT32_MAX << 1)
			return NULL;
		if (i == 0)
			rtt = (int64_t)value;
		else
			rtt += (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
		if (rtt < 0 || rtt >= UINT32_MAX)
			return NULL;
		rtts[i] = (uint32_t)rtt;
	}
	return at;
}

/* Behind so many numbers, each of which ends with a byte whose top bit is not
 * set; NULL: there are fewer. */
static const uint8_t *
skip_numbers(const uint8_t *at, const uint8_t *end, size_t count)
{
	const uint64_t top = 0x8080808080808080u, ones = 0x0101010101010101u;
	uint64_t word;

	while (count >= sizeof(word) && (size_t)(end - at) >= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		count -= (((~word & top) >> 7) * ones) >> 56;
		at += sizeof(word);
	}
	for (; count > 0 && at < end; at++)
		count -= *at < 0x80;
	return count > 0 ? NULL : at;
}

/* What is before its round trips, and twice their number plus whether a
 * histogram follows. */
static int
read_head(struct block_reader *r, struct block_pass *pass, uint64_t *kept)
{
	uint64_t instance, answered;

	if (r->lane_end == NULL || r->at == r->lane_end)
		return 0;
	if (varint_get(&r->at, r->lane_end, &instance) == -1 ||
	    varint_get(&r->at, r->lane_end, &answered) == -1 ||
	    varint_get(&r->at, r->lane_end, kept) == -1 ||
	    *kept / 2 > BLOCK_RTTS)
		return -1;
	*pass = (struct block_pass){
		.instance = (int64_t)instance,
		.answered = (int64_t)answered,
		.kept = (size_t)*kept / 2,
		.at = r->at,
	};
	return 1;
}

static int
read_hist(struct block_reader *r, struct block_pass *pass)
{
	uint64_t len;

	if (varint_get(&r->at, r->lane_end, &len) == -1 ||
	    len > (uint64_t)(r->lane_end - r->at))
		return -1;
	pass->hist = r->at;
	pass->hist_len = (size_t)len;
	r->at += len;
	return 1;
}

/* Where the round trips end that were read or skipped. */
static int
pass_rtts(struct block_reader *r, struct block_pass *pass, uint64_t kept,
    const uint8_t *end)
{
	if (end == NULL)
		return -1;
	pass->end = r->at = end;
	return kept % 2 == 0 ? 1 : read_hist(r, pass);
}

int
block_pass_run(struct block_reader *r, struct block_pass *pass)
{
	uint64_t kept;
	int status = read_head(r, pass, &kept);

	return status != 1 ? status
			   : pass_rtts(r, pass, kept,
				 skip_numbers(r->at, r->lane_end, pass->kept));
}

int
block_pass_rtts(const struct block_pass *pass, uint32_t rtts[BLOCK_RTTS])
{
	return read_rtts(pass->at, pass->end, pass->kept, rtts) == NULL ? -1
									: 0;
}

int
block_next_run(struct block_reader *r, struct block_run *run)
{
	struct block_pass pass;
	uint64_t kept;
	int status = read_head(r, &pass, &kept);

	if (status != 1)
		return status;
	status = pass_rtts(r, &pass, kept,
	    read_rtts(r->at, r->lane_end, pass.kept, run->rtts));
	run->instance = pass.instance;
	run->answered = pass.answered;
	run->kept = pass.kept;
	run->hist = pass.hist;
	run->hist_len = pass.hist_len;
	return status;
}
