#include "analysis/weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/lines.h"
#include "lib/log.h"
#include "lib/text.h"

#define LINE_BYTES 1024
#define WEIGHT_MAX 1e15
#define SPACES " \t\r"

static const char *const kinds[] = { "vp", "prefix", "asn", "country" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The next word of a line, which is cut there; "" at the end. */
static char *
next_word(char **rest)
{
	char *word = *rest + strspn(*rest, SPACES);
	size_t len = strcspn(word, SPACES);

	*rest = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

static bool
is_named(struct weight_line *line, const char *name)
{
	if (line->kind == WEIGHT_ASN)
		return text_int(&line->asn, name, 0, UINT32_MAX) == 0;
	if (line->kind == WEIGHT_PREFIX)
		return prefix_parse(&line->prefix, name) == 0;
	return name[0] != '\0';
}

static const char *
read_line(struct weights *w, char *line)
{
	const char *kind = next_word(&line), *name = next_word(&line);
	const char *weight = next_word(&line);
	struct weight_line new = { .asn = -1 };
	size_t i = 0;

	if (kind[0] == '\0')
		return NULL;
	while (i < KINDS && strcmp(kind, kinds[i]) != 0)
		i++;
	if (i == KINDS)
		return "expected vp, prefix, asn or country";
	new.kind = (enum weight_kind)i;
	if (!is_named(&new, name))
		return "expected a name, a prefix, a number of a network or a "
		       "country";
	if (text_double(&new.weight, weight, 0, WEIGHT_MAX) == -1 ||
	    next_word(&line)[0] != '\0')
		return "expected a weight of 0 or more, and nothing after it";
	for (i = 0; i < w->count; i++) {
		if (w->lines[i].kind == new.kind &&
		    strcmp(w->lines[i].text, name) == 0)
			return "said twice";
	}
	if (w->count == w->room)
		w->lines = memory_grow(w->lines, &w->room, sizeof(*w->lines));
	new.text = memory_copy(name);
	w->lines[w->count++] = new;
	return NULL;
}

int
weights_read(struct weights *w, const char *path)
{
	struct lines *lines = lines_open(path, LINE_BYTES);
	const char *wrong = NULL;
	size_t len, number = 0;
	char *line;
	int status = 0;

	if (lines == NULL) {
		log_warn("--weights %s", path);
		return -1;
	}
	while (
	    wrong == NULL && (status = lines_next(lines, &line, &len)) == 1) {
		line[strcspn(line, "#")] = '\0';
		number++;
		wrong = read_line(w, line);
	}
	if (wrong != NULL)
		log_warnx("--weights %s:%zu: %s", path, number, wrong);
	else if (status == -1)
		log_warn("--weights %s", path);
	else if (w->count == 0)
		log_warnx("--weights %s: no weight in it", path);
	lines_close(lines);
	return wrong != NULL || status == -1 || w->count == 0 ? -1 : 0;
}

void
weights_clear(struct weights *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->lines[i].text);
	free(w->lines);
	free(w->of_vp);
	*w = (struct weights){ 0 };
}

bool
weights_given(const struct weights *w)
{
	return w->count > 0;
}

/* A vantage point, and from where it asked in its newest round. */
struct taker {
	const struct vantage *vp;
	const struct place *place;
	struct prefix_list sources; /* each as a whole */
};

static bool
holds_any(const struct prefix *prefix, const struct prefix_list *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		if (prefix_contains(prefix, &sources->items[i].addr))
			return true;
	}
	return false;
}

static bool
speaks_of(const struct weight_line *line, const struct catalog *c,
    const struct taker *taker)
{
	const struct place *place = taker->place;

	if (line->kind == WEIGHT_VP)
		return strcmp(line->text,
			   names_text(&c->names, taker->vp->name)) == 0;
	if (line->kind == WEIGHT_PREFIX)
		return holds_any(&line->prefix, &taker->sources);
	if (place == NULL)
		return false;
	if (line->kind == WEIGHT_ASN)
		return place->asn == line->asn;
	return place->country >= 0 &&
	       strcmp(line->text, names_text(&c->names, place->country)) == 0;
}

static bool
is_better(const struct weight_line *line, const struct weight_line *best)
{
	if (best == NULL || line->kind != best->kind)
		return best == NULL || line->kind < best->kind;
	return line->kind == WEIGHT_PREFIX &&
	       line->prefix.len > best->prefix.len;
}

/* The line of the first kind that speaks of a vantage point; of prefixes the
 * longest. */
static struct weight_line *
find_line(
    const struct weights *w, const struct catalog *c, const struct taker *taker)
{
	struct weight_line *best = NULL;

	for (size_t i = 0; i < w->count; i++) {
		struct weight_line *line = &w->lines[i];

		if (is_better(line, best) && speaks_of(line, c, taker))
			best = line;
	}
	return best;
}

static bool
has_prefixes(const struct weights *w)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->lines[i].kind == WEIGHT_PREFIX)
			return true;
	}
	return false;
}

/* The source addresses of the newest round before a time. */
static void
read_sources(struct taker *taker, struct query_rows *rows, int64_t t_us)
{
	struct prefix source;

	query_bind(rows, 1, taker->vp->id);
	query_bind(rows, 2, t_us);
	while (query_next(rows)) {
		if (prefix_parse(&source, query_text(rows, 0)) == 0 &&
		    prefix_list_add(&taker->sources, &source) == -1)
			log_warnx("out of memory");
	}
	query_reset(rows);
}

static void
say_coverage(const struct weights *w)
{
	double all = 0, covered = 0;

	for (size_t i = 0; i < w->count; i++) {
		all += w->lines[i].weight;
		if (w->lines[i].takers > 0)
			covered += w->lines[i].weight;
	}
	if (covered < all)
		log_warnx("%.2f %% of the weight is of no vantage point",
		    100 * (all - covered) / all);
}

void
weights_spread(
    struct weights *w, const struct catalog *c, struct query *q, int64_t t_us)
{
	struct weight_line **lines =
	    memory_zeroed(c->vp_count, sizeof(struct weight_line *));
	struct query_rows *rows = query_prepare(q,
	    "SELECT DISTINCT json_extract(d.json, '$.flow.src')"
	    " FROM (SELECT first_row, rows FROM batch WHERE vp = ?1"
	    " AND t0 <= ?2 AND too_late = 0 ORDER BY t0 DESC LIMIT 1) b"
	    " CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " JOIN detail d ON d.id = m.detail");
	bool prefixes = has_prefixes(w);

	w->of_vp = memory_zeroed(c->vp_count, sizeof(*w->of_vp));
	for (size_t i = 0; i < c->vp_count; i++) {
		struct taker taker = { .vp = &c->vps[i],
			.place = catalog_place(&c->vps[i], t_us) };

		if (prefixes)
			read_sources(&taker, rows, t_us);
		lines[i] = find_line(w, c, &taker);
		if (lines[i] != NULL)
			lines[i]->takers++;
		prefix_list_clear(&taker.sources);
	}
	for (size_t i = 0; i < c->vp_count; i++) {
		if (lines[i] != NULL)
			w->of_vp[i] =
			    lines[i]->weight / (double)lines[i]->takers;
	}
	say_coverage(w);
	query_finish(rows);
	free(lines);
}

double
weights_of(const struct weights *w, int32_t vp)
{
	return w->of_vp == NULL ? 1.0 : w->of_vp[vp];
}

size_t
weights_columns(const struct weights *w, size_t count)
{
	return weights_given(w) ? count : count - WEIGHT_COLUMNS;
}
