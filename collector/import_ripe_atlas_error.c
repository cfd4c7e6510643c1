#include "collector/import_ripe_atlas_error.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "collector/import_ripe_atlas_values.h"
#include "lib/text.h"

/* How the error's text, a strerror() of the probe, tells what happened. */
static const struct {
	const char *part;
	enum outcome outcome;
} error_texts[] = {
	{ "efused", OUTCOME_REFUSED },
	{ "imed out", OUTCOME_TIMEOUT },
	{ "imeout", OUTCOME_TIMEOUT },
	{ "reset", OUTCOME_REFUSED },
	{ "No route", OUTCOME_UNREACHABLE },
	{ "unreachable", OUTCOME_UNREACHABLE },
};

/* How the error's key does, where the text does not. Keys that are not here
 * are loss: only what surely never left the probe is unsent. */
static const struct {
	const char *key;
	enum outcome outcome;
} error_keys[] = {
	{ "timeout", OUTCOME_TIMEOUT },
	{ "getaddrinfo", OUTCOME_UNSENT },
	{ "namelookup", OUTCOME_UNSENT },
	{ "nameserver", OUTCOME_UNSENT },
	{ "socket", OUTCOME_UNSENT },
	{ "bind", OUTCOME_UNSENT },
	{ "senderror", OUTCOME_UNSENT },
	{ "sendto", OUTCOME_UNSENT },
	{ "idle", OUTCOME_TIMEOUT },
};

static bool
outcome_of_text(struct record *record, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
		if (strstr(text, error_texts[i].part) == NULL)
			continue;
		record->outcome = error_texts[i].outcome;
		return true;
	}
	return false;
}

static bool
outcome_of_key(struct record *record, const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(error_keys) / sizeof(error_keys[0]); i++) {
		if (strcasecmp(key, error_keys[i].key) != 0)
			continue;
		record->outcome = error_keys[i].outcome;
		return true;
	}
	return false;
}

static void
make_printable(char *p)
{
	for (; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void
error_reason(struct record *record, const char *key, const char *text)
{
	(void)text_print(record->reason, sizeof(record->reason), "%s%s%s", key,
	    *text == '\0' ? "" : ": ", text);
	make_printable(record->reason);
}

void
atlas_error_of_dns(struct record *record, const json_t *error)
{
	json_t *object = json_is_object(error)
			     ? json_incref((json_t *)(uintptr_t)error)
			     : json_pack("{s:O}", "error", error);
	const char *key = json_object_iter_key(json_object_iter(object));
	const char *text = atlas_text(object, key == NULL ? "" : key);

	record->outcome = OUTCOME_UNREACHABLE;
	if (key == NULL)
		key = "error";
	if (!outcome_of_key(record, key) || record->outcome == OUTCOME_UNSENT)
		(void)outcome_of_text(record, text);
	if (strcasecmp(key, "timeout") != 0)
		error_reason(record, key, text);
	json_decref(object);
}

void
atlas_error_of_text(struct record *record, const char *text)
{
	record->outcome = OUTCOME_UNSENT;
	(void)text_print(record->reason, sizeof(record->reason), "%s",
	    *text == '\0' ? "error" : text);
	make_printable(record->reason);
}
