/*
 * Paths as a graph for Graphviz: vantage points, routers in the boxes of their
 * networks, and what answered at the end, by site. A hop that is silent is a
 * point, the same between the same neighbours. What no lane takes any more is
 * dashed. From the rows of paths, by the names of their columns. A picture is
 * for sharing: hops before the first public one are left out, unless --full.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/names.h"
#include "analysis/report.h"
#include "lib/addr.h"
#include "lib/text.h"

#define KEY_TEXT 1024

/* A node's key: its kind, a blank, and what it is. */
enum kind { KIND_VP = 'v', KIND_HOP = 'h', KIND_SILENT = 's', KIND_END = 'e' };

struct edge {
	int32_t from, to; /* numbers of nodes */
	int64_t traces;
	bool taken; /* by a lane's newest path */
};

/* A path of the lane at hand. */
struct held {
	int64_t last_us;
	size_t first, end; /* of steps */
};

struct dot {
	struct names nodes, networks;
	int32_t *network_of; /* by node: a number of networks, or -1 */
	size_t node_room;
	struct edge *edges;
	size_t edge_count, edge_room;
	struct names edge_keys;
	char *lane; /* at hand */
	struct held *held;
	size_t held_count, held_room;
	int32_t *steps; /* numbers of edges */
	size_t step_count, step_room;
};

static const char *
cell_named(const struct report *report, const struct cell *cells,
    const char *name, int64_t *value)
{
	const size_t i = report_column(report, name);

	if (i == report->count)
		return "";
	if (value != NULL)
		*value = cells[i].value;
	return cells[i].text == NULL ? "" : cells[i].text;
}

/* The number of a node, in a network ("": none). */
static int32_t
put_node(struct dot *dot, enum kind kind, const char *what, const char *asn)
{
	char key[KEY_TEXT];
	int32_t node;

	(void)text_print(key, sizeof(key), "%c %s", (char)kind, what);
	node = names_put(&dot->nodes, key);
	while ((size_t)node >= dot->node_room) {
		size_t before = dot->node_room;

		dot->network_of = memory_grow(
		    dot->network_of, &dot->node_room, sizeof(*dot->network_of));
		for (size_t i = before; i < dot->node_room; i++)
			dot->network_of[i] = -1;
	}
	if (asn[0] != '\0' && strcmp(asn, "*") != 0)
		dot->network_of[node] = names_put(&dot->networks, asn);
	return node;
}

static void
put_edge(struct dot *dot, int32_t from, int32_t to, int64_t traces)
{
	char key[64];
	int32_t edge;

	(void)text_print(key, sizeof(key), "%d %d", (int)from, (int)to);
	edge = names_put(&dot->edge_keys, key);
	while ((size_t)edge >= dot->edge_room)
		dot->edges = memory_grow(
		    dot->edges, &dot->edge_room, sizeof(*dot->edges));
	if ((size_t)edge == dot->edge_count) {
		dot->edge_count++;
		dot->edges[edge] = (struct edge){ .from = from, .to = to };
	}
	dot->edges[edge].traces += traces;
	if (dot->step_count == dot->step_room)
		dot->steps = memory_grow(
		    dot->steps, &dot->step_room, sizeof(*dot->steps));
	dot->steps[dot->step_count++] = edge;
}

/* The next word of a text, which is cut there; NULL at the end. */
static char *
next_word(char **rest)
{
	return strsep(rest, " ");
}

/* A path's way, cut into words. */
struct way {
	char *hops, *asns; /* to be freed */
	const char *hop[256], *asn[256];
	size_t first; /* that is shown */
	size_t count;
	const char *address;
	char site[KEY_TEXT];
	int64_t traces;
};

/* What is before the first hop of the public network is the vantage point's
 * own. */
static bool
is_own(const struct way *way, size_t i)
{
	struct addr addr;

	return strcmp(way->hop[i], way->address) != 0 &&
	       (addr_parse(&addr, way->hop[i]) == -1 ||
		   addr_special(&addr) != NULL);
}

static void
way_cut(struct way *way, const struct report *report, const struct cell *cells)
{
	const char *sites = cell_named(report, cells, "sites", NULL);
	char *hops, *asns, *word;
	size_t len = strcspn(sites, ",");

	*way = (struct way){ 0 };
	way->address = cell_named(report, cells, "address", NULL);
	(void)cell_named(report, cells, "traces", &way->traces);
	hops = way->hops = memory_copy(cell_named(report, cells, "hops", NULL));
	asns = way->asns = memory_copy(cell_named(report, cells, "asns", NULL));
	while (hops[0] != '\0' && way->count < 256 &&
	       (word = next_word(&hops)) != NULL) {
		way->hop[way->count] = word;
		word = asns == NULL ? NULL : next_word(&asns);
		way->asn[way->count++] = word == NULL ? "" : word;
		if (hops == NULL)
			break;
	}
	while (
	    !report->full && way->first < way->count && is_own(way, way->first))
		way->first++;
	/* "LHR 46, HKG 17": the one that answered most. */
	while (len > 0 && sites[len - 1] != ' ')
		len--;
	if (len > 0)
		(void)text_print(way->site, sizeof(way->site), "%.*s",
		    (int)(len - 1), sites);
}

/* What the hop after a silent one is called; "" at the end. */
static const char *
next_known(const struct way *way, size_t i)
{
	while (i < way->count && strcmp(way->hop[i], "*") == 0)
		i++;
	return i < way->count ? way->hop[i] : "";
}

static int32_t
put_hop(struct dot *dot, const struct way *way, size_t i, int32_t before)
{
	char text[KEY_TEXT];

	if (strcmp(way->hop[i], "*") == 0) {
		(void)text_print(text, sizeof(text), "%d %s", (int)before,
		    next_known(way, i));
		return put_node(dot, KIND_SILENT, text, "");
	}
	if (i + 1 < way->count || strcmp(way->hop[i], way->address) != 0)
		return put_node(dot, KIND_HOP, way->hop[i], way->asn[i]);
	(void)text_print(text, sizeof(text), "%s%s%.900s", way->address,
	    way->site[0] == '\0' ? "" : "\n", way->site);
	return put_node(dot, KIND_END, text, way->asn[i]);
}

/* The newest path of the lane is the one that is taken. */
static void
end_lane(struct dot *dot)
{
	const struct held *newest = dot->held;

	for (size_t i = 1; i < dot->held_count; i++) {
		if (dot->held[i].last_us > newest->last_us)
			newest = &dot->held[i];
	}
	for (size_t i = newest == NULL ? 0 : newest->first;
	     dot->held_count > 0 && i < newest->end; i++)
		dot->edges[dot->steps[i]].taken = true;
	dot->held_count = dot->step_count = 0;
	free(dot->lane);
	dot->lane = NULL;
}

static void
begin_lane(
    struct dot *dot, const struct report *report, const struct cell *cells)
{
	char lane[KEY_TEXT];
	int64_t flow = 0;

	(void)cell_named(report, cells, "flow", &flow);
	(void)text_print(lane, sizeof(lane), "%s %s %s %s %lld",
	    cell_named(report, cells, "target", NULL),
	    cell_named(report, cells, "address", NULL),
	    cell_named(report, cells, "vp", NULL),
	    cell_named(report, cells, "proto", NULL), (long long)flow);
	if (dot->lane != NULL && strcmp(dot->lane, lane) == 0)
		return;
	end_lane(dot);
	dot->lane = memory_copy(lane);
}

static int
begin(struct report *report)
{
	report->state = memory_zeroed(1, sizeof(struct dot));
	return 0;
}

static int
row(struct report *report, const struct cell *cells)
{
	struct dot *dot = report->state;
	struct held held = { 0 };
	struct way way;
	int32_t node;

	begin_lane(dot, report, cells);
	way_cut(&way, report, cells);
	(void)cell_named(report, cells, "last", &held.last_us);
	held.first = dot->step_count;
	node =
	    put_node(dot, KIND_VP, cell_named(report, cells, "vp", NULL), "");
	for (size_t i = way.first; i < way.count; i++) {
		int32_t next = put_hop(dot, &way, i, node);

		put_edge(dot, node, next, way.traces);
		node = next;
	}
	held.end = dot->step_count;
	if (dot->held_count == dot->held_room)
		dot->held =
		    memory_grow(dot->held, &dot->held_room, sizeof(*dot->held));
	dot->held[dot->held_count++] = held;
	free(way.hops);
	free(way.asns);
	return 0;
}

/* A label: what is foreign in it is in text form already. */
static int
put_label(FILE *out, const char *text)
{
	struct cell cell;
	char form[4 * KEY_TEXT];
	char *rest = memory_copy(text), *line, *lines = rest;

	(void)fputs("label=\"", out);
	for (const char *gap = ""; (line = strsep(&rest, "\n")) != NULL;
	     gap = "\\n") {
		cell = cell_text(line);
		(void)cell_format(form, sizeof(form), COLUMN_TEXT, &cell);
		(void)fputs(gap, out);
		for (const char *c = form; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				(void)putc('\\', out);
			(void)putc(*c, out);
		}
	}
	free(lines);
	return putc('"', out) == EOF ? -1 : 0;
}

static int
put_node_line(FILE *out, const struct dot *dot, int32_t node)
{
	const char *key = names_text(&dot->nodes, node);

	(void)fprintf(out, "\tn%d [", (int)node);
	if (key[0] == KIND_SILENT)
		return fputs("shape=point]\n", out) == EOF ? -1 : 0;
	(void)put_label(out, key + 2);
	return fprintf(out, "%s]\n",
		   key[0] == KIND_VP    ? ", shape=ellipse"
		   : key[0] == KIND_END ? ", shape=box, peripheries=2"
					: "") < 0
		   ? -1
		   : 0;
}

static int
put_network(FILE *out, const struct dot *dot, int32_t network)
{
	(void)fprintf(out, "subgraph cluster_%d {\n\tlabel=\"AS%s\"\n",
	    (int)network, names_text(&dot->networks, network));
	for (size_t i = 0; i < dot->nodes.count; i++) {
		if (dot->network_of[i] == network)
			(void)put_node_line(out, dot, (int32_t)i);
	}
	return fputs("}\n", out) == EOF ? -1 : 0;
}

static int
put_graph(FILE *out, const struct dot *dot)
{
	(void)fputs("digraph paths {\n"
		    "rankdir=LR\n"
		    "node [shape=box, style=rounded, fontname=\"Helvetica\", "
		    "fontsize=11]\n"
		    "edge [fontname=\"Helvetica\", fontsize=9, "
		    "arrowsize=0.6]\n"
		    "graph [fontname=\"Helvetica\", fontsize=11, "
		    "color=\"#888888\"]\n",
	    out);
	for (size_t i = 0; i < dot->networks.count; i++)
		(void)put_network(out, dot, (int32_t)i);
	for (size_t i = 0; i < dot->nodes.count; i++) {
		if (dot->network_of[i] < 0)
			(void)put_node_line(out, dot, (int32_t)i);
	}
	for (size_t i = 0; i < dot->edge_count; i++) {
		const struct edge *edge = &dot->edges[i];

		(void)fprintf(out, "n%d -> n%d [label=\"%lld\"%s]\n",
		    (int)edge->from, (int)edge->to, (long long)edge->traces,
		    edge->taken ? "" : ", style=dashed, color=\"#777777\"");
	}
	return fputs("}\n", out) == EOF || ferror(out) ? -1 : 0;
}

static int
end(struct report *report)
{
	struct dot *dot = report->state;
	int status;

	if (dot == NULL)
		return 0;
	end_lane(dot);
	status = put_graph(report->stream, dot);
	names_clear(&dot->nodes);
	names_clear(&dot->networks);
	names_clear(&dot->edge_keys);
	free(dot->network_of);
	free(dot->edges);
	free(dot->held);
	free(dot->steps);
	free(dot);
	report->state = NULL;
	return status;
}

const struct report_format report_dot = { "dot", ".dot", begin, row, end };
