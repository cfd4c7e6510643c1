#include "analysis/soa.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/memory.h"

void
soa_reader_clear(struct soa_reader *reader)
{
	batch_rows_clear(&reader->rows);
	query_finish(reader->reply);
	free(reader->replies);
	free(reader->wanted);
}

static struct soa_reply *
find_slot(struct soa_reply *replies, size_t room, int64_t id)
{
	size_t i =
	    (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) & (room - 1);

	while (replies[i].id != 0 && replies[i].id != id)
		i = (i + 1) & (room - 1);
	return &replies[i];
}

static void
grow(struct soa_reader *reader)
{
	size_t room = reader->reply_room == 0 ? 1024 : reader->reply_room * 2;
	struct soa_reply *replies = memory_zeroed(room, sizeof(*replies));

	for (size_t i = 0; i < reader->reply_room; i++) {
		if (reader->replies[i].id != 0)
			*find_slot(replies, room, reader->replies[i].id) =
			    reader->replies[i];
	}
	free(reader->replies);
	reader->replies = replies;
	reader->reply_room = room;
}

static int64_t
column_or_none(struct query_rows *rows, int column)
{
	int64_t value = query_int(rows, column);

	return query_null(rows, column) || value < 0 || value > UINT32_MAX
		   ? -1
		   : value;
}

static struct soa_reply
read_reply(struct soa_reader *reader, int64_t id)
{
	struct soa_reply *slot;

	if (id <= 0)
		return (struct soa_reply){ 0, -1, -1 };
	if (2 * (reader->reply_count + 1) > reader->reply_room)
		grow(reader);
	slot = find_slot(reader->replies, reader->reply_room, id);
	if (slot->id != 0)
		return *slot;
	*slot = (struct soa_reply){ id, -1, -1 };
	reader->reply_count++;
	query_bind(reader->reply, 1, id);
	if (query_next(reader->reply)) {
		slot->serial = column_or_none(reader->reply, 0);
		slot->connect_us = column_or_none(reader->reply, 1);
	}
	query_reset(reader->reply);
	return *slot;
}

static int64_t
value_or_none(int64_t value)
{
	return value < 0 || value > UINT32_MAX ? -1 : value;
}

/* Named by no method of ours, it has no name. */
static int32_t
instance_of(const struct catalog *c, int64_t id)
{
	int32_t instance = catalog_instance(c, id);

	return instance >= 0 && c->instances[instance].method < 0 ? -1
								  : instance;
}

/* What an answer says; FIELD.md F9: any RCODE but NOERROR is as good as no
 * answer. */
static void
set_answer(struct soa_reader *reader, struct soa *soa, const int64_t *row)
{
	const struct catalog *c = &reader->run->catalog;
	const struct soa_reply reply = read_reply(reader, row[6]);

	soa->served = row[5] == QUERY_NULL || row[5] == 0;
	soa->serial = reply.serial;
	soa->total_us = value_or_none(row[3]);
	if (soa->total_us >= 0 && reply.connect_us > 0)
		soa->total_us += reply.connect_us;
	soa->instance = instance_of(c, row[4]);
}

/* Of a lane of ours: whether it was somebody else who answered. */
static bool
is_intercepted(
    const struct catalog *c, int32_t lane, int64_t t_us, const int64_t *row)
{
	struct sample sample = {
		.t_us = t_us,
		.lane = lane,
		.instance = -1,
		.rtt_us = SAMPLE_NO_RTT,
		.rcode = row[5] == QUERY_NULL ? -1 : (int16_t)(row[5] & 0xfff),
		.outcome = (uint8_t)row[2],
	};

	if (!sample_answered(&sample))
		return false;
	sample.instance = instance_of(c, row[4]);
	judge_sample(c, &sample);
	return sample.verdict == VERDICT_INTERCEPTED;
}

/* A row: lane, time in its batch, outcome, round trip, instance, rcode, reply.
 */
static void
take_row(void *context, const int64_t *row)
{
	struct soa_reader *reader = context;
	const struct options *o = reader->run->options;
	const struct catalog *c = &reader->run->catalog;
	struct soas *soas = reader->soas;
	const int32_t lane = catalog_lane(c, row[0]);
	const int64_t t_us = reader->rows.t0_us + row[1];
	struct soa *soa;

	if (t_us < o->since_us || t_us >= o->until_us ||
	    is_intercepted(c, lane, t_us, row))
		return;
	if (soas->count == soas->room)
		soas->items =
		    memory_grow(soas->items, &soas->room, sizeof(*soas->items));
	soa = &soas->items[soas->count++];
	*soa = (struct soa){
		.t_us = t_us,
		.round_us = reader->rows.t0_us,
		.lane = lane,
		.instance = -1,
		.total_us = -1,
		.serial = -1,
		.sent = row[2] != OUTCOME_UNSENT,
	};
	if (row[2] == OUTCOME_ANSWERED)
		set_answer(reader, soa, row);
}

/* In a foreign database the lane can be another vantage point's. */
static bool
is_wanted(void *context, int64_t lane_id)
{
	const struct soa_reader *reader = context;
	const int32_t lane = catalog_lane(&reader->run->catalog, lane_id);

	return lane >= 0 && reader->wanted[lane];
}

static void
set_wanted(struct soa_reader *reader, int32_t vp, bool wanted)
{
	const struct catalog *c = &reader->run->catalog;
	const struct vantage *v = &c->vps[vp];

	for (size_t i = 0; i < v->lane_count; i++)
		reader->wanted[v->lanes[i]] =
		    wanted &&
		    c->lanes[v->lanes[i]].question == reader->question;
}

void
soa_reader_init(struct soa_reader *reader, struct run *run)
{
	*reader = (struct soa_reader){ .run = run };
	reader->wanted =
	    memory_zeroed(run->catalog.lane_count, sizeof(*reader->wanted));
	reader->question = names_find(&run->catalog.names, "soa");
	batch_rows_init(&reader->rows, run->query,
	    "m.lane, m.dt_us, m.outcome, m.rtt_us, m.instance, m.rcode,"
	    " m.reply");
	reader->reply = query_prepare(run->query,
	    "SELECT json_extract(json, '$.serial'),"
	    " json_extract(json, '$.connect_us') FROM detail WHERE id = ?1");
}

void
soa_read(struct soa_reader *reader, struct soas *soas, int32_t vp)
{
	const struct options *o = reader->run->options;

	soas->count = 0;
	if (reader->question < 0)
		return;
	set_wanted(reader, vp, true);
	reader->soas = soas;
	batch_rows_read(&reader->rows,
	    &(struct batch_window){
		.vp = reader->run->catalog.vps[vp].id,
		.since_us = o->since_us,
		.until_us = o->until_us,
	    },
	    &(struct query_function){ take_row, is_wanted, reader });
	set_wanted(reader, vp, false);
}

bool
soa_serial_after(int64_t a, int64_t b)
{
	return a != b && (uint32_t)((uint32_t)a - (uint32_t)b) < 0x80000000u;
}
