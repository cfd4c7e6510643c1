#include "probe/look.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"
#include "probe/resolve.h"

#define PLACES 32768 /* three times LIMIT_ADDRESSES */

struct collected {
	const struct look_options *options;
	struct look_address *items;
	size_t count;
	uint16_t *places; /* PLACES of them: an index and 1; 0: none */
};

void
look_addresses_free(struct look_address *addresses, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free((void *)(uintptr_t)addresses[i].name);
	free(addresses);
}

/* Where the address and port stand in the table, or would stand. */
static uint16_t *
find(const struct collected *c, const struct addr *addr, uint16_t port)
{
	const struct look_address *at;
	size_t place = port, i;

	for (i = 0; i < sizeof(addr->bytes); i++)
		place = place * 31 + addr->bytes[i];
	for (;; place++) {
		if (c->places[place % PLACES] == 0)
			return &c->places[place % PLACES];
		at = &c->items[c->places[place % PLACES] - 1];
		if (at->port == port && addr_equal(&at->addr, addr))
			return &c->places[place % PLACES];
	}
}

static int
add(struct collected *c, const char *name, const struct addr *addr,
    uint16_t port)
{
	struct look_address *grown;
	uint16_t *place;

	if (c->options->family != 0 && c->options->family != addr->af)
		return EXIT_DONE;
	place = find(c, addr, port);
	if (*place != 0)
		return EXIT_DONE;
	if (c->count >= LIMIT_ADDRESSES) {
		log_warnx("more than %d addresses", LIMIT_ADDRESSES);
		return EXIT_BAD_USAGE;
	}
	grown = reallocarray(c->items, c->count + 1, sizeof(*grown));
	if (grown == NULL)
		return EXIT_STORAGE;
	c->items = grown;
	grown[c->count] = (struct look_address){ strdup(name), *addr, port };
	*place = (uint16_t)(c->count + 1);
	return grown[c->count++].name == NULL ? EXIT_STORAGE : EXIT_DONE;
}

/* Every address of a host name stands for a target of its own. */
static int
add_name(struct collected *c, const char *name, uint16_t port)
{
	struct addr found[RESOLVE_MAX];
	const char *error;
	size_t i, count;
	int code = EXIT_DONE;

	if (resolve(name, found, &count, &error) == -1) {
		log_warnx("%s: %s", name, error);
		return EXIT_UNANSWERED;
	}
	for (i = 0; i < count && code == EXIT_DONE; i++)
		code = add(c, name, &found[i], port);
	return code;
}

/* "host", "address", either with "@port". */
static int
add_word(struct collected *c, const char *word)
{
	char name[LIMIT_DNS_NAME_TEXT];
	struct addr addr;
	int64_t port = 53;
	char *at;

	if (text_copy(name, sizeof(name), word) == -1 || word[0] == '\0') {
		log_warnx("target '%.64s': not a host name or address", word);
		return EXIT_BAD_USAGE;
	}
	if ((at = strrchr(name, '@')) != NULL) {
		*at = '\0';
		if (text_int(&port, at + 1, 1, 65535) == -1) {
			log_warnx("target %s: not a port: '%s'", word, at + 1);
			return EXIT_BAD_USAGE;
		}
	}
	if (addr_parse(&addr, name) == 0)
		return add(c, name, &addr, (uint16_t)port);
	return add_name(c, name, (uint16_t)port);
}

static int
check_manners(const struct collected *c)
{
	char text[ADDR_TEXT];
	const char *refused;
	size_t i;

	for (i = 0; i < c->count; i++) {
		refused =
		    manners_refuse(c->options->manners, &c->items[i].addr);
		if (refused == NULL)
			continue;
		log_warnx("target %s: %s is refused: %s", c->items[i].name,
		    addr_format(text, &c->items[i].addr), refused);
		return EXIT_BAD_USAGE;
	}
	return EXIT_DONE;
}

int
look_resolve(const struct look_options *options,
    struct look_address **addresses, size_t *count)
{
	struct collected c = { .options = options };
	int code = EXIT_DONE, one;
	size_t i;

	if ((c.places = calloc(PLACES, sizeof(*c.places))) == NULL)
		return EXIT_STORAGE;
	for (i = 0; i < options->target_count; i++) {
		one = add_word(&c, options->targets[i]);
		/* A name that does not resolve leaves the others their look. */
		if (one > code)
			code = one;
	}
	if (code <= EXIT_UNANSWERED && check_manners(&c) != EXIT_DONE)
		code = EXIT_BAD_USAGE;
	free(c.places);
	*addresses = c.items;
	*count = c.count;
	return code;
}
