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

static const char *const kinds[] = { "vp", "asn", "country" };
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
		return "expected vp, asn or country";
	new.kind = (enum weight_kind)i;
	if (name[0] == '\0' ||
	    (new.kind == WEIGHT_ASN &&text_int(&new.asn, name, 0, UINT32_MAX) ==
		-1))
		return "expected a name, a number of a network or a country";
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

static bool
speaks_of(const struct weight_line *line, const struct catalog *c,
    const struct vantage *vp, const struct place *place)
{
	if (line->kind == WEIGHT_VP)
		return strcmp(line->text, names_text(&c->names, vp->name)) == 0;
	if (place == NULL)
		return false;
	if (line->kind == WEIGHT_ASN)
		return place->asn == line->asn;
	return place->country >= 0 &&
	       strcmp(line->text, names_text(&c->names, place->country)) == 0;
}

/* The line of the first kind that speaks of a vantage point. */
static struct weight_line *
find_line(const struct weights *w, const struct catalog *c,
    const struct vantage *vp, const struct place *place)
{
	struct weight_line *best = NULL;

	for (size_t i = 0; i < w->count; i++) {
		struct weight_line *line = &w->lines[i];

		if ((best == NULL || line->kind < best->kind) &&
		    speaks_of(line, c, vp, place))
			best = line;
	}
	return best;
}

void
weights_spread(struct weights *w, const struct catalog *c, int64_t t_us)
{
	struct weight_line **lines =
	    memory_zeroed(c->vp_count, sizeof(struct weight_line *));
	double all = 0, covered = 0;

	w->of_vp = memory_zeroed(c->vp_count, sizeof(*w->of_vp));
	for (size_t i = 0; i < c->vp_count; i++) {
		lines[i] = find_line(
		    w, c, &c->vps[i], catalog_place(&c->vps[i], t_us));
		if (lines[i] != NULL)
			lines[i]->takers++;
	}
	for (size_t i = 0; i < c->vp_count; i++) {
		if (lines[i] != NULL)
			w->of_vp[i] =
			    lines[i]->weight / (double)lines[i]->takers;
	}
	for (size_t i = 0; i < w->count; i++) {
		all += w->lines[i].weight;
		if (w->lines[i].takers > 0)
			covered += w->lines[i].weight;
	}
	if (covered < all)
		log_warnx("%.2f %% of the weight is of no vantage point",
		    100 * (all - covered) / all);
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
