#include "lib/conf.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "lib/conf_scan.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/text.h"

struct conf_section {
	const struct conf *conf;
	const struct conf_key *keys;
	cfg_t *cfg;
	int index; /* CONF_TOP, or its number */
};

struct conf {
	char *name;
	struct conf_places places;
	cfg_opt_t *options, *section_options;
	cfg_t *cfg;
	struct conf_section top;
	struct conf_section *sections;
	size_t section_count;
};

/* libconfuse's error function gets no argument of ours. */
static _Thread_local struct {
	char *error;
	size_t error_size;
	const char *name;
} reading;

static void keep_error(cfg_t *, const char *, va_list)
    __attribute__((format(printf, 2, 0)));

static void
keep_error(cfg_t *cfg, const char *format, va_list args)
{
	char reason[256];

	(void)vsnprintf(reason, sizeof(reason), format, args);
	(void)text_print(reading.error, reading.error_size, "%s:%d: %s",
	    reading.name, cfg->line, reason);
}

static size_t
key_count(const struct conf_key *keys)
{
	size_t count = 0;

	while (keys != NULL && keys[count].name != NULL)
		count++;
	return count;
}

/* Every value is a string to libconfuse: its numbers take hex, "nan" and
 * what is out of range. One more slot is there for the section. */
static cfg_opt_t *
make_options(const struct conf_key *keys, const char *section, cfg_opt_t *inner)
{
	size_t count = key_count(keys);
	cfg_opt_t *options = calloc(count + 2, sizeof(*options));

	if (options == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		cfg_opt_t one = CFG_STR(keys[i].name, NULL, CFGF_NODEFAULT);
		cfg_opt_t many =
		    CFG_STR_LIST(keys[i].name, NULL, CFGF_NODEFAULT);

		options[i] = keys[i].kind == CONF_STRINGS ? many : one;
	}
	if (section != NULL) {
		cfg_opt_t titled = CFG_SEC(section, inner,
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

		options[count++] = titled;
	}
	options[count] = (cfg_opt_t)CFG_END();
	return options;
}

static const struct conf_key *
find_key(const struct conf_section *section, const char *name)
{
	for (const struct conf_key *k = section->keys;
	     k != NULL && k->name != NULL; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static bool
bool_parse(bool *value, const char *text)
{
	*value = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
	return *value || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
}

static const char *
number_fault(const struct conf_key *key, const char *value)
{
	int64_t integer;
	double number;
	struct span span;

	if (key->kind == CONF_INT) {
		if (text_int(&integer, value, INT64_MIN, INT64_MAX) == -1)
			return "is no whole number";
		number = (double)integer;
	} else if (key->kind == CONF_DOUBLE) {
		if (text_double(&number, value, -1e300, 1e300) == -1)
			return "is no number";
	} else {
		if (span_parse(&span, value) == -1)
			return "is no length of time such as \"5m\"";
		number = (double)span.ns / 1e9;
	}
	return number < key->min || number > key->max ? "is out of range"
						      : NULL;
}

/* What is wrong with one value, or NULL. */
static const char *
value_fault(const struct conf_key *key, const char *value)
{
	bool flag;

	if (value[0] != '\0' && !text_is_printable(value, LIMIT_CONF_BYTES))
		return "is not printable ASCII";
	switch (key->kind) {
	case CONF_STRING:
		return NULL;
	case CONF_STRINGS:
		return value[0] == '\0' ? "has an empty item" : NULL;
	case CONF_BOOL:
		return bool_parse(&flag, value) ? NULL
						: "is neither true nor false";
	case CONF_INT:
	case CONF_DOUBLE:
	case CONF_SPAN:
		break;
	}
	return number_fault(key, value);
}

static int
check_values(const struct conf_section *section, const struct conf_key *key,
    char *error, size_t error_size)
{
	size_t count = cfg_size(section->cfg, key->name);

	for (size_t i = 0; i < count; i++) {
		const char *fault = value_fault(
		    key, cfg_getnstr(section->cfg, key->name, (unsigned)i));

		if (fault != NULL) {
			conf_complain(
			    section, key->name, error, error_size, fault);
			return -1;
		}
	}
	return 0;
}

static int
check_section(
    const struct conf_section *section, char *error, size_t error_size)
{
	for (const struct conf_key *k = section->keys;
	     k != NULL && k->name != NULL; k++) {
		if (conf_has(section, k->name)) {
			if (check_values(section, k, error, error_size) == -1)
				return -1;
		} else if (k->required) {
			conf_complain(
			    section, k->name, error, error_size, "is missing");
			return -1;
		}
	}
	return 0;
}

/* libconfuse would name an unknown key too, but not everywhere its line. */
static int
check_known(const struct conf *conf, const struct conf_schema *schema,
    char *error, size_t error_size)
{
	for (size_t i = 0; i < conf->places.count; i++) {
		const struct conf_place *place = &conf->places.items[i];
		struct conf_section s = { .conf = conf,
			.keys = place->section == CONF_TOP
				    ? schema->keys
				    : schema->section_keys,
			.index = place->section };

		if (place->key[0] != '\0' && find_key(&s, place->key) == NULL) {
			conf_complain(
			    &s, place->key, error, error_size, "no such key");
			return -1;
		}
	}
	return 0;
}

static int
make_sections(struct conf *conf, const struct conf_schema *schema)
{
	conf->top = (struct conf_section){ .conf = conf,
		.keys = schema->keys,
		.cfg = conf->cfg,
		.index = CONF_TOP };
	if (schema->section == NULL)
		return 0;
	conf->section_count = cfg_size(conf->cfg, schema->section);
	conf->sections =
	    calloc(conf->section_count + 1, sizeof(*conf->sections));
	if (conf->sections == NULL)
		return -1;
	for (size_t i = 0; i < conf->section_count; i++)
		conf->sections[i] = (struct conf_section){ .conf = conf,
			.keys = schema->section_keys,
			.cfg = cfg_getnsec(
			    conf->cfg, schema->section, (unsigned)i),
			.index = (int)i };
	return 0;
}

static int
parse_text(
    struct conf *conf, const char *text, const struct conf_schema *schema)
{
	if (schema->section != NULL &&
	    (conf->section_options =
		    make_options(schema->section_keys, NULL, NULL)) == NULL)
		return -1;
	conf->options =
	    make_options(schema->keys, schema->section, conf->section_options);
	if (conf->options == NULL)
		return -1;
	if ((conf->cfg = cfg_init(conf->options, CFGF_NONE)) == NULL)
		return -1;
	(void)cfg_set_error_function(conf->cfg, keep_error);
	/* An empty buffer is an error to cfg_parse_buf. */
	return text[0] == '\0' || cfg_parse_buf(conf->cfg, text) == CFG_SUCCESS
		   ? 0
		   : -1;
}

static int
check_titles(const struct conf *conf, char *error, size_t error_size)
{
	for (size_t i = 0; i < conf->section_count; i++) {
		if (!text_is_printable(
			conf_title(&conf->sections[i]), LIMIT_TARGET_NAME)) {
			conf_complain(&conf->sections[i], "", error, error_size,
			    "title is empty, too long or not "
			    "printable");
			return -1;
		}
	}
	return 0;
}

static int
read_all(struct conf *conf, const char *text, const struct conf_schema *schema,
    char *error, size_t error_size)
{
	char reason[256];

	if (conf_scan(&conf->places, text, schema->section, reason,
		sizeof(reason)) == -1) {
		(void)text_print(
		    error, error_size, "%s:%s", conf->name, reason);
		return -1;
	}
	if (check_known(conf, schema, error, error_size) == -1)
		return -1;
	(void)text_print(error, error_size, "%s: cannot be read", conf->name);
	reading.error = error;
	reading.error_size = error_size;
	reading.name = conf->name;
	if (parse_text(conf, text, schema) == -1 ||
	    make_sections(conf, schema) == -1 ||
	    check_titles(conf, error, error_size) == -1 ||
	    check_section(&conf->top, error, error_size) == -1)
		return -1;
	for (size_t i = 0; i < conf->section_count; i++) {
		if (check_section(&conf->sections[i], error, error_size) == -1)
			return -1;
	}
	return 0;
}

struct conf *
conf_read(const char *path, const struct conf_schema *schema, char *error,
    size_t error_size)
{
	struct file_checked file = { .dirfd = AT_FDCWD,
		.name = path,
		.max = LIMIT_CONF_BYTES,
		.checks = FILE_TRUSTED };
	struct conf *conf;

	if (file_read_checked(&file) == -1) {
		int saved = errno;

		(void)text_print(error, error_size, "%s: %s", path,
		    file.distrust != NULL ? file.distrust : strerror(saved));
		errno = saved == EACCES || saved == ENOENT ? saved : EINVAL;
		return NULL;
	}
	if (strlen((char *)file.bytes) != file.len) {
		(void)text_print(
		    error, error_size, "%s: holds a NUL byte", path);
		conf = NULL;
		errno = EINVAL;
	} else {
		conf = conf_read_text(
		    (char *)file.bytes + text_bom((char *)file.bytes, file.len),
		    path, schema, error, error_size);
	}
	free(file.bytes);
	return conf;
}

struct conf *
conf_read_text(const char *text, const char *name,
    const struct conf_schema *schema, char *error, size_t error_size)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf == NULL || (conf->name = strdup(name)) == NULL) {
		(void)text_print(
		    error, error_size, "%s: %s", name, strerror(errno));
		free(conf);
		return NULL;
	}
	if (read_all(conf, text, schema, error, error_size) == -1) {
		conf_free(conf);
		errno = EINVAL;
		return NULL;
	}
	return conf;
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	if (conf->cfg != NULL)
		cfg_free(conf->cfg);
	free(conf->options);
	free(conf->section_options);
	free(conf->sections);
	conf_places_clear(&conf->places);
	free(conf->name);
	free(conf);
}

const struct conf_section *
conf_top(const struct conf *conf)
{
	return &conf->top;
}

size_t
conf_section_count(const struct conf *conf)
{
	return conf->section_count;
}

const struct conf_section *
conf_section(const struct conf *conf, size_t index)
{
	return index < conf->section_count ? &conf->sections[index] : NULL;
}

const char *
conf_title(const struct conf_section *section)
{
	return section->index == CONF_TOP ? "" : cfg_title(section->cfg);
}

bool
conf_has(const struct conf_section *section, const char *key)
{
	return conf_places_find(&section->conf->places, section->index, key) !=
	       NULL;
}

const char *
conf_string(
    const struct conf_section *section, const char *key, const char *fallback)
{
	return conf_has(section, key) ? cfg_getstr(section->cfg, key)
				      : fallback;
}

size_t
conf_strings(const struct conf_section *section, const char *key)
{
	return conf_has(section, key) ? cfg_size(section->cfg, key) : 0;
}

const char *
conf_strings_item(
    const struct conf_section *section, const char *key, size_t index)
{
	return index < conf_strings(section, key)
		   ? cfg_getnstr(section->cfg, key, (unsigned)index)
		   : NULL;
}

int64_t
conf_int(const struct conf_section *section, const char *key, int64_t fallback)
{
	const char *text = conf_string(section, key, NULL);
	int64_t value;

	return text != NULL && text_int(&value, text, INT64_MIN, INT64_MAX) == 0
		   ? value
		   : fallback;
}

double
conf_double(
    const struct conf_section *section, const char *key, double fallback)
{
	const char *text = conf_string(section, key, NULL);
	double value;

	return text != NULL && text_double(&value, text, -1e300, 1e300) == 0
		   ? value
		   : fallback;
}

bool
conf_bool(const struct conf_section *section, const char *key, bool fallback)
{
	const char *text = conf_string(section, key, NULL);
	bool value;

	return text != NULL && bool_parse(&value, text) ? value : fallback;
}

struct span
conf_span(
    const struct conf_section *section, const char *key, struct span fallback)
{
	const char *text = conf_string(section, key, NULL);
	struct span value;

	return text != NULL && span_parse(&value, text) == 0 ? value : fallback;
}

void
conf_complain(const struct conf_section *section, const char *key, char *error,
    size_t error_size, const char *reason)
{
	const struct conf *conf = section->conf;
	const struct conf_place *place =
	    conf_places_find(&conf->places, section->index, key);
	const char *colon = key[0] == '\0' ? "" : ": ";

	/* A key that is missing: the section's own line. */
	if (place == NULL)
		place = conf_places_find(&conf->places, section->index, "");
	if (place != NULL)
		(void)text_print(error, error_size, "%s:%d: %s%s%s", conf->name,
		    place->line, key, colon, reason);
	else
		(void)text_print(error, error_size, "%s: %s%s%s", conf->name,
		    key, colon, reason);
}
