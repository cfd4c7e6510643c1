/*
 * The keys of acprobe.conf, and those outside target sections.
 */
#include "probe/config_private.h"

#include <string.h>
#include "lib/record.h"
#include "lib/text.h"

/* Sane without being said: a round ends well before the next one. */
#define DEADLINE_SHARE 0.8
#define DEADLINE_S 240
#define DEADLINE_MAX_S 3000 /* under LIMIT_BATCH_SPAN_S */
#define SPLAY_SHARE 0.1
#define SPLAY_MAX_S 30
#define TIMEOUT_S 3
#define TIMEOUT_MAX_S 60
#define EVERY_MIN_S 10
#define EVERY_MAX_S 86400
#define TRACE_EVERY_S 3600
#define TRACE_EVERY_MAX_S (30.0 * 86400)
#define TRACE_BUDGET 100
#define SPOOL_BYTES_MIN 65536
#define SPOOL_BYTES_MAX (1LL << 50)
#define SPOOL_AGE_MIN_S 60
#define SPOOL_AGE_MAX_S (10.0 * 366 * 86400)

static const struct conf_key top_keys[] = {
	{ "vp", CONF_STRING, true, 0, 0 },
	{ "key", CONF_STRING, true, 0, 0 },
	{ "spool", CONF_STRING, true, 0, 0 },
	{ "user", CONF_STRING, false, 0, 0 },
	{ "every", CONF_SPAN, false, EVERY_MIN_S, EVERY_MAX_S },
	{ "splay", CONF_SPAN, false, 0, DEADLINE_MAX_S },
	{ "deadline", CONF_SPAN, false, 1, DEADLINE_MAX_S },
	{ "timeout", CONF_SPAN, false, 0.1, TIMEOUT_MAX_S },
	{ "rate", CONF_DOUBLE, false, 0.1, LIMIT_RATE_HARD },
	{ "trace_every", CONF_SPAN, false, 0, TRACE_EVERY_MAX_S },
	{ "trace_budget", CONF_INT, false, 0, LIMIT_ADDRESSES },
	{ "source", CONF_STRINGS, false, 0, 0 },
	{ "interface", CONF_STRING, false, 0, 0 },
	{ "dscp", CONF_INT, false, 0, RECORD_DSCP },
	{ "blocklist", CONF_STRING, false, 0, 0 },
	{ "services", CONF_STRING, false, 0, 0 },
	{ "allow_special", CONF_STRINGS, false, 0, 0 },
	{ "contact", CONF_STRING, false, 0, 0 },
	{ "collector", CONF_STRING, false, 0, 0 },
	{ "ca", CONF_STRING, false, 0, 0 },
	{ "proxy", CONF_STRING, false, 0, 0 },
	{ "spool_bytes", CONF_INT, false, SPOOL_BYTES_MIN, SPOOL_BYTES_MAX },
	{ "spool_age", CONF_SPAN, false, SPOOL_AGE_MIN_S, SPOOL_AGE_MAX_S },
	{ 0 },
};

static const struct conf_key target_keys[] = {
	{ "address", CONF_STRINGS, true, 0, 0 },
	{ "zone", CONF_STRING, false, 0, 0 },
	{ "flows", CONF_INT, false, 1, LIMIT_FLOWS },
	{ "count", CONF_INT, false, 1, LIMIT_COUNT },
	{ "echo", CONF_BOOL, false, 0, 0 },
	{ "trace", CONF_BOOL, false, 0, 0 },
	{ "questions", CONF_STRINGS, false, 0, 0 },
	{ "transport", CONF_STRINGS, false, 0, 0 },
	{ "edns_size", CONF_INT, false, LIMIT_DNS_UDP_SIZE_MIN, UINT16_MAX },
	{ "dnssec", CONF_BOOL, false, 0, 0 },
	{ "cookies", CONF_BOOL, false, 0, 0 },
	{ "recursion", CONF_BOOL, false, 0, 0 },
	{ "mixed_case", CONF_STRING, false, 0, 0 },
	{ 0 },
};

const struct conf_schema config_schema = { top_keys, "target", target_keys };

/* NULL where the key is not there. */
static char *
read_text(struct reading *r, const char *key)
{
	const char *text = conf_string(r->section, key, NULL);

	if (text == NULL)
		return NULL;
	if (text[0] == '\0')
		config_complain(r, key, "is empty");
	return config_copy(r, key, text);
}

/* Relative paths would mean another file under cron. */
static char *
read_path(struct reading *r, const char *key)
{
	char *path = read_text(r, key);

	if (path != NULL && path[0] != '/')
		config_complain(r, key, "is no absolute path");
	return path;
}

static void
read_vp(struct reading *r)
{
	const char *vp = conf_string(r->section, "vp", "");

	if (!text_is_vp_name(vp))
		config_complain(r, "vp",
		    "is no vantage point's name: [a-z0-9._-], 1 to 64, the "
		    "first a letter or digit");
	else
		(void)text_copy(r->config->vp, sizeof(r->config->vp), vp);
}

static struct span
shorter(double seconds, double most)
{
	return span_s(seconds < most ? seconds : most);
}

static void
read_times(struct reading *r)
{
	struct config *config = r->config;
	double every;

	config->every = conf_span(r->section, "every", span_s(0));
	every = (double)config->every.ns / 1e9;
	config->splay = conf_span(
	    r->section, "splay", shorter(every * SPLAY_SHARE, SPLAY_MAX_S));
	config->deadline = conf_span(r->section, "deadline",
	    every > 0 ? shorter(every * DEADLINE_SHARE, DEADLINE_MAX_S)
		      : span_s(DEADLINE_S));
	config->timeout = conf_span(r->section, "timeout", span_s(TIMEOUT_S));
	config->spool_age =
	    conf_span(r->section, "spool_age", span_s(LIMIT_SPOOL_AGE_S));
	if (config->timeout.ns > config->deadline.ns)
		config_complain(r,
		    conf_has(r->section, "timeout") ? "timeout" : "deadline",
		    "the deadline is shorter than one question's timeout");
}

static void
read_sources(struct reading *r)
{
	size_t count = conf_strings(r->section, "source");

	for (size_t i = 0; i < count; i++) {
		struct addr addr, *slot;

		if (addr_parse(&addr,
			conf_strings_item(r->section, "source", i)) == -1) {
			config_complain(r, "source", "is no address");
			return;
		}
		slot = addr.af == 4 ? &r->config->source4 : &r->config->source6;
		if (addr_is_set(slot))
			config_complain(
			    r, "source", "has two addresses of a family");
		*slot = addr;
	}
}

static void
read_allowed(struct reading *r)
{
	size_t count = conf_strings(r->section, "allow_special");
	char reason[128];

	if (count > LIMIT_PREFIXES)
		config_complain(r, "allow_special", "has too many prefixes");
	for (size_t i = 0; i < count && !r->failed; i++) {
		const char *text =
		    conf_strings_item(r->section, "allow_special", i);
		struct prefix prefix;

		reason[0] = '\0';
		if (prefix_parse(&prefix, text) == -1)
			(void)text_print(
			    reason, sizeof(reason), "%.60s is no prefix", text);
		else if (!prefix_may_be_allowed(&prefix))
			(void)text_print(reason, sizeof(reason),
			    "%.60s can never be opened", text);
		else if (prefix_list_add(&r->config->allow_special, &prefix) ==
			 -1)
			(void)text_print(
			    reason, sizeof(reason), "out of memory");
		if (reason[0] != '\0')
			config_complain(r, "allow_special", reason);
	}
}

/* The batch's content and the signature are no secrets, but a receipt that
 * anybody can forge deletes data: https only. */
static void
read_collector(struct reading *r)
{
	char *url = read_text(r, "collector");
	const char *host;

	r->config->collector = url;
	r->config->ca = read_path(r, "ca");
	r->config->proxy = read_text(r, "proxy");
	if (url == NULL || r->failed)
		return;
	if (strncmp(url, "https://", 8) != 0) {
		config_complain(r, "collector", "is no https:// URL");
		return;
	}
	host = url + 8;
	if (host[strcspn(host, "/")] == '\0' && host[0] != '\0' &&
	    strpbrk(host, "@?# ") == NULL)
		return;
	if (host[0] == '\0' || host[0] == '/' || strpbrk(host, "@?# ") != NULL)
		config_complain(r, "collector",
		    "is no https://HOST[:PORT][/PATH] without user, query or "
		    "fragment");
	else if (url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
}

static void
read_contact(struct reading *r)
{
	if (text_copy(r->config->contact, sizeof(r->config->contact),
		conf_string(r->section, "contact", "")) == -1)
		config_complain(r, "contact", "is longer than 63 bytes");
}

void
config_read_top(struct reading *r)
{
	struct config *config = r->config;

	read_vp(r);
	config->key = read_path(r, "key");
	config->spool = read_path(r, "spool");
	config->user = read_text(r, "user");
	read_times(r);
	config->rate = conf_double(r->section, "rate", LIMIT_RATE);
	config->trace_every =
	    conf_span(r->section, "trace_every", span_s(TRACE_EVERY_S));
	config->trace_budget =
	    (int)conf_int(r->section, "trace_budget", TRACE_BUDGET);
	read_sources(r);
	config->interface = read_text(r, "interface");
	if (config->interface != NULL &&
	    !text_is_printable(config->interface, RECORD_INTERFACE - 1))
		config_complain(r, "interface", "is no name of an interface");
	config->dscp = (int)conf_int(r->section, "dscp", 0);
	config->blocklist = read_path(r, "blocklist");
	config->services = read_path(r, "services");
	read_allowed(r);
	read_contact(r);
	read_collector(r);
	config->spool_bytes =
	    conf_int(r->section, "spool_bytes", LIMIT_SPOOL_BYTES);
}
