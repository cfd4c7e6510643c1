/*
 * Reads DNS messages as hex lines on stdin and says for each whether lib/dns
 * and ldns read the same in it: rcode, NSID, TXT strings, SOA serial.
 */
#include <err.h>
#include <inttypes.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/text.h"

/* What both are asked for. */
struct seen {
	bool parsed;
	const char *fault;
	uint16_t rcode;
	struct record_bytes nsid;
	size_t answer_count;
	struct record_bytes answer[LIMIT_ANSWERS];
	int64_t serial;
};

static void
keep(struct record_bytes *kept, const uint8_t *bytes, size_t len)
{
	size_t room = sizeof(kept->bytes) - kept->len;

	kept->present = true;
	if (len > room)
		len = room;
	if (len > 0)
		memcpy(&kept->bytes[kept->len], bytes, len);
	kept->len = (uint16_t)(kept->len + len);
}

static void
read_ours(struct seen *seen, struct dns_question *question,
    const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	struct dns_reply reply;

	cursor_seek(&c, DNS_HEADER_LEN);
	(void)dns_question_read(question, &c);
	*seen = (struct seen){ 0 };
	seen->parsed = dns_reply_parse(&reply, bytes, len, question,
			   &seen->fault) == PARSE_OK;
	seen->rcode = reply.rcode;
	seen->nsid = reply.nsid;
	seen->serial = reply.serial;
	if (question->type != DNS_TYPE_TXT)
		return;
	seen->answer_count = reply.answer_kept;
	memcpy(seen->answer, reply.answer, sizeof(seen->answer));
}

static void
ldns_nsid(struct seen *seen, ldns_pkt *pkt)
{
	ldns_edns_option_list *list = ldns_pkt_edns_get_option_list(pkt);
	size_t i;

	for (i = 0; i < ldns_edns_option_list_get_count(list); i++) {
		ldns_edns_option *option =
		    ldns_edns_option_list_get_option(list, i);

		if (ldns_edns_get_code(option) != LDNS_EDNS_NSID ||
		    seen->nsid.present)
			continue;
		keep(&seen->nsid, ldns_edns_get_data(option),
		    ldns_edns_get_size(option));
	}
}

static void
ldns_strings(struct record_bytes *kept, const ldns_rr *rr)
{
	size_t i;

	for (i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *string = ldns_rr_rdf(rr, i);

		keep(
		    kept, ldns_rdf_data(string) + 1, ldns_rdf_size(string) - 1);
	}
}

static void
ldns_answers(struct seen *seen, const ldns_pkt *pkt)
{
	const ldns_rr_list *answers = ldns_pkt_answer(pkt);
	const ldns_rr *asked = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
	size_t i;

	seen->serial = -1;
	for (i = 0; i < ldns_rr_list_rr_count(answers); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answers, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA &&
		    seen->serial == -1)
			seen->serial =
			    ldns_rdf2native_int32(ldns_rr_rdf(rr, 2));
		if (asked == NULL || ldns_rr_get_type(rr) != LDNS_RR_TYPE_TXT ||
		    ldns_rr_get_type(asked) != LDNS_RR_TYPE_TXT ||
		    ldns_rr_get_class(rr) != ldns_rr_get_class(asked) ||
		    ldns_dname_compare(
			ldns_rr_owner(rr), ldns_rr_owner(asked)) != 0 ||
		    seen->answer_count == LIMIT_ANSWERS)
			continue;
		ldns_strings(&seen->answer[seen->answer_count++], rr);
	}
}

static void
read_ldns(struct seen *seen, const uint8_t *bytes, size_t len)
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, bytes, len);

	*seen = (struct seen){ .serial = -1 };
	if (status != LDNS_STATUS_OK) {
		seen->fault = ldns_get_errorstr_by_id(status);
		return;
	}
	seen->parsed = true;
	seen->rcode =
	    (uint16_t)((unsigned int)ldns_pkt_get_rcode(pkt) |
		       (unsigned int)ldns_pkt_edns_extended_rcode(pkt) << 4);
	ldns_nsid(seen, pkt);
	ldns_answers(seen, pkt);
	ldns_pkt_free(pkt);
}

static bool
bytes_equal(const struct record_bytes *a, const struct record_bytes *b)
{
	return a->present == b->present && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* What differs, or NULL. */
static const char *
difference(const struct seen *ours, const struct seen *theirs)
{
	size_t i;

	if (ours->parsed != theirs->parsed)
		return ours->parsed ? "ldns refuses it" : "we refuse it";
	if (!ours->parsed)
		return NULL;
	if (ours->rcode != theirs->rcode)
		return "rcode";
	if (!bytes_equal(&ours->nsid, &theirs->nsid))
		return "nsid";
	if (ours->answer_count != theirs->answer_count)
		return "number of answers";
	for (i = 0; i < ours->answer_count; i++)
		if (!bytes_equal(&ours->answer[i], &theirs->answer[i]))
			return "strings";
	return ours->serial != theirs->serial ? "serial" : NULL;
}

static void
compare(const uint8_t *bytes, size_t len)
{
	static struct seen ours, theirs;
	struct dns_question question = { 0 };
	const char *what;

	read_ours(&ours, &question, bytes, len);
	read_ldns(&theirs, bytes, len);
	what = difference(&ours, &theirs);
	printf("%s", what == NULL ? "same" : "differs: ");
	if (what != NULL)
		printf("%s (%s, %s)", what,
		    ours.fault == NULL ? "ok" : ours.fault,
		    theirs.fault == NULL ? "ok" : theirs.fault);
	else
		printf(" parsed %d nsid %d txt %zu soa %d", ours.parsed,
		    ours.nsid.present, ours.answer_count, ours.serial != -1);
	printf("\n");
}

int
main(void)
{
	static uint8_t bytes[LIMIT_DNS_MESSAGE];
	char *line = NULL;
	size_t size = 0, len;

	while (getline(&line, &size, stdin) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (text_unhex(bytes, sizeof(bytes), &len, line) == -1)
			errx(2, "no hex: %s", line);
		compare(bytes, len);
	}
	free(line);
	return 0;
}
