#include "lib/dns.h"

#include <string.h>

#include "lib/text.h"

enum section {
	SECTION_ANSWER,
	SECTION_AUTHORITY,
	SECTION_ADDITIONAL,
};

/* A resource record; rdata is over the message up to the record's end, since
 * names in it may point back (RFC 1035 section 4.1.4). */
struct resource {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct cursor rdata;
};

/* One message being read. Every reader returns a fault's name, or NULL. */
struct reading {
	struct cursor c;
	struct dns_reply *reply;
	const struct dns_question *question;
};

/* As much as there is room for. */
static void
keep_bytes(struct record_bytes *kept, const void *bytes, size_t len)
{
	size_t room = sizeof(kept->bytes) - kept->len;

	if (len > room)
		len = room;
	if (len > 0)
		memcpy(&kept->bytes[kept->len], bytes, len);
	kept->len = (uint16_t)(kept->len + len);
	kept->present = true;
}

static void
keep_text(struct record_bytes *kept, const char *text)
{
	keep_bytes(kept, text, strlen(text));
}

static const char *
keep_strings(struct record_bytes *kept, struct cursor rdata)
{
	do {
		size_t len = cursor_u8(&rdata);
		const uint8_t *string = cursor_take(&rdata, len);

		if (cursor_failed(&rdata))
			return "txt";
		keep_bytes(kept, string, len);
	} while (cursor_left(&rdata) > 0);
	return NULL;
}

static const char *
keep_address(struct record_bytes *kept, struct cursor rdata, int af)
{
	char text[ADDR_TEXT];
	size_t len = af == 4 ? 4 : 16;
	const uint8_t *bytes = cursor_take(&rdata, len);
	struct addr addr;

	if (bytes == NULL || cursor_left(&rdata) != 0)
		return "rdata";
	addr = addr_from_bytes(af, bytes);
	keep_text(kept, addr_format(text, &addr));
	return NULL;
}

static const char *
keep_name(struct record_bytes *kept, struct cursor rdata)
{
	char text[LIMIT_DNS_NAME_TEXT];
	struct dns_name name;

	if (dns_name_read(&name, &rdata) != PARSE_OK ||
	    cursor_left(&rdata) != 0)
		return "rdata";
	dns_name_to_text(text, sizeof(text), &name);
	keep_text(kept, text);
	return NULL;
}

struct soa {
	struct dns_name mname, rname;
	uint32_t serial, refresh, retry, expire, minimum;
};

static const char *
soa_read(struct soa *soa, struct cursor rdata)
{
	if (dns_name_read(&soa->mname, &rdata) != PARSE_OK ||
	    dns_name_read(&soa->rname, &rdata) != PARSE_OK)
		return "soa";
	soa->serial = cursor_u32(&rdata);
	soa->refresh = cursor_u32(&rdata);
	soa->retry = cursor_u32(&rdata);
	soa->expire = cursor_u32(&rdata);
	soa->minimum = cursor_u32(&rdata);
	if (cursor_failed(&rdata) || cursor_left(&rdata) != 0)
		return "soa";
	return NULL;
}

static const char *
keep_soa(struct record_bytes *kept, struct cursor rdata)
{
	char mname[LIMIT_DNS_NAME_TEXT], rname[LIMIT_DNS_NAME_TEXT];
	char numbers[64];
	const char *fault;
	struct soa soa;

	if ((fault = soa_read(&soa, rdata)) != NULL)
		return fault;
	dns_name_to_text(mname, sizeof(mname), &soa.mname);
	dns_name_to_text(rname, sizeof(rname), &soa.rname);
	(void)text_print(numbers, sizeof(numbers), " %u %u %u %u %u",
	    soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum);
	keep_text(kept, mname);
	keep_text(kept, " ");
	keep_text(kept, rname);
	keep_text(kept, numbers);
	return NULL;
}

/* RFC 3597 section 5; as many whole bytes as fit. */
static const char *
keep_unknown(struct record_bytes *kept, struct cursor rdata)
{
	char head[16], hex[LIMIT_IDENTITY + 1];
	size_t len = cursor_left(&rdata);
	size_t whole = (LIMIT_IDENTITY - sizeof(head)) / 2;

	(void)text_print(head, sizeof(head), "\\# %zu", len);
	if (whole > len)
		whole = len;
	text_hex(hex, cursor_take(&rdata, whole), whole);
	keep_text(kept, head);
	keep_text(kept, len > 0 ? " " : "");
	keep_text(kept, hex);
	return NULL;
}

static const char *
keep_answer(struct record_bytes *kept, const struct resource *rr)
{
	kept->present = true;
	switch (rr->type) {
	case DNS_TYPE_TXT:
		return keep_strings(kept, rr->rdata);
	case DNS_TYPE_SOA:
		return keep_soa(kept, rr->rdata);
	case DNS_TYPE_A:
		return keep_address(kept, rr->rdata, 4);
	case DNS_TYPE_AAAA:
		return keep_address(kept, rr->rdata, 6);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return keep_name(kept, rr->rdata);
	default:
		return keep_unknown(kept, rr->rdata);
	}
}

static const char *
answer_read(struct reading *r, const struct resource *rr)
{
	const struct dns_question *question = r->question;
	struct dns_reply *reply = r->reply;
	struct record_bytes *answer;
	const char *fault;
	struct soa soa;

	if (rr->type == DNS_TYPE_SOA && reply->serial == -1) {
		if ((fault = soa_read(&soa, rr->rdata)) != NULL)
			return fault;
		reply->serial = soa.serial;
	}
	if (rr->type != question->type || rr->class != question->class ||
	    !dns_name_equal(&rr->owner, &question->name))
		return NULL;
	/* Of answers too many to keep only the frame is checked. */
	if (reply->answer_kept == LIMIT_ANSWERS)
		return NULL;
	answer = &reply->answer[reply->answer_kept];
	if ((fault = keep_answer(answer, rr)) != NULL) {
		*answer = (struct record_bytes){ 0 };
		return fault;
	}
	reply->answer_kept++;
	return NULL;
}

static void
keep_nsid(struct dns_reply *reply, const uint8_t *value, size_t len)
{
	if (reply->nsid_count++ > 0)
		return;
	keep_bytes(&reply->nsid, value, len);
	reply->nsid_len = (uint32_t)len;
}

/* RFC 7873 section 4: our half, and perhaps 8 to 32 bytes of the server's. */
static void
keep_cookie(struct dns_reply *reply, const uint8_t *value, size_t len)
{
	size_t own = DNS_CLIENT_COOKIE_LEN;

	if (reply->cookie ||
	    (len != own && (len < own + 8 || len > own + LIMIT_DNS_COOKIE)))
		return;
	reply->cookie = true;
	memcpy(reply->client_cookie, value, own);
	reply->server_cookie_len = (uint8_t)(len - own);
	if (len > own)
		memcpy(reply->server_cookie, &value[own], len - own);
}

/* RFC 8914 section 2; the text may end in a NUL that is none of it. */
static void
keep_ede(struct dns_reply *reply, const uint8_t *value, size_t len)
{
	struct record_ede *ede = &reply->ede[reply->ede_count];

	if (reply->ede_count == LIMIT_EDE || len < 2)
		return;
	ede->code = (uint16_t)(value[0] << 8 | value[1]);
	len -= 2;
	if (len > 0 && value[2 + len - 1] == 0)
		len--;
	ede->len = (uint8_t)(len < LIMIT_EDE_TEXT ? len : LIMIT_EDE_TEXT);
	if (ede->len > 0)
		memcpy(ede->text, &value[2], ede->len);
	reply->ede_count++;
}

static const char *
option_read(struct dns_reply *reply, struct cursor *options)
{
	uint16_t code = cursor_u16(options);
	uint16_t len = cursor_u16(options);
	const uint8_t *value = cursor_take(options, len);

	if (cursor_failed(options))
		return "edns";
	switch (code) {
	case DNS_OPTION_NSID:
		keep_nsid(reply, value, len);
		break;
	case DNS_OPTION_COOKIE:
		keep_cookie(reply, value, len);
		break;
	case DNS_OPTION_EDE:
		keep_ede(reply, value, len);
		break;
	default:
		break;
	}
	return NULL;
}

/* RFC 6891 section 6.1: one OPT, in the additional section, of the root. */
static const char *
opt_read(struct dns_reply *reply, const struct resource *rr)
{
	struct cursor options = rr->rdata;
	const char *fault;
	int i;

	if (reply->edns)
		return "opt2";
	if (rr->owner.len != 1)
		return "edns";
	reply->edns = true;
	reply->edns_size = rr->class;
	reply->edns_version = (uint8_t)(rr->ttl >> 16);
	reply->rcode = (uint16_t)(rr->ttl >> 24 << 4 | reply->rcode);
	for (i = 0; cursor_left(&options) > 0 && i < LIMIT_DNS_OPTIONS; i++)
		if ((fault = option_read(reply, &options)) != NULL)
			return fault;
	return NULL;
}

static const char *
resource_read(struct resource *rr, struct cursor *c)
{
	size_t rdlen;

	if (cursor_left(c) == 0)
		return "count";
	if (dns_name_read(&rr->owner, c) != PARSE_OK)
		return "name";
	rr->type = cursor_u16(c);
	rr->class = cursor_u16(c);
	rr->ttl = cursor_u32(c);
	rdlen = cursor_u16(c);
	rr->rdata = *c;
	cursor_skip(c, rdlen);
	if (cursor_failed(c))
		return "rdlen";
	rr->rdata.len = cursor_at(c);
	return NULL;
}

static const char *
section_read(struct reading *r, enum section section, size_t count)
{
	struct resource rr;
	const char *fault = NULL;

	while (count-- > 0 && fault == NULL) {
		if ((fault = resource_read(&rr, &r->c)) != NULL)
			return fault;
		if (rr.type == DNS_TYPE_OPT)
			fault = section == SECTION_ADDITIONAL
				    ? opt_read(r->reply, &rr)
				    : "edns";
		else if (section == SECTION_ANSWER)
			fault = answer_read(r, &rr);
	}
	return fault;
}

static const char *
sections_read(struct reading *r)
{
	const uint16_t counts[] = { r->reply->answer_count,
		r->reply->authority_count, r->reply->additional_count };
	size_t left = LIMIT_DNS_RECORDS, section, count;
	const char *fault;

	for (section = SECTION_ANSWER; section <= SECTION_ADDITIONAL;
	     section++) {
		count = counts[section] < left ? counts[section] : left;
		fault = section_read(r, (enum section)section, count);
		if (fault != NULL)
			return fault;
		if (count < counts[section])
			return NULL; /* the rest is not looked at */
		left -= count;
	}
	return cursor_left(&r->c) > 0 ? "trailing" : NULL;
}

static void
flags_read(struct dns_reply *reply, uint16_t flags)
{
	reply->qr = (flags & 0x8000) != 0;
	reply->opcode = flags >> 11 & 0xf;
	reply->aa = (flags & 0x0400) != 0;
	reply->tc = (flags & 0x0200) != 0;
	reply->rd = (flags & 0x0100) != 0;
	reply->ra = (flags & 0x0080) != 0;
	reply->ad = (flags & 0x0020) != 0;
	reply->cd = (flags & 0x0010) != 0;
	reply->rcode = flags & 0xf;
}

static const char *
header_read(struct dns_reply *reply, struct cursor *c)
{
	reply->id = cursor_u16(c);
	flags_read(reply, cursor_u16(c));
	reply->question_count = cursor_u16(c);
	reply->answer_count = cursor_u16(c);
	reply->authority_count = cursor_u16(c);
	reply->additional_count = cursor_u16(c);
	return cursor_failed(c) ? "header" : NULL;
}

static const char *
questions_read(struct reading *r)
{
	struct dns_question question;

	if (r->reply->question_count == 0)
		return NULL;
	if (r->reply->question_count > 1 ||
	    dns_question_read(&question, &r->c) != PARSE_OK)
		return "question";
	return NULL;
}

enum parse_result
dns_reply_parse(struct dns_reply *reply, const void *packet, size_t len,
    const struct dns_question *question, const char **fault)
{
	struct reading r = { cursor_over(packet, len), reply, question };

	*reply = (struct dns_reply){ .serial = -1 };
	if ((*fault = header_read(reply, &r.c)) != NULL)
		return PARSE_SHORT;
	if ((*fault = questions_read(&r)) != NULL)
		return PARSE_MALFORMED;
	*fault = sections_read(&r);
	if (reply->tc)
		*fault = NULL;
	return *fault == NULL ? PARSE_OK : PARSE_MALFORMED;
}

static void
keep_options(struct record_dns *dns, const struct dns_reply *reply)
{
	size_t i;

	dns->nsid = reply->nsid;
	dns->nsid_len = reply->nsid_len;
	dns->ede_count = reply->ede_count;
	for (i = 0; i < reply->ede_count; i++)
		dns->ede[i] = reply->ede[i];
	if (!reply->cookie)
		return;
	dns->cookie_len = (int8_t)reply->server_cookie_len;
	memcpy(dns->cookie, reply->server_cookie, reply->server_cookie_len);
}

void
dns_reply_keep(
    struct record_dns *dns, const struct dns_reply *reply, size_t size)
{
	size_t i;

	dns->rcode = reply->rcode;
	dns->answer_count = reply->answer_kept;
	for (i = 0; i < reply->answer_kept; i++)
		dns->answer[i] = reply->answer[i];
	dns->serial = reply->serial;
	dns->tc = reply->tc;
	dns->aa = reply->aa;
	dns->ra = reply->ra;
	dns->ad = reply->ad;
	dns->edns = reply->edns;
	dns->size = (int32_t)size;
	dns->raw_len = 0;
	keep_options(dns, reply);
}
