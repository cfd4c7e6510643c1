#include "analysis/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "analysis/memory.h"

static const struct hop silent = { .asn = -1 };

static void
append(struct path *path, const struct hop *hop)
{
	if (path->count == path->room)
		path->hops =
		    memory_grow(path->hops, &path->room, sizeof(*path->hops));
	path->hops[path->count++] = *hop;
}

void
path_add(struct path *path, size_t distance, const struct hop *hop)
{
	if (distance == 0 || distance > PATH_HOPS || !addr_is_set(&hop->addr))
		return;
	if (distance <= path->count) {
		if (!addr_is_set(&path->hops[distance - 1].addr))
			path->hops[distance - 1] = *hop;
		return;
	}
	while (path->count + 1 < distance)
		append(path, &silent);
	append(path, hop);
}

void
path_end(struct path *path, size_t distance)
{
	if (distance == 0)
		return;
	path->reached = true;
	if (distance < path->count)
		path->count = distance;
}

void
path_clear(struct path *path)
{
	free(path->hops);
	*path = (struct path){ 0 };
}

static bool
is_silent(const struct path *path, size_t i)
{
	return i >= path->count || !addr_is_set(&path->hops[i].addr);
}

/* Whether the one knows a hop, but for its target, at the other's end or
 * behind it. */
static bool
goes_on(const struct path *path, const struct path *ended)
{
	size_t i = path->count;

	if (!ended->reached || path->count <= ended->count)
		return false;
	if (path->reached)
		i--;
	while (i > 0 && is_silent(path, i - 1))
		i--;
	return i >= ended->count;
}

bool
path_fits(const struct path *a, const struct path *b)
{
	if (goes_on(a, b) || goes_on(b, a))
		return false;
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (!is_silent(a, i) && !is_silent(b, i) &&
		    !addr_equal(&a->hops[i].addr, &b->hops[i].addr))
			return false;
	}
	return true;
}

void
path_join(struct path *path, const struct path *more)
{
	const size_t end = path->reached && path->count < more->count
			       ? path->count
			       : more->count;

	for (size_t i = 0; i < end; i++) {
		if (is_silent(path, i))
			path_add(path, i + 1, &more->hops[i]);
	}
	if (more->reached)
		path_end(path, end);
}

static int64_t
asn_from(const struct path *path, size_t i)
{
	while (i < path->count && path->hops[i].asn < 0)
		i++;
	return i < path->count ? path->hops[i].asn : -1;
}

struct parting
path_part(const struct path *from, const struct path *to)
{
	struct parting parting = { .from_asn = -1, .to_asn = -1 };
	size_t i = 0;

	if (path_fits(from, to))
		return parting;
	while (i < from->count && i < to->count &&
	       (is_silent(from, i) || is_silent(to, i) ||
		   addr_equal(&from->hops[i].addr, &to->hops[i].addr)))
		i++;
	parting.distance = i + 1;
	parting.from = i < from->count ? &from->hops[i] : NULL;
	parting.to = i < to->count ? &to->hops[i] : NULL;
	parting.from_asn = asn_from(from, i);
	parting.to_asn = asn_from(to, i);
	return parting;
}

size_t
path_networks(char *text, size_t size, const struct path *path)
{
	int64_t before = -1;
	bool gap = false;
	size_t len = 0;

	if (size > 0)
		text[0] = '\0';
	for (size_t i = 0; i < path->count; i++) {
		const int64_t asn = path->hops[i].asn;

		if (asn < 0) {
			gap = true;
			continue;
		}
		if (asn != before)
			len += (size_t)snprintf(len < size ? text + len : NULL,
			    len < size ? size - len : 0, "%s%s%" PRId64,
			    before < 0 ? "" : " ",
			    gap && before >= 0 ? "* " : "", asn);
		before = asn;
		gap = false;
	}
	return len;
}
