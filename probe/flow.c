#include "probe/flow.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/writer.h"

#define FLOW_BUCKETS 16384 /* of a table that may hold 10,000 addresses */
#define FLOW_TRIES 16      /* ports tried before a flow is given up */
#define LABEL_MAX 0x7ffff  /* above, Linux keeps labels to itself */
#define AT_ONCE 32         /* made together: a round has thousands of both */

/* Before AT_ONCE of something. */
struct block {
	struct block *before;
	size_t used;
};

struct flow_table {
	struct hash_key key;
	struct addr source4, source6;
	struct flow *bucket[FLOW_BUCKETS];
	struct block *flows;
	struct block *peers; /* found through flows */
};

struct flow_table *
flow_table_new(const struct hash_key *key, const struct addr *source4,
    const struct addr *source6)
{
	struct flow_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->key = *key;
	if (source4 != NULL)
		table->source4 = *source4;
	if (source6 != NULL)
		table->source6 = *source6;
	return table;
}

static void
cookies_free(struct block *block)
{
	for (; block != NULL; block = block->before) {
		struct flow *flow = (struct flow *)(block + 1);

		for (size_t i = 0; i < block->used; i++)
			free(flow[i].server_cookie);
	}
}

static void
blocks_free(struct block *block)
{
	while (block != NULL) {
		struct block *before = block->before;

		free(block);
		block = before;
	}
}

void
flow_table_free(struct flow_table *table)
{
	if (table == NULL)
		return;
	cookies_free(table->flows);
	blocks_free(table->flows);
	blocks_free(table->peers);
	free(table);
}

/* An empty one of this size; NULL: no memory. */
static void *
blank(struct block **blocks, size_t size)
{
	struct block *block = *blocks;

	if (block == NULL || block->used == AT_ONCE) {
		if ((block = calloc(1, sizeof(*block) + AT_ONCE * size)) ==
		    NULL)
			return NULL;
		block->before = *blocks;
		*blocks = block;
	}
	return (char *)(block + 1) + block->used++ * size;
}

/* All flows of an address share a bucket, whatever their ports: an ICMP error
 * names the address first. */
static size_t
bucket_of(const struct flow_table *table, const struct addr *addr)
{
	return keyed_hash(&table->key, addr->bytes, sizeof(addr->bytes)) %
	       FLOW_BUCKETS;
}

static struct peer *
peer_get(struct flow_table *table, const struct addr *addr)
{
	struct flow *flow = table->bucket[bucket_of(table, addr)];
	struct peer *peer;

	for (; flow != NULL; flow = flow->next) {
		if (addr_equal(&flow->peer->addr, addr))
			return flow->peer;
	}
	if ((peer = blank(&table->peers, sizeof(*peer))) == NULL)
		return NULL;
	peer->addr = *addr;
	peer->tokens = LIMIT_BUCKET;
	return peer;
}

static struct flow *
flow_new(struct flow_table *table, const struct addr *addr)
{
	struct peer *peer = peer_get(table, addr);
	struct flow *flow =
	    peer == NULL ? NULL : blank(&table->flows, sizeof(*flow));
	size_t at;

	if (flow == NULL)
		return NULL;
	flow->peer = peer;
	at = bucket_of(table, addr);
	flow->next = table->bucket[at];
	table->bucket[at] = flow;
	flow->socket = -1;
	flow->label = -1;
	TAILQ_INIT(&flow->probes);
	return flow;
}

/* The keyed choice. Other uses of the same key begin with another label. */
static void
flow_name(const struct flow_table *table, struct flow *flow)
{
	const struct addr *addr = &flow->peer->addr;
	uint8_t bytes[64];
	struct writer w = writer_over(bytes, sizeof(bytes));
	uint64_t hash;

	writer_bytes(&w, "flow", 4);
	writer_u8(&w, (uint8_t)flow->proto);
	writer_u8(&w, addr->af);
	writer_bytes(&w, addr->bytes, addr_len(addr));
	writer_u16(&w, flow->dport);
	writer_u16(&w, (uint16_t)flow->n);
	hash = keyed_hash(&table->key, bytes, w.len);

	flow->port = (uint16_t)(FLOW_PORT_FIRST +
				(hash & 0xffffff) %
				    (FLOW_PORT_LAST - FLOW_PORT_FIRST + 1));
	/* 0 and 0xffff are one number to the checksum's arithmetic. */
	flow->cksum = (uint16_t)(1 + ((hash >> 24) & 0xffff) % 0xfffe);
	flow->label = addr->af == 6
			  ? (int32_t)(1 + ((hash >> 40) & 0xffffff) % LABEL_MAX)
			  : -1;
}

static uint16_t
port_after(uint16_t port)
{
	return port == FLOW_PORT_LAST ? FLOW_PORT_FIRST : (uint16_t)(port + 1);
}

/* Two flows to one place cannot have one port. The order in which they are
 * made decides, not that of their packets, which is random. */
static bool
has_port_of_another(const struct flow_table *table, const struct flow *flow)
{
	const struct flow *other =
	    table->bucket[bucket_of(table, &flow->peer->addr)];

	for (; other != NULL; other = other->next) {
		if (other != flow && other->peer == flow->peer &&
		    other->proto == flow->proto &&
		    other->dport == flow->dport && other->port == flow->port)
			return true;
	}
	return false;
}

struct flow *
flow_get(struct flow_table *table, const struct addr *addr, uint16_t dport,
    enum proto proto, int n)
{
	struct flow *flow = table->bucket[bucket_of(table, addr)];

	for (; flow != NULL; flow = flow->next) {
		if (flow->n == n && flow->proto == proto &&
		    flow->dport == dport && addr_equal(&flow->peer->addr, addr))
			return flow;
	}
	if ((flow = flow_new(table, addr)) == NULL)
		return NULL;
	flow->dport = dport;
	flow->proto = (uint8_t)proto;
	flow->n = (uint8_t)n;
	flow_name(table, flow);
	while (has_port_of_another(table, flow))
		flow->port = port_after(flow->port);
	return flow;
}

/* RFC 9018 section 3: it depends on both addresses and a secret, so that it
 * tells nobody that two addresses are one client. */
static void
name_cookie(const struct flow_table *table, struct flow *flow)
{
	const struct addr *from = &flow->src, *to = &flow->peer->addr;
	struct writer w = writer_over(flow->cookie, sizeof(flow->cookie));
	uint8_t bytes[64], before[sizeof(flow->cookie)];
	struct writer seed = writer_over(bytes, sizeof(bytes));
	uint64_t hash;

	memcpy(before, flow->cookie, sizeof(before));
	writer_bytes(&seed, "cookie", 6);
	writer_bytes(&seed, from->bytes, addr_len(from));
	writer_bytes(&seed, to->bytes, addr_len(to));
	hash = keyed_hash(&table->key, bytes, seed.len);
	writer_u32(&w, (uint32_t)(hash >> 32));
	writer_u32(&w, (uint32_t)hash);
	/* The server's is of ours: RFC 7873 section 5.3. */
	if (flow->server_cookie != NULL &&
	    memcmp(before, flow->cookie, sizeof(before)) != 0)
		flow->server_cookie->len = 0;
}

static enum link_kind
kind_of(enum proto proto)
{
	return proto == PROTO_ICMP  ? LINK_ICMP
	       : proto == PROTO_TCP ? LINK_TCP
				    : LINK_UDP;
}

static enum proto
proto_of(enum link_kind kind)
{
	return kind == LINK_ICMP  ? PROTO_ICMP
	       : kind == LINK_TCP ? PROTO_TCP
				  : PROTO_UDP;
}

int
flow_recognise(const struct flow_table *table, const struct link_tuple *tuple)
{
	struct peer peer = { .addr = tuple->dst };
	struct flow flow = { .peer = &peer,
		.dport = tuple->dport,
		.proto = (uint8_t)proto_of(tuple->kind) };

	for (flow.n = 0; flow.n < LIMIT_FLOWS; flow.n++) {
		flow_name(table, &flow);
		if (flow.port == tuple->port)
			return flow.n;
	}
	return -1;
}

struct flow *
flow_adopt(struct flow_table *table, const struct link_tuple *tuple, int n,
    uint16_t cksum)
{
	struct flow *flow = flow_get(
	    table, &tuple->dst, tuple->dport, proto_of(tuple->kind), n);

	if (flow == NULL)
		return NULL;
	flow->port = tuple->port;
	flow->label = tuple->label;
	if (tuple->kind == LINK_ICMP)
		flow->cksum = cksum;
	return flow;
}

struct link_tuple
flow_tuple(const struct flow *flow)
{
	return (struct link_tuple){
		.kind = kind_of((enum proto)flow->proto),
		.dst = flow->peer->addr,
		.dport = flow->dport,
		.port = flow->port,
		.label = flow->label,
	};
}

static enum link_error
flow_try(struct flow_table *table, struct flow *flow, struct link *link)
{
	struct link_tuple tuple = flow_tuple(flow);
	enum link_error error;

	tuple.src = flow->peer->addr.af == 4 ? table->source4 : table->source6;
	error = link->open(link, &tuple, flow, &flow->socket);
	if (error != LINK_OK) {
		flow->socket = -1;
		return error;
	}
	flow->src = tuple.src;
	flow->label = tuple.label;
	name_cookie(table, flow);
	return LINK_OK;
}

enum link_error
flow_open(struct flow_table *table, struct flow *flow, struct link *link)
{
	enum link_error error = LINK_TAKEN;
	int i;

	if (flow->socket != -1)
		return LINK_OK;
	for (i = 0; i < FLOW_TRIES && error == LINK_TAKEN; i++) {
		error = flow_try(table, flow, link);
		if (error == LINK_TAKEN) {
			flow->moved = true;
			flow->port = port_after(flow->port);
		}
	}
	return error;
}

void
flow_close(struct flow *flow, struct link *link)
{
	if (flow->socket != -1)
		link->close(link, flow->socket);
	flow->socket = -1;
}

struct flow *
flow_find(const struct flow_table *table, const struct addr *dst,
    enum proto proto, uint16_t port, int32_t dport)
{
	struct flow *flow = table->bucket[bucket_of(table, dst)];

	for (; flow != NULL; flow = flow->next) {
		if (flow->socket != -1 && flow->proto == proto &&
		    flow->port == port &&
		    (dport == -1 || flow->dport == dport) &&
		    addr_equal(&flow->peer->addr, dst))
			return flow;
	}
	return NULL;
}

void
flow_describe(const struct flow *flow, struct record_flow *out)
{
	out->n = flow->n;
	out->src = flow->src;
	out->label = flow->label;
	out->moved = flow->moved;
	out->sport = out->dport = out->icmp_id = out->cksum = -1;
	if (flow->proto == PROTO_ICMP) {
		out->icmp_id = flow->port;
		out->cksum = flow->cksum;
	} else {
		out->sport = flow->port;
		out->dport = flow->dport;
	}
}
