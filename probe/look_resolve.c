#include "probe/look.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"
#include "probe/resolve.h"

#define PLACES 32768 /* three times LIMIT_ADDRESSES */

#define WAIT_S 10 /* for all names together: a look is at most 30 s */

struct word {
	char *name;       /* without the port */
	struct addr addr; /* not set: it is a name */
	uint16_t port;
	struct resolution *resolution;
};

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
add_word(struct collected *c, const struct word *word)
{
	const struct resolution *found = word->resolution;
	int code = EXIT_DONE;
	size_t i;

	if (addr_is_set(&word->addr))
		return add(c, word->name, &word->addr, word->port);
	if (found->error != NULL) {
		log_warnx("%s: %s", word->name, found->error);
		return EXIT_UNANSWERED;
	}
	for (i = 0; i < found->count && code == EXIT_DONE; i++)
		code = add(c, word->name, &found->addr[i], word->port);
	return code;
}

/* "host", "address", either with "@port". */
static int
read_word(struct word *word, const char *text)
{
	int64_t port = 53;
	char *at;

	if (text[0] == '\0' || strlen(text) >= LIMIT_DNS_NAME_TEXT) {
		log_warnx("target '%.64s': not a host name or address", text);
		return EXIT_BAD_USAGE;
	}
	if (strchr(text, '/') != NULL) {
		log_warnx("target %s: not a host name or address; a prefix is "
			  "never expanded",
		    text);
		return EXIT_BAD_USAGE;
	}
	if ((word->name = strdup(text)) == NULL)
		return EXIT_STORAGE;
	if ((at = strrchr(word->name, '@')) != NULL) {
		*at = '\0';
		if (text_int(&port, at + 1, 1, 65535) == -1) {
			log_warnx("target %s: not a port: '%s'", text, at + 1);
			return EXIT_BAD_USAGE;
		}
	}
	word->port = (uint16_t)port;
	if (addr_parse(&word->addr, word->name) == -1)
		word->addr = (struct addr){ 0 };
	return EXIT_DONE;
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

/* All names at once. */
static int
resolve_words(struct word *words, struct resolution *names, size_t count)
{
	size_t i, name_count = 0;

	for (i = 0; i < count; i++) {
		if (addr_is_set(&words[i].addr))
			continue;
		words[i].resolution = &names[name_count];
		names[name_count++].name = words[i].name;
	}
	if (resolve(names, name_count, span_s(WAIT_S)) == 0)
		return EXIT_DONE;
	log_warn("resolver");
	return EXIT_STORAGE;
}

static int
add_words(struct collected *c, struct word *words, struct resolution *names)
{
	size_t count = c->options->target_count, i;
	int code = EXIT_DONE, one;

	for (i = 0; i < count && code == EXIT_DONE; i++)
		code = read_word(&words[i], c->options->targets[i]);
	if (code == EXIT_DONE)
		code = resolve_words(words, names, count);
	for (i = 0; i < count && code <= EXIT_UNANSWERED; i++) {
		one = add_word(c, &words[i]);
		/* A name that does not resolve leaves the others their look. */
		if (one > code)
			code = one;
	}
	return code;
}

static void
free_words(struct word *words, struct resolution *names, size_t count)
{
	size_t i;

	if (names != NULL)
		resolve_clear(names, count);
	for (i = 0; words != NULL && i < count; i++)
		free(words[i].name);
	free(names);
	free(words);
}

int
look_resolve(const struct look_options *options,
    struct look_address **addresses, size_t *count)
{
	struct collected c = { .options = options };
	size_t words_count = options->target_count;
	struct word *words = calloc(words_count + 1, sizeof(*words));
	struct resolution *names = calloc(words_count + 1, sizeof(*names));
	int code = EXIT_STORAGE;

	c.places = calloc(PLACES, sizeof(*c.places));
	if (words != NULL && names != NULL && c.places != NULL)
		code = add_words(&c, words, names);
	free_words(words, names, words_count);
	if (code <= EXIT_UNANSWERED && check_manners(&c) != EXIT_DONE)
		code = EXIT_BAD_USAGE;
	free(c.places);
	*addresses = c.items;
	*count = c.count;
	return code;
}
