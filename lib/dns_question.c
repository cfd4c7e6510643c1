/* A question as people write it. */
#include "lib/dns.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/record_json.h"
#include "lib/text.h"

/* What stands before the name. */
struct prefixes {
	bool rd, class_given;
	uint16_t type, class;
};

/* One word before a colon. false: no such, or not in this place. */
static bool
prefix_read(struct prefixes *p, const char *word, size_t len)
{
	char upper[RECORD_MNEMONIC];
	size_t i;

	if (len >= sizeof(upper))
		return false;
	for (i = 0; i < len; i++)
		upper[i] = (char)toupper((unsigned char)word[i]);
	upper[len] = '\0';
	if (strcmp(upper, "RD") == 0 && !p->rd && !p->class_given &&
	    p->type == 0)
		return p->rd = true;
	if (!p->class_given && p->type == 0 &&
	    record_qclass_parse(&p->class, upper) == 0)
		return p->class_given = true;
	return p->type == 0 && record_qtype_parse(&p->type, upper) == 0 &&
	       p->type != 0;
}

static bool
is_chaos_name(const char *name)
{
	static const char *const names[] = { "hostname.bind", "id.server",
		"version.bind", "version.server" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Words that are questions of another kind where they stand alone. */
static bool
is_word_of_ours(const char *name)
{
	return strcmp(name, "soa") == 0 || strcmp(name, "echo") == 0 ||
	       strcmp(name, "trace") == 0 || strcmp(name, "service") == 0;
}

static void
to_lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Lower case, no final dot: two spellings would be two questions. Every byte as
 * \DDD fits. */
static void
spell_name(char text[LIMIT_DNS_NAME_TEXT], const struct dns_name *name)
{
	char plain[LIMIT_DNS_NAME_TEXT];
	const char *from = plain;
	char *to = text;
	size_t len;

	dns_name_to_text(plain, sizeof(plain), name);
	len = strlen(plain);
	if (len > 1)
		plain[len - 1] = '\0';
	to_lower(plain);
	/* A colon would end a prefix. */
	while (*from != '\0') {
		if (from[0] == '\\' && from[1] == ':') {
			memcpy(to, "\\058", 4);
			to += 4;
			from += 2;
			continue;
		}
		if (*from == '\\')
			*to++ = *from++;
		*to++ = *from++;
	}
	*to = '\0';
}

static int
spell(struct dns_asked *asked, const struct prefixes *p, uint16_t usual,
    const char *name)
{
	char type[RECORD_MNEMONIC] = "", class[RECORD_MNEMONIC] = "";

	if (asked->question.type != DNS_TYPE_TXT || is_word_of_ours(name))
		record_qtype_format(type, asked->question.type);
	if (asked->question.class != usual)
		record_qclass_format(class, asked->question.class);
	to_lower(type);
	to_lower(class);
	return text_print(asked->name, sizeof(asked->name), "%s%s%s%s%s%s",
	    p->rd ? "rd:" : "", class, class[0] != '\0' ? ":" : "", type,
	    type[0] != '\0' ? ":" : "", name);
}

int
dns_asked_from_text(struct dns_asked *asked, const char *text)
{
	struct prefixes p = { 0 };
	char name[LIMIT_DNS_NAME_TEXT];
	const char *colon;
	uint16_t usual;

	memset(asked, 0, sizeof(*asked));
	while ((colon = strchr(text, ':')) != NULL) {
		if (!prefix_read(&p, text, (size_t)(colon - text)))
			return -1;
		text = colon + 1;
	}
	if (dns_name_from_text(&asked->question.name, text) == -1)
		return -1;
	spell_name(name, &asked->question.name);
	asked->question.type = p.type == 0 ? DNS_TYPE_TXT : p.type;
	usual = asked->question.type == DNS_TYPE_TXT && is_chaos_name(name)
		    ? DNS_CLASS_CH
		    : DNS_CLASS_IN;
	asked->question.class = p.class_given ? p.class : usual;
	asked->rd = p.rd;
	return spell(asked, &p, usual, name);
}
