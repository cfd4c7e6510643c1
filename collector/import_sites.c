#include "collector/import_sites.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/lines.h"
#include "lib/text.h"

#define LIST_BYTES (16 << 20) /* published lists are under 1 MB */

/* The addresses of the root servers, by their letter (root.hints). */
static const struct {
	const char *service, *address;
} roots[] = {
	{ "a.root-servers.net", "198.41.0.4" },
	{ "b.root-servers.net", "170.247.170.2" },
	{ "b.root-servers.net", "199.9.14.201" },
	{ "c.root-servers.net", "192.33.4.12" },
	{ "d.root-servers.net", "199.7.91.13" },
	{ "e.root-servers.net", "192.203.230.10" },
	{ "f.root-servers.net", "192.5.5.241" },
	{ "g.root-servers.net", "192.112.36.4" },
	{ "h.root-servers.net", "198.97.190.53" },
	{ "i.root-servers.net", "192.36.148.17" },
	{ "j.root-servers.net", "192.58.128.30" },
	{ "k.root-servers.net", "193.0.14.129" },
	{ "l.root-servers.net", "199.7.83.42" },
	{ "m.root-servers.net", "202.12.27.33" },
};

/* The whole text, uncompressed, with a NUL behind it. */
static char *
read_whole(const char *path, size_t *len)
{
	struct lines *lines = lines_open(path, 1);
	char *text = NULL, *more;
	size_t room = 0;
	long got;

	if (lines == NULL)
		return NULL;
	*len = 0;
	do {
		if (*len + 65536 > room) {
			room = room == 0 ? 262144 : 2 * room;
			if (room > LIST_BYTES ||
			    (more = realloc(text, room)) == NULL)
				goto fail;
			text = more;
		}
		if ((got = lines_read(lines, text + *len, 65535)) < 0)
			goto fail;
		*len += (size_t)got;
	} while (got > 0);
	lines_close(lines);
	text[*len] = '\0';
	return text;
fail:
	errno = room > LIST_BYTES ? EFBIG : errno;
	free(text);
	lines_close(lines);
	return NULL;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static const char *
service_of(const json_t *list)
{
	const char *address = text_of(list, "IPv4");

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strcmp(roots[i].address, address) == 0)
			return roots[i].service;
	return NULL;
}

static int
give_site(
    const json_t *site, struct published *p, published_fn *give, void *context)
{
	const json_t *names = json_object_get(site, "Identifiers");
	const json_t *lat = json_object_get(site, "Latitude");
	const json_t *lon = json_object_get(site, "Longitude");
	const json_t *name;
	size_t i;

	if (!json_is_array(names) || !json_is_number(lat) ||
	    !json_is_number(lon))
		return 0;
	p->town = text_of(site, "Town");
	p->country = text_of(site, "Country");
	p->lat = json_number_value(lat);
	p->lon = json_number_value(lon);
	json_array_foreach(names, i, name)
	{
		if ((p->identity = json_string_value(name)) == NULL ||
		    p->identity[0] == '\0')
			continue;
		if (give(p, context) == -1)
			return -1;
	}
	return 0;
}

static int
give_all(
    const json_t *list, struct published *p, published_fn *give, void *context)
{
	const json_t *sites = json_object_get(list, "Sites"), *site;
	size_t i;

	json_array_foreach(sites, i, site)
	{
		if (give_site(site, p, give, context) == -1)
			return -1;
	}
	return 0;
}

int
import_sites_root_servers(const char *path, const char *service,
    published_fn *give, void *context, char *error, size_t size)
{
	struct published p = { .service = service };
	json_error_t where;
	json_t *list;
	char *text;
	size_t len;
	int status = -1;

	if ((text = read_whole(path, &len)) == NULL) {
		const int saved = errno;

		(void)text_print(error, size, "%s: %s", path, strerror(saved));
		errno = saved;
		return -1;
	}
	list = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	free(text);
	errno = EINVAL;
	if (list == NULL)
		(void)text_print(
		    error, size, "%s:%d: %s", path, where.line, where.text);
	else if (!json_is_array(json_object_get(list, "Sites")))
		(void)text_print(error, size,
		    "%s: no list of root-servers.org (it has no Sites)", path);
	else if (p.service == NULL && (p.service = service_of(list)) == NULL)
		(void)text_print(error, size,
		    "%s: whose list? its address is no root server's; "
		    "--service NAME",
		    path);
	else
		status = give_all(list, &p, give, context);
	json_decref(list);
	return status;
}
