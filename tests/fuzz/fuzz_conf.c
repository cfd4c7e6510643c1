/*
 * Any text as a configuration: it is read, or refused with a line that names
 * the file; what is read has each key once, printable values, and nothing of
 * the environment.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct conf_key keys[] = {
	{ "s", CONF_STRING, false, 0, 0 },
	{ "l", CONF_STRINGS, false, 0, 0 },
	{ "i", CONF_INT, false, -5, 5 },
	{ "d", CONF_DOUBLE, false, -5, 5 },
	{ "b", CONF_BOOL, false, 0, 0 },
	{ "t", CONF_SPAN, false, 1, 5 },
	{ 0 },
};
static const struct conf_schema schema = { keys, "x", keys };

static void
check_section(const struct conf_section *section)
{
	const char *text = conf_string(section, "s", "");
	int64_t number = conf_int(section, "i", 0);
	int64_t ns = conf_span(section, "t", span_s(1)).ns;
	double real = conf_double(section, "d", 0);

	assert(text[0] == '\0' || text_is_printable(text, strlen(text)));
	assert(strstr(text, "SECRET") == NULL);
	assert(number >= -5 && number <= 5);
	assert(real >= -5 && real <= 5);
	assert(ns >= 1000000000 && ns <= 5000000000);
	for (size_t i = 0; i < conf_strings(section, "l"); i++) {
		text = conf_strings_item(section, "l", i);
		assert(text_is_printable(text, strlen(text)));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char error[256] = "";
	struct conf *conf;
	char *text;

	if (memmem(bytes, len, "SECRET", 6) != NULL)
		return 0; /* not from the environment */
	text = malloc(len + 1);
	memcpy(text, bytes, len);
	text[len] = '\0';
	(void)setenv("HOME", "SECRET", 1);
	conf = conf_read_text(text, "f", &schema, error, sizeof(error));
	if (conf == NULL) {
		assert(strncmp(error, "f:", 2) == 0);
	} else {
		check_section(conf_top(conf));
		for (size_t i = 0; i < conf_section_count(conf); i++)
			check_section(conf_section(conf, i));
		conf_free(conf);
	}
	free(text);
	return 0;
}
