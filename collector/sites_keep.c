/* Lists of sites that the database keeps. */
#include "collector/command.h"
#include "collector/listing.h"
#include "collector/sites.h"
#include "collector/statements_list.h"
#include "collector/store_private.h"
#include "collector/store_site_list.h"
#include "lib/log.h"

static enum store_result
keep(struct store *s, const struct site_list *list, char *error, size_t size)
{
	enum store_result result = store_begin(s);

	if (result != STORE_OK)
		return result;
	return store_end(s, store_site_list(s, list, error, size));
}

int
sites_keep(const struct sites_options *o, const char *lines)
{
	const struct site_list list = {
		.name = o->list,
		.since_us = o->since_us,
		.lines = lines,
	};
	char error[512] = "";
	enum store_result result;
	struct store *s;
	int code;

	if ((s = command_open(o->command, &code)) == NULL)
		return code;
	result = keep(s, &list, error, sizeof(error));
	store_close(s);
	if (result == STORE_REFUSED)
		return command_usage("%s", error);
	return command_result(result, "sites import");
}

int
sites_lists(const struct site_map *map, const struct sites_options *o)
{
	const struct listing list = { .sql = site_lists_query, .csv = true };

	(void)map;
	if (o->word_count > 0)
		return command_usage(
		    "sites lists: %s: takes no word", o->words[0]);
	return listing_print(&list, o->command);
}
