#include "collector/item.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "collector/detail.h"

/* A cache line's distance in growing: most batches have some thousands. */
#define FIRST_ITEMS 256
#define FIRST_BYTES (64 << 10)

/* A lane's text: this, then vantage point, target and question, each ended
 * by a NUL. Zeroed first: its padding is hashed too. */
struct lane_head {
	struct addr addr;
	int32_t port, flow, proto;
};

static struct hash_key key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void
draw_key(void)
{
	arc4random_buf(&key, sizeof(key));
}

const struct hash_key *
item_key(void)
{
	(void)pthread_once(&key_once, draw_key);
	return &key;
}

/* Room for len bytes behind those that are there; NULL: out of memory. */
static void *
make_room(struct items *items, size_t len)
{
	size_t size = items->bytes_size == 0 ? FIRST_BYTES : items->bytes_size;
	uint8_t *more;

	while (size - items->len < len)
		size *= 2;
	if (size > UINT32_MAX)
		return NULL;
	if (size != items->bytes_size) {
		if ((more = realloc(items->bytes, size)) == NULL)
			return NULL;
		items->bytes = more;
		items->bytes_size = size;
	}
	return items->bytes + items->len;
}

static void
put(struct items *items, const void *bytes, size_t len)
{
	memcpy(items->bytes + items->len, bytes, len);
	items->len += len;
}

static void
put_text(struct items *items, const char *text)
{
	put(items, text, strlen(text) + 1);
}

/* The bytes since start. */
static struct item_text
text_since(const struct items *items, size_t start)
{
	return (struct item_text){ (uint32_t)start,
		(uint32_t)(items->len - start) };
}

static struct item_name
name_since(const struct items *items, size_t start)
{
	const struct item_text text = text_since(items, start);

	return (struct item_name){ text,
		keyed_hash_128(item_key(), items->bytes + text.at, text.len) };
}

static int
add_lane(struct items *items, struct item *item, const char *vp,
    const struct record *record)
{
	const size_t start = items->len;
	struct lane_head head;

	if (make_room(items, sizeof(head) + strlen(vp) +
				 strlen(record->target) +
				 strlen(record->question) + 3) == NULL)
		return -1;
	memset(&head, 0, sizeof(head));
	head.addr = record->addr;
	head.port = record->port;
	head.flow = record->flow.n;
	head.proto = (int32_t)record->proto;
	put(items, &head, sizeof(head));
	put_text(items, vp);
	put_text(items, record->target);
	put_text(items, record->question);
	item->lane = name_since(items, start);
	return 0;
}

/* Where a path ends may be said there, too. */
static enum identity_method
identity_of(const struct record *record, const struct record_bytes **identity)
{
	const struct record_bytes *nsid = &record->dns.nsid;

	if (record->type != RECORD_TRACE || !nsid->present || nsid->len == 0)
		return record_identity(record, identity);
	*identity = nsid;
	return IDENTITY_NSID;
}

/* "" and no bytes: answered without a name. */
static int
add_instance(
    struct items *items, struct item *item, const struct record *record)
{
	const struct record_bytes *identity = NULL;
	const size_t start = items->len;
	const char *method;

	if (record->outcome != OUTCOME_ANSWERED)
		return 0;
	method = identity_method_name(
	    identity_of(record, &identity), record->question);
	if (make_room(items, strlen(method) + 1 + LIMIT_IDENTITY) == NULL)
		return -1;
	put_text(items, method);
	if (identity != NULL)
		put(items, identity->bytes, identity->len);
	item->instance = name_since(items, start);
	return 0;
}

typedef size_t describe(const struct record *, char *text, size_t size);

/* *text has len 0 where the record has nothing of the kind. */
static int
add_text(struct items *items, const struct record *record,
    describe *description, struct item_text *text)
{
	const size_t start = items->len;
	char *room = make_room(items, DETAIL_TEXT);

	if (room == NULL)
		return -1;
	items->len += description(record, room, DETAIL_TEXT);
	*text = text_since(items, start);
	return 0;
}

static int
add_name(struct items *items, const struct record *record,
    describe *description, struct item_name *name)
{
	const size_t start = items->len;

	if (add_text(items, record, description, &name->text) == -1)
		return -1;
	if (name->text.len > 0)
		*name = name_since(items, start);
	return 0;
}

static int
add_raw(struct items *items, struct item *item, const struct record *record)
{
	const size_t start = items->len;

	if (record->type != RECORD_DNS || record->dns.raw_len == 0)
		return 0;
	if (make_room(items, record->dns.raw_len) == NULL)
		return -1;
	put(items, record->dns.raw, record->dns.raw_len);
	item->raw = text_since(items, start);
	return 0;
}

static void
copy_columns(struct item *item, const struct record *record)
{
	const bool dns = record->type == RECORD_DNS;

	*item = (struct item){
		.t_us = wall_to_us(record->t),
		.rtt_us =
		    record->outcome == OUTCOME_ANSWERED ? record->rtt_us : -1,
		.ttl = record->reply_ttl,
		.rcode = dns ? record->dns.rcode : -1,
		.size = dns ? record->dns.size : -1,
		.outcome = (uint8_t)record->outcome,
		.stamp = (uint8_t)record->stamp,
	};
}

static struct item *
next_item(struct items *items)
{
	if (items->count == items->size) {
		const size_t size =
		    items->size == 0 ? FIRST_ITEMS : items->size * 2;
		struct item *more =
		    reallocarray(items->list, size, sizeof(*more));

		if (more == NULL)
			return NULL;
		items->list = more;
		items->size = size;
	}
	return &items->list[items->count];
}

int
items_add(struct items *items, const char *vp, const struct record *record)
{
	struct item *item = next_item(items);

	if (item == NULL)
		return -1;
	copy_columns(item, record);
	if (add_lane(items, item, vp, record) == -1 ||
	    add_instance(items, item, record) == -1 ||
	    add_name(items, record, detail_of_lane, &item->detail) == -1 ||
	    add_name(items, record, detail_of_reply, &item->reply) == -1 ||
	    add_name(items, record, detail_of_path, &item->path) == -1 ||
	    add_text(items, record, detail_of_hop_times, &item->hop_times) ==
		-1 ||
	    add_raw(items, item, record) == -1)
		return -1;
	items->count++;
	return 0;
}

void
items_reset(struct items *items)
{
	items->count = 0;
	items->len = 0;
}

void
items_clear(struct items *items)
{
	free(items->list);
	free(items->bytes);
	*items = (struct items){ 0 };
}

const void *
items_text(const struct items *items, struct item_text text)
{
	return items->bytes + text.at;
}

size_t
items_memory(const struct items *items)
{
	return items->size * sizeof(*items->list) + items->bytes_size;
}

struct item_lane
item_lane_read(const void *text)
{
	const char *p = (const char *)text + sizeof(struct lane_head);
	struct lane_head head;
	struct item_lane lane;

	memcpy(&head, text, sizeof(head));
	lane.addr = head.addr;
	lane.port = head.port;
	lane.flow = head.flow;
	lane.proto = (enum proto)head.proto;
	lane.target = p + strlen(p) + 1;
	lane.question = lane.target + strlen(lane.target) + 1;
	return lane;
}
