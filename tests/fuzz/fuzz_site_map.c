/*
 * Any bytes as a line of a site map, and as a name that the shipped map
 * places: a rule or a reason; a place on the globe or none, and a hint is
 * less sure than a rule.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/escape.h"
#include "lib/hints.h"
#include "lib/site_map_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_site(const struct site *site)
{
	const bool hint = strncmp(site->rule, "hint:", 5) == 0;

	assert(strlen(site->name) > 0 && strlen(site->name) < SITE_TEXT);
	assert(strlen(site->country) == 0 || strlen(site->country) == 2);
	assert(hint ? site->confidence <= HINT_CONFIDENCE
		    : site->confidence >= 50);
	assert(site->confidence <= 100);
	if (!site->has_position)
		return;
	assert(site->lat >= -90 && site->lat <= 90);
	assert(site->lon >= -180 && site->lon <= 180);
}

static void
check_name(const struct site_map *map, const uint8_t *bytes, size_t len)
{
	static const char *const services[] = { "a.root-servers.net",
		"d.root-servers.net", "i.root-servers.net",
		"k.root-servers.net", "dns.google", "nobody" };
	char text[4 * LIMIT_IDENTITY + 1], server[sizeof(text)];
	struct site site;

	if (len > LIMIT_IDENTITY)
		len = LIMIT_IDENTITY;
	(void)escape_text(text, sizeof(text), bytes, len);
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		const struct site_name name = { services[i], text, 0 };

		if (site_map_find_at(map, &name, &site))
			check_site(&site);
		site_map_server(map, &name, server, sizeof(server));
		assert(strlen(server) <= strlen(text));
	}
}

static void
check_line(const uint8_t *bytes, size_t len)
{
	char line[1024];
	char *words[LINE_WORDS];
	struct rule rule;
	size_t count;
	const char *wrong;

	if (len >= sizeof(line))
		return;
	if (len > 0)
		memcpy(line, bytes, len);
	line[len] = '\0';
	count = line_split(line, words, LINE_WORDS);
	if (count == 0)
		return;
	memset(&rule, 0, sizeof(rule));
	wrong = line_rule(&rule, words, count);
	assert(wrong != NULL || rule.service != NULL);
	rule_clear(&rule);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct site_map *map;
	char error[256];

	if (map == NULL)
		map = site_map_read(SITE_MAP_SHIPPED, error, sizeof(error));
	if (map == NULL)
		abort();
	check_name(map, bytes, len);
	check_line(bytes, len);
	return 0;
}
