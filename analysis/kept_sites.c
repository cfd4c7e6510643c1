#include "analysis/kept_sites.h"

#include <errno.h>
#include <stdlib.h>
#include "analysis/memory.h"
#include "lib/limits.h"
#include "lib/text.h"

static const char valid_lists[] =
    "SELECT name, lines FROM site_list AS l WHERE since = (SELECT max(since)"
    " FROM site_list WHERE name = l.name AND since <= ?1) ORDER BY name";

struct lists {
	size_t count; /* LIMIT_SITE_LISTS + 1: more than can be read */
	struct site_map_list all[LIMIT_SITE_LISTS + 1];
	char *names[LIMIT_SITE_LISTS + 1], *texts[LIMIT_SITE_LISTS + 1];
};

static void
read_lists(struct lists *lists, const struct kept_sites *kept)
{
	struct query_rows *rows;
	size_t i;

	lists->count = 0;
	if (!query_has_table(kept->query, "site_list"))
		return;
	rows = query_prepare(kept->query, valid_lists);
	query_bind(rows, 1, kept->at_us);
	while (lists->count <= LIMIT_SITE_LISTS && query_next(rows)) {
		i = lists->count++;
		lists->names[i] = memory_copy(query_text(rows, 0));
		lists->texts[i] = memory_copy(query_text(rows, 1));
		lists->all[i] =
		    (struct site_map_list){ lists->names[i], lists->texts[i] };
	}
	query_finish(rows);
}

static int
read_map(struct site_map **map, const struct site_map_sources *sources,
    char *error, size_t size)
{
	*map = NULL;
	if (sources->list_count > LIMIT_SITE_LISTS) {
		(void)text_print(error, size,
		    "the database keeps more than %d lists of sites",
		    LIMIT_SITE_LISTS);
		errno = EINVAL;
		return -1;
	}
	if (sources->list_count + sources->path_count == 0)
		return 0;
	*map = site_map_read_sources(sources, error, size);
	return *map == NULL ? -1 : 0;
}

int
kept_sites_read(struct site_map **map, const struct kept_sites *kept,
    char *error, size_t size)
{
	struct lists lists;
	struct site_map_sources sources = {
		.lists = lists.all,
		.paths = &kept->path,
		.path_count = kept->path != NULL,
	};
	int saved, status;

	read_lists(&lists, kept);
	sources.list_count = lists.count;
	status = read_map(map, &sources, error, size);
	saved = errno;
	for (size_t i = 0; i < lists.count; i++) {
		free(lists.names[i]);
		free(lists.texts[i]);
	}
	errno = saved;
	return status;
}
