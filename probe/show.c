/* The page of a look: which instance, how far, by which path. Every foreign
 * byte goes through escape_text. */
#include "probe/show_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/dns.h"
#include "lib/escape.h"
#include "lib/text.h"
#include "probe/method.h"

static struct style
style_of_terminal(void)
{
	static const struct style colour = { "\033[1m", "\033[2m", "\033[31m",
		"\033[0m" };
	static const struct style plain = { "", "", "", "" };
	const char *no_colour = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) ||
	    (no_colour != NULL && no_colour[0] != '\0'))
		return plain;
	return colour;
}

void
show_label(const struct style *s, const char *text)
{
	(void)printf("  %s%-14s%s", s->dim, text, s->end);
}

void
show_ms(int64_t us)
{
	if (us < 0)
		(void)printf("-");
	else
		(void)printf("%lld.%03lld", (long long)(us / 1000),
		    (long long)(us % 1000));
}

static const char *
rcode_text(int rcode, char *buffer, size_t size)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL",
		"NXDOMAIN", "NOTIMP",
		"REFUSED", [DNS_RCODE_BADVERS] = "BADVERS",
		[DNS_RCODE_BADCOOKIE] = "BADCOOKIE" };

	if (rcode >= 0 && rcode < (int)(sizeof(names) / sizeof(names[0])) &&
	    names[rcode] != NULL)
		return names[rcode];
	(void)text_print(buffer, size, "RCODE%d", rcode);
	return buffer;
}

/* --- figures over repeats --- */

struct figures {
	int asked, unsent, answered;
	int64_t min_us, median_us, max_us;
	const struct record *last; /* the last that was answered, else asked */
};

/* What went into a figure: the first asking, or what was asked again. */
enum asking { ASKED_FIRST, ASKED_AGAIN };

static bool
is_counted(const struct record *r, const char *question, enum asking asking)
{
	if (asking == ASKED_AGAIN)
		return r->retry_of != -1;
	return r->retry_of == -1 && strcmp(r->question, question) == 0 &&
	       r->flow.n == 0;
}

static bool
is_asked_again(const struct record *r)
{
	return r->type == RECORD_DNS &&
	       (r->dns.tc == 1 || r->dns.rcode == DNS_RCODE_BADCOOKIE ||
		   (r->dns.rcode > 0 &&
		       dns_dislikes_edns((uint16_t)r->dns.rcode)));
}

/* Of an answer that made us ask again, what was said then. */
static const struct record *
whole_answer(const struct look_result *result, const struct record *last)
{
	const struct record *whole = last;
	size_t i;

	if (last == NULL || !is_asked_again(last))
		return last;
	for (i = 0; i < result->record_count; i++) {
		const struct record *r = result->records[i];

		if (r->retry_of != -1 && r->outcome == OUTCOME_ANSWERED &&
		    r->flow.n == last->flow.n &&
		    strcmp(r->question, last->question) == 0)
			whole = r;
	}
	return whole;
}

static void
collect_figures(struct figures *f, const struct look_result *result,
    const char *question, enum asking asking)
{
	int64_t rtts[2 * LIMIT_COUNT];
	size_t i, count = 0;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < result->record_count; i++) {
		const struct record *r = result->records[i];

		if (!is_counted(r, question, asking))
			continue;
		f->asked++;
		f->unsent += r->outcome == OUTCOME_UNSENT;
		if (r->outcome == OUTCOME_ANSWERED &&
		    count < sizeof(rtts) / sizeof(rtts[0])) {
			rtts[count++] = r->rtt_us;
			f->answered++;
			f->last = r;
		} else if (f->last == NULL) {
			f->last = r;
		}
	}
	if (asking == ASKED_FIRST)
		f->last = whole_answer(result, f->last);
	f->median_us = median_us(rtts, count);
	f->min_us = count > 0 ? rtts[0] : -1;
	f->max_us = count > 0 ? rtts[count - 1] : -1;
}

static void
show_figures(const struct style *s, const struct figures *f)
{
	int sent = f->asked - f->unsent;

	if (sent == 0) {
		(void)printf("not asked: %s\n", f->last->reason);
		return;
	}
	if (f->answered == 0) {
		(void)printf("%sno answer%s, %d asked%s%s\n", s->bad, s->end,
		    sent, f->last->reason[0] != '\0' ? ": " : "",
		    f->last->reason);
		return;
	}
	(void)printf("min ");
	show_ms(f->min_us);
	(void)printf("  median %s", s->strong);
	show_ms(f->median_us);
	(void)printf("%s  max ", s->end);
	show_ms(f->max_us);
	(void)printf(" ms   %sloss %d/%d%s", f->answered < sent ? s->bad : "",
	    sent - f->answered, sent, f->answered < sent ? s->end : "");
}

/* --- the lines of the page --- */

static void
show_title(const struct style *s, const struct look_result *result)
{
	char addr[ADDR_TEXT];

	(void)addr_format(addr, &result->address->addr);
	(void)printf("%s%s%s", s->strong, result->address->name, s->end);
	if (strcmp(result->address->name, addr) != 0)
		(void)printf("  %s", addr);
	if (result->address->port != 53)
		(void)printf("  port %u", result->address->port);
	(void)printf("\n");
}

static bool
any_dns_answer(const struct look_result *result)
{
	size_t i;

	for (i = 0; i < result->record_count; i++) {
		if (result->records[i]->type == RECORD_DNS &&
		    result->records[i]->outcome == OUTCOME_ANSWERED)
			return true;
	}
	return false;
}

static void
show_instance(const struct style *s, const struct look_result *result)
{
	const struct identity *id = &result->identity;
	char text[NAME_TEXT];

	show_label(s, "instance");
	if (!id->instance.present) {
		(void)printf("%s%s%s\n", s->dim,
		    any_dns_answer(result) ? "none: no answer names one"
					   : "unknown: no answer",
		    s->end);
		return;
	}
	(void)escape_text(
	    text, sizeof(text), id->instance.bytes, id->instance.len);
	(void)printf("%s%s%s  %sby %s%s", s->strong, text, s->end, s->dim,
	    identity_method_name(id->method, id->question), s->end);
	if (id->site.name[0] != '\0')
		(void)printf("  site %s%s%s", s->strong, id->site.name, s->end);
	(void)printf("\n");
}

static void
show_timed(const struct style *s, const struct look_options *o,
    const struct look_result *result)
{
	struct figures f;
	char rcode[16];

	collect_figures(&f, result, "soa", ASKED_FIRST);
	if (f.asked == 0)
		return;
	show_label(s, "rtt");
	show_figures(s, &f);
	if (f.answered == 0)
		return;
	(void)printf("   %sSOA %s %s", s->dim, f.last->dns.qname,
	    rcode_text(f.last->dns.rcode, rcode, sizeof(rcode)));
	if (f.last->dns.serial >= 0)
		(void)printf(" serial %lld", (long long)f.last->dns.serial);
	(void)printf("%s\n", s->end);
	if (f.last->dns.rcode == 5 && strcmp(o->zone, ".") == 0) {
		show_label(s, "");
		(void)printf("REFUSED is an answer; to ask for a zone of the "
			     "service: -z ZONE\n");
	}
}

/* The answer of a CHAOS name, or what came instead. */
static void
show_name(const struct style *s, const struct look_result *result,
    const char *question)
{
	struct figures f;
	char text[NAME_TEXT], rcode[16];
	const struct record_dns *dns;

	collect_figures(&f, result, question, ASKED_FIRST);
	if (f.asked == 0)
		return;
	show_label(s, question);
	if (f.answered == 0) {
		show_figures(s, &f);
		return;
	}
	dns = &f.last->dns;
	if (dns->answer_count == 0 || !dns->answer[0].present) {
		(void)printf("%s%s, no name%s\n", s->dim,
		    rcode_text(dns->rcode, rcode, sizeof(rcode)), s->end);
		return;
	}
	(void)escape_text(
	    text, sizeof(text), dns->answer[0].bytes, dns->answer[0].len);
	(void)printf("%s  %s", text, s->dim);
	show_ms(f.last->rtt_us);
	(void)printf(" ms%s\n", s->end);
}

static void
show_echo(const struct style *s, const struct look_result *result)
{
	struct figures f;

	collect_figures(&f, result, "echo", ASKED_FIRST);
	if (f.asked == 0)
		return;
	show_label(s, "echo");
	show_figures(s, &f);
	if (f.answered > 0)
		(void)printf("\n");
}

/* To connect, which the round trips over TCP leave out. */
static void
show_connect(const struct style *s, const struct look_result *result)
{
	int64_t times[LIMIT_COUNT], median;
	size_t i, count = 0;

	for (i = 0; i < result->record_count && count < LIMIT_COUNT; i++) {
		const struct record *r = result->records[i];

		if (is_counted(r, "soa", ASKED_FIRST) && r->dns.connect_us >= 0)
			times[count++] = r->dns.connect_us;
	}
	if (count == 0)
		return;
	show_label(s, "connect");
	median = median_us(times, count); /* sorts */
	(void)printf("min ");
	show_ms(times[0]);
	(void)printf("  median ");
	show_ms(median);
	(void)printf("  max ");
	show_ms(times[count - 1]);
	(void)printf(" ms   %sover TCP, before the query%s\n", s->dim, s->end);
}

/* What was asked once more, over TCP, with a cookie or without EDNS. */
static void
show_again(const struct style *s, const struct look_result *result)
{
	struct figures f;
	char rcode[16];

	collect_figures(&f, result, "", ASKED_AGAIN);
	if (f.asked == 0)
		return;
	show_label(s, "again");
	show_figures(s, &f);
	if (f.answered == 0)
		return;
	(void)printf("   %s%s, %s%s\n", s->dim,
	    f.last->proto == PROTO_TCP ? "over TCP, for truncated answers"
	    : f.last->dns.edns == 1    ? "with the server's cookie"
				       : "without EDNS",
	    rcode_text(f.last->dns.rcode, rcode, sizeof(rcode)), s->end);
}

/* The extended errors of the last timed answer. */
static void
show_errors(const struct style *s, const struct look_result *result)
{
	char text[4 * LIMIT_EDE_TEXT + 1];
	struct figures f;
	size_t i;

	collect_figures(&f, result, "soa", ASKED_FIRST);
	if (f.answered == 0)
		return;
	for (i = 0; i < f.last->dns.ede_count; i++) {
		const struct record_ede *ede = &f.last->dns.ede[i];

		(void)escape_text(text, sizeof(text), ede->text, ede->len);
		show_label(s, "extended error");
		(void)printf("%u %s\n", ede->code, text);
	}
}

/* Whose clock readings the round trips are made of. */
static void
show_stamps(const struct style *s, const struct look_result *result)
{
	size_t i, answers = 0, kernels = 0;

	for (i = 0; i < result->record_count; i++) {
		const struct record *r = result->records[i];

		answers += r->rtt_us >= 0;
		kernels += r->rtt_us >= 0 && r->stamp == STAMP_KERNEL;
	}
	if (answers == 0)
		return;
	show_label(s, "stamps");
	(void)printf("%zu of %zu round trips by the kernel's%s\n", kernels,
	    answers, kernels < answers ? ", the others by the program's" : "");
}

/* What was met beside the answers: attackers, duplicates, moved ports. */
static void
show_oddities(const struct style *s, const struct look_result *result)
{
	uint32_t late = 0, dup = 0, unwanted = 0, conflict = 0;
	bool moved = false;
	size_t i;

	for (i = 0; i < result->record_count; i++) {
		const struct record *r = result->records[i];

		late += r->late;
		dup += r->dup;
		unwanted += r->unwanted;
		conflict += r->conflict;
		moved = moved || r->flow.moved;
	}
	if (late + dup + unwanted + conflict > 0) {
		show_label(s, "beside");
		(void)printf("%u late, %u duplicate, %s%u conflicting%s, %u "
			     "unwanted replies\n",
		    late, dup - conflict, conflict > 0 ? s->bad : "", conflict,
		    conflict > 0 ? s->end : "", unwanted);
	}
	if (identity_is_attacked(&result->identity)) {
		show_label(s, "attack");
		(void)printf("%ssomebody forges replies%s: %u were none of "
			     "ours, and none was taken\n",
		    s->bad, s->end, result->identity.foreign);
	}
	if (moved) {
		show_label(s, "flow");
		(void)printf("the port of this flow was taken: the next one "
			     "was used\n");
	}
}

static void
show_flows(const struct style *s, const struct identity *id)
{
	char text[NAME_TEXT];
	size_t i;

	if (id->flow_count < 2)
		return;
	show_label(s, "flows");
	(void)printf("%s%s%s over %zu flows\n", s->strong,
	    id->verdict == VERDICT_NONE ? "no verdict"
					: verdict_name(id->verdict),
	    s->end, id->flow_count);
	for (i = 0; i < id->flow_count; i++) {
		const struct identity_flow *flow = &id->flow[i];

		(void)escape_text(text, sizeof(text), flow->instance.bytes,
		    flow->instance.len);
		(void)printf("  %14d  port %-6d %-24s %-8s ", flow->n,
		    flow->sport, flow->instance.present ? text : "-",
		    flow->site);
		show_ms(flow->rtt_us);
		(void)printf(" ms  %d/%d\n", flow->answered, flow->asked);
	}
}

void
show_page(const struct look_options *o, const struct look_result *result)
{
	struct style style = style_of_terminal();
	size_t i;

	show_title(&style, result);
	if (o->dns)
		show_instance(&style, result);
	show_timed(&style, o, result);
	show_connect(&style, result);
	show_errors(&style, result);
	show_again(&style, result);
	if (o->quiet)
		return;
	show_name(&style, result, "hostname.bind");
	show_name(&style, result, "id.server");
	for (i = 0;
	     result->service != NULL && i < result->service->method_count;
	     i++) {
		if (service_asks(result->service->method[i]))
			show_name(&style, result, result->service->method[i]);
	}
	show_flows(&style, &result->identity);
	show_echo(&style, result);
	show_stamps(&style, result);
	show_oddities(&style, result);
	show_path(&style, result);
}
