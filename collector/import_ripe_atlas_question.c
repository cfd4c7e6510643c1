#include "collector/import_ripe_atlas_question.h"

#include <string.h>
#include <strings.h>

#include "lib/text.h"

static const struct {
	uint16_t type;
	const char *name;
} type_names[] = {
	{ DNS_TYPE_A, "a" },
	{ DNS_TYPE_NS, "ns" },
	{ 5, "cname" },
	{ 12, "ptr" },
	{ 15, "mx" },
	{ DNS_TYPE_AAAA, "aaaa" },
	{ 33, "srv" },
	{ 43, "ds" },
	{ 46, "rrsig" },
	{ 47, "nsec" },
	{ 48, "dnskey" },
	{ 255, "any" },
};

/* "example.com/a": what is neither SOA nor TXT names no instance, but is a
 * lane of its own. */
static void
name_question(struct atlas_question *q, const char *name)
{
	const char *class = q->qclass == DNS_CLASS_CH ? "/ch" : "";
	size_t i;

	if (q->qtype == DNS_TYPE_TXT) {
		(void)text_print(q->name, sizeof(q->name), "%s", name);
		return;
	}
	if (q->qtype == DNS_TYPE_SOA && q->qclass == DNS_CLASS_IN) {
		(void)text_copy(q->name, sizeof(q->name), "soa");
		return;
	}
	for (i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (type_names[i].type != q->qtype)
			continue;
		(void)text_print(q->name, sizeof(q->name), "%.200s%s/%s", name,
		    class, type_names[i].name);
		return;
	}
	(void)text_print(
	    q->name, sizeof(q->name), "%.200s%s/type%u", name, class, q->qtype);
}

/* Lower case, without the final dot. */
static void
plain_name(char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	for (; *name != '\0'; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

void
atlas_question_of_dns(
    struct atlas_question *q, const struct dns_question *asked)
{
	char name[LIMIT_DNS_NAME_TEXT];

	q->qtype = asked->type;
	q->qclass = asked->class;
	dns_name_to_text(name, sizeof(name), &asked->name);
	(void)text_print(q->qname, sizeof(q->qname), "%s", name);
	plain_name(name);
	name_question(q, name);
}

int
atlas_question_parse(struct atlas_question *q, const char *text)
{
	static const char *const chaos[] = { "hostname.bind", "id.server",
		"version.bind", "version.server" };
	struct dns_question asked = { .type = DNS_TYPE_TXT,
		.class = DNS_CLASS_IN };
	size_t i;

	*q = (struct atlas_question){ 0 };
	if (strcasecmp(text, "soa") == 0) {
		asked.type = DNS_TYPE_SOA;
		text = ".";
	}
	for (i = 0; i < sizeof(chaos) / sizeof(chaos[0]); i++)
		if (strcasecmp(text, chaos[i]) == 0)
			asked.class = DNS_CLASS_CH;
	if (dns_name_from_text(&asked.name, text) == -1)
		return -1;
	atlas_question_of_dns(q, &asked);
	return 0;
}

void
atlas_question_to_record(struct record *record, const struct atlas_question *q)
{
	(void)text_copy(record->question, sizeof(record->question), q->name);
	(void)text_copy(record->dns.qname, sizeof(record->dns.qname), q->qname);
	record->dns.qtype = q->qtype;
	record->dns.qclass = q->qclass;
}

void
atlas_question_of_record(struct atlas_question *q, const struct record *record)
{
	*q = (struct atlas_question){ .qtype = record->dns.qtype,
		.qclass = record->dns.qclass };
	(void)text_copy(q->name, sizeof(q->name), record->question);
	(void)text_copy(q->qname, sizeof(q->qname), record->dns.qname);
}
