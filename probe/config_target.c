/*
 * The target sections of acprobe.conf.
 */
#include "probe/config_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "lib/dns.h"
#include "lib/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DNS_PORT 53

static const char *const default_questions[] = { "soa", "hostname.bind",
	"id.server", "service" };

/* Letters, digits, '-', '_' and dots: what a resolver can be asked for. */
static bool
is_host_name(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= LIMIT_DNS_NAME - 2 &&
	       strspn(text,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789-_.") == len &&
	       text[0] != '.' && text[0] != '-' &&
	       strspn(text, "0123456789.") != len;
}

/* "ADDRESS", "NAME", either with "@PORT". */
static const char *
address_fault(struct reading *r, struct config_address *address, char *text)
{
	char *at = strrchr(text, '@');
	int64_t port = DNS_PORT;

	if (at != NULL) {
		*at = '\0';
		if (text_int(&port, at + 1, 1, UINT16_MAX) == -1)
			return "has no port behind its @";
	}
	address->port = (uint16_t)port;
	if (addr_parse(&address->addr, text) == -1) {
		memset(&address->addr, 0, sizeof(address->addr));
		return is_host_name(text) ? NULL
					  : "is no address and no host name";
	}
	if (!r->check_addresses ||
	    prefix_list_contains(&r->config->allow_special, &address->addr))
		return NULL;
	return addr_special(&address->addr);
}

static void
add_address(struct reading *r, struct config_target *target, const char *text)
{
	struct config_address *address =
	    &target->address[target->address_count];
	char reason[256];
	const char *fault;

	if (r->config->address_count == LIMIT_ADDRESSES) {
		config_complain(
		    r, "address", "more than 10000 addresses in all");
		return;
	}
	if ((address->host = config_copy(r, "address", text)) == NULL)
		return;
	target->address_count++;
	r->config->address_count++;
	fault = address_fault(r, address, address->host);
	if (addr_is_set(&address->addr)) {
		free(address->host); /* a round has thousands */
		address->host = NULL;
	}
	if (fault == NULL)
		return;
	(void)text_print(reason, sizeof(reason), "%.100s: %s%s", text,
	    addr_is_set(&address->addr) ? "is refused: " : "", fault);
	config_complain(r, "address", reason);
}

static void
read_addresses(struct reading *r, struct config_target *target)
{
	size_t count = conf_strings(r->section, "address");

	if (count == 0)
		config_complain(r, "address", "is empty");
	target->address = calloc(count + 1, sizeof(*target->address));
	if (target->address == NULL) {
		config_complain(r, "address", "out of memory");
		return;
	}
	for (size_t i = 0; i < count && !r->failed; i++)
		add_address(
		    r, target, conf_strings_item(r->section, "address", i));
}

/* As it will stand in the records: soa, or the one spelling of a question. */
static const char *
question_spell(struct dns_asked *asked, const char *text)
{
	if (strcasecmp(text, "soa") == 0)
		return "soa";
	if (strcmp(text, "service") == 0 || strcmp(text, "echo") == 0 ||
	    strcmp(text, "trace") == 0)
		return text; /* the last two to be refused by name */
	return dns_asked_from_text(asked, text) == -1 ? NULL : asked->name;
}

static const char *
question_fault(const struct config_target *target, const char *name)
{
	if (name != NULL &&
	    (strcmp(name, "echo") == 0 || strcmp(name, "trace") == 0))
		return "echo and trace are keys of their own";
	if (name == NULL)
		return "has no question of the form [rd:][CLASS:][TYPE:]NAME";
	for (size_t i = 0; i < target->question_count; i++) {
		if (strcasecmp(target->question[i], name) == 0)
			return "names a question twice";
	}
	return target->question_count == CONFIG_QUESTIONS
		   ? "has more than 16 questions"
		   : NULL;
}

static void
add_question(struct reading *r, struct config_target *target, const char *text)
{
	struct dns_asked asked;
	const char *name = question_spell(&asked, text);
	const char *fault = question_fault(target, name);

	if (fault != NULL) {
		config_complain(r, "questions", fault);
		return;
	}
	target->question[target->question_count] =
	    config_copy(r, "questions", name);
	if (target->question[target->question_count] != NULL)
		target->question_count++;
}

static void
read_questions(struct reading *r, struct config_target *target)
{
	size_t count = conf_strings(r->section, "questions");

	if (!conf_has(r->section, "questions")) {
		for (size_t i = 0; i < COUNT(default_questions); i++)
			add_question(r, target, default_questions[i]);
		return;
	}
	for (size_t i = 0; i < count && !r->failed; i++)
		add_question(
		    r, target, conf_strings_item(r->section, "questions", i));
}

static void
read_transports(struct reading *r, struct config_target *target)
{
	size_t count = conf_strings(r->section, "transport");

	target->udp = !conf_has(r->section, "transport");
	for (size_t i = 0; i < count; i++) {
		const char *name =
		    conf_strings_item(r->section, "transport", i);
		bool *over = strcmp(name, "udp") == 0   ? &target->udp
			     : strcmp(name, "tcp") == 0 ? &target->tcp
							: NULL;

		if (over == NULL || *over) {
			config_complain(r, "transport",
			    over == NULL ? "is neither udp nor tcp"
					 : "names a transport twice");
			return;
		}
		*over = true;
	}
	if (!target->udp && !target->tcp)
		config_complain(r, "transport", "is empty");
}

static void
read_mixed_case(struct reading *r, struct config_target *target)
{
	static const struct {
		const char *text;
		enum config_mixed_case is;
	} words[] = {
		{ "known", MIXED_CASE_KNOWN },
		{ "true", MIXED_CASE_ALWAYS },
		{ "yes", MIXED_CASE_ALWAYS },
		{ "on", MIXED_CASE_ALWAYS },
		{ "false", MIXED_CASE_NEVER },
		{ "no", MIXED_CASE_NEVER },
		{ "off", MIXED_CASE_NEVER },
	};
	const char *text = conf_string(r->section, "mixed_case", "known");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].text) == 0) {
			target->mixed_case = words[i].is;
			return;
		}
	}
	config_complain(r, "mixed_case", "is not known, true or false");
}

static void
read_edns(struct reading *r, struct config_target *target)
{
	target->edns_size =
	    (int)conf_int(r->section, "edns_size", LIMIT_DNS_UDP_SIZE);
	target->dnssec = conf_bool(r->section, "dnssec", false);
	target->cookies = conf_bool(r->section, "cookies", false);
	target->recursion = conf_bool(r->section, "recursion", false);
	read_mixed_case(r, target);
}

void
config_read_target(struct reading *r, struct config_target *target)
{
	const char *zone = conf_string(r->section, "zone", ".");

	(void)text_copy(
	    target->name, sizeof(target->name), conf_title(r->section));
	read_addresses(r, target);
	if (zone[0] == '\0' || strlen(zone) >= LIMIT_QUESTION ||
	    strchr(zone, ' ') != NULL)
		config_complain(r, "zone", "is no DNS name");
	target->zone = config_copy(r, "zone", zone);
	target->flows = (int)conf_int(r->section, "flows", 1);
	target->count = (int)conf_int(r->section, "count", 1);
	target->echo = conf_bool(r->section, "echo", true);
	target->trace = conf_bool(r->section, "trace", false);
	read_questions(r, target);
	read_transports(r, target);
	read_edns(r, target);
	if (target->question_count == 0 && !target->echo && !target->trace)
		config_complain(
		    r, "questions", "nothing is asked of this target");
}

/* An address of the configuration, and where it stands. */
struct place {
	const struct config_address *address;
	size_t target;
	size_t order;
};

static int
compare_addresses(
    const struct config_address *a, const struct config_address *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	if (order == 0 && !addr_is_set(&a->addr))
		order = strcasecmp(a->host, b->host);
	if (order == 0)
		order = (int)a->port - (int)b->port;
	return order;
}

static int
compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = compare_addresses(a->address, b->address);

	if (order == 0)
		order = a->order < b->order ? -1 : a->order > b->order;
	return order;
}

static struct place *
sorted_places(const struct config *config)
{
	struct place *places =
	    calloc(config->address_count + 1, sizeof(*places));
	size_t count = 0;

	for (size_t t = 0; places != NULL && t < config->target_count; t++) {
		const struct config_target *target = &config->target[t];

		for (size_t i = 0; i < target->address_count; i++) {
			places[count].address = &target->address[i];
			places[count].target = t;
			places[count].order = count;
			count++;
		}
	}
	if (places != NULL)
		qsort(places, count, sizeof(*places), compare_places);
	return places;
}

/* text has room for an address. */
static const char *
name_of(const struct config_address *address, char *text)
{
	return address->host != NULL ? address->host
				     : addr_format(text, &address->addr);
}

/* One address under two names would be asked twice as often. */
void
config_check_twice(struct reading *r, const struct conf *conf)
{
	struct place *places = sorted_places(r->config);
	char reason[256], text[ADDR_TEXT];

	if (places == NULL)
		config_complain(r, "vp", "out of memory");
	for (size_t i = 1; !r->failed && i < r->config->address_count; i++) {
		const struct place *first = &places[i - 1],
				   *second = &places[i];

		if (compare_addresses(first->address, second->address) != 0)
			continue;
		r->section = conf_section(conf, second->target);
		(void)text_print(reason, sizeof(reason),
		    "%.100s is an address of target %.100s already",
		    name_of(second->address, text),
		    r->config->target[first->target].name);
		config_complain(r, "address", reason);
	}
	free(places);
}
