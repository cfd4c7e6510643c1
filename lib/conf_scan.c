#include "lib/conf_scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/text.h"

/* What ends an unquoted word, or has no place outside quotes. */
#define NOT_IN_WORDS " \t\r\n#\"'={}()+,*$\\"

enum token {
	TOKEN_END,
	TOKEN_WORD, /* unquoted or quoted */
	TOKEN_EQUALS,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_BAD, /* the error is written */
};

struct scan {
	const char *at;
	int line;
	char *error;
	size_t error_size;
	/* The last word, and where it began. */
	const char *word;
	size_t word_len;
	int word_line;
	int section;
	struct conf_places *places;
};

static enum token
refuse(struct scan *scan, int line, const char *reason)
{
	(void)text_print(scan->error, scan->error_size, "%d: %s", line, reason);
	return TOKEN_BAD;
}

static bool
starts(const struct scan *scan, const char *text)
{
	return strncmp(scan->at, text, strlen(text)) == 0;
}

/* White space and comments. */
static enum token
skip_blank(struct scan *scan)
{
	for (;;) {
		const char *end;

		if (*scan->at == '\n')
			scan->line++;
		if (*scan->at != '\0' && strchr(" \t\r\n", *scan->at)) {
			scan->at++;
		} else if (*scan->at == '#' || starts(scan, "//")) {
			scan->at += strcspn(scan->at, "\n");
		} else if (starts(scan, "/*")) {
			if ((end = strstr(scan->at + 2, "*/")) == NULL)
				return refuse(
				    scan, scan->line, "comment has no end");
			for (; scan->at < end + 2; scan->at++)
				scan->line += *scan->at == '\n';
		} else {
			return TOKEN_END;
		}
	}
}

static enum token
quoted_word(struct scan *scan, char quote)
{
	scan->word = scan->at;
	for (; *scan->at != quote; scan->at++) {
		if (*scan->at == '\0' || *scan->at == '\n')
			return refuse(
			    scan, scan->word_line, "string has no end");
		if (*scan->at == '$')
			return refuse(scan, scan->line,
			    "\"$\" is not allowed in a value");
		if (*scan->at == '\\' && scan->at[1] != '\0' &&
		    scan->at[1] != '\n')
			scan->at++;
	}
	scan->word_len = (size_t)(scan->at - scan->word);
	scan->at++;
	return TOKEN_WORD;
}

static enum token
plain_word(struct scan *scan)
{
	size_t len = strcspn(scan->at, NOT_IN_WORDS);

	for (size_t i = 0; i < len; i++) {
		if (scan->at[i] < 0x21 || scan->at[i] > 0x7e)
			return refuse(scan, scan->line,
			    "a character that is not printable ASCII");
	}
	if (len == 0 && *scan->at == '$')
		return refuse(
		    scan, scan->line, "\"$\" is not allowed in a value");
	if (len == 0 && *scan->at == '+')
		return refuse(
		    scan, scan->line, "\"+\" and \"+=\" are not allowed");
	if (len == 0)
		return refuse(scan, scan->line,
		    "a character that needs quotes around it");
	scan->word = scan->at;
	scan->word_len = len;
	scan->at += len;
	return TOKEN_WORD;
}

static enum token
next_token(struct scan *scan)
{
	if (skip_blank(scan) == TOKEN_BAD)
		return TOKEN_BAD;
	scan->word_line = scan->line;
	switch (*scan->at) {
	case '\0':
		return TOKEN_END;
	case '=':
		scan->at++;
		return TOKEN_EQUALS;
	case '{':
		scan->at++;
		return TOKEN_OPEN;
	case '}':
		scan->at++;
		return TOKEN_CLOSE;
	case ',':
		scan->at++;
		return TOKEN_COMMA;
	case '"':
	case '\'':
		return quoted_word(scan, *scan->at++);
	default:
		return plain_word(scan);
	}
}

static enum token
add_place(struct scan *scan, const char *key, int line)
{
	struct conf_places *places = scan->places;
	struct conf_place *items;
	char reason[CONF_NAME + 64];

	if (key[0] != '\0' &&
	    conf_places_find(places, scan->section, key) != NULL) {
		(void)text_print(
		    reason, sizeof(reason), "%s: is set twice", key);
		return refuse(scan, line, reason);
	}
	items = reallocarray(
	    places->items, places->count + 1, sizeof(*places->items));
	if (items == NULL)
		return refuse(scan, line, "out of memory");
	places->items = items;
	items[places->count] =
	    (struct conf_place){ .section = scan->section, .line = line };
	(void)text_copy(items[places->count].key, CONF_NAME, key);
	places->count++;
	return TOKEN_END;
}

/* Behind "=": a word, or words in braces. */
static enum token
scan_value(struct scan *scan)
{
	enum token token = next_token(scan);

	if (token == TOKEN_BAD || token == TOKEN_WORD)
		return token;
	if (token != TOKEN_OPEN)
		return refuse(scan, scan->word_line, "a value is missing");
	for (;;) {
		token = next_token(scan);
		if (token == TOKEN_CLOSE || token == TOKEN_BAD)
			return token;
		if (token != TOKEN_WORD)
			break;
		token = next_token(scan);
		if (token == TOKEN_CLOSE || token == TOKEN_BAD)
			return token;
		if (token != TOKEN_COMMA)
			break;
	}
	return refuse(scan, scan->word_line, "a list is not finished");
}

/* Behind a section's name: its title and brace. */
static enum token
scan_section(struct scan *scan, const char *name, const char *known, int line)
{
	char reason[CONF_NAME + 64];

	if (known == NULL || strcmp(name, known) != 0) {
		(void)text_print(reason, sizeof(reason),
		    "%s: is no section, and \"=\" is missing for a key", name);
		return refuse(scan, line, reason);
	}
	if (scan->section != CONF_TOP)
		return refuse(scan, line, "a section inside a section");
	if (next_token(scan) != TOKEN_OPEN)
		return refuse(scan, line, "\"{\" is missing");
	scan->section = scan->places->section_count++;
	return add_place(scan, "", line);
}

static enum token
scan_statement(struct scan *scan, const char *known)
{
	char name[CONF_NAME];
	int line = scan->word_line;
	enum token token;

	if (scan->word_len >= sizeof(name))
		return refuse(scan, line, "a key's name is too long");
	memcpy(name, scan->word, scan->word_len);
	name[scan->word_len] = '\0';
	token = next_token(scan);
	if (token == TOKEN_BAD)
		return token;
	if (token == TOKEN_WORD)
		return scan_section(scan, name, known, line);
	if (token != TOKEN_EQUALS || name[0] == '\0')
		return refuse(scan, line, "\"=\" is missing");
	if (add_place(scan, name, line) == TOKEN_BAD)
		return TOKEN_BAD;
	return scan_value(scan);
}

int
conf_scan(struct conf_places *places, const char *text, const char *section,
    char *error, size_t error_size)
{
	struct scan scan = { .at = text,
		.line = 1,
		.error = error,
		.error_size = error_size,
		.section = CONF_TOP,
		.places = places };
	enum token token;

	*places = (struct conf_places){ 0 };
	for (;;) {
		token = next_token(&scan);
		if (token == TOKEN_WORD)
			token = scan_statement(&scan, section);
		else if (token == TOKEN_CLOSE && scan.section != CONF_TOP)
			scan.section = CONF_TOP;
		else if (token == TOKEN_END)
			break;
		else if (token != TOKEN_BAD)
			token = refuse(&scan, scan.word_line,
			    "a key or section is missing");
		if (token == TOKEN_BAD)
			return -1;
	}
	if (scan.section != CONF_TOP) {
		(void)refuse(&scan, scan.line, "\"}\" is missing at the end");
		return -1;
	}
	return 0;
}

const struct conf_place *
conf_places_find(const struct conf_places *places, int section, const char *key)
{
	for (size_t i = places->count; i > 0; i--) {
		const struct conf_place *place = &places->items[i - 1];

		if (place->section == section && strcmp(place->key, key) == 0)
			return place;
	}
	return NULL;
}

void
conf_places_clear(struct conf_places *places)
{
	free(places->items);
	*places = (struct conf_places){ 0 };
}
