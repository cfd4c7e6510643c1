/*
 * The configuration as it was understood, in its own syntax.
 */
#include "probe/config.h"

static void
print_quoted(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static void
print_text(FILE *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	(void)fprintf(out, "%s = ", key);
	print_quoted(out, value);
	(void)fputc('\n', out);
}

static void
print_span(FILE *out, const char *key, struct span span)
{
	(void)fprintf(out, "%s = %.9gs\n", key, (double)span.ns / 1e9);
}

static void
print_sources(FILE *out, const struct config *config)
{
	const struct addr *source[] = { &config->source4, &config->source6 };
	const char *before = "source = { ";
	char text[ADDR_TEXT];

	for (size_t i = 0; i < 2; i++) {
		if (!addr_is_set(source[i]))
			continue;
		(void)fprintf(
		    out, "%s%s", before, addr_format(text, source[i]));
		before = ", ";
	}
	if (before[0] == ',')
		(void)fputs(" }\n", out);
}

static void
print_allowed(FILE *out, const struct prefix_list *list)
{
	char text[ADDR_TEXT + 4];

	if (list->count == 0)
		return;
	(void)fputs("allow_special = { ", out);
	for (size_t i = 0; i < list->count; i++)
		(void)fprintf(out, "%s%s", i == 0 ? "" : ", ",
		    prefix_format(text, sizeof(text), &list->items[i]));
	(void)fputs(" }\n", out);
}

static void
print_address(FILE *out, const struct config_address *address)
{
	char text[ADDR_TEXT];

	if (addr_is_set(&address->addr))
		(void)fputs(addr_format(text, &address->addr), out);
	else
		(void)fputs(address->host, out);
	if (address->port != 53)
		(void)fprintf(out, "@%u", address->port);
}

static void
print_bool(FILE *out, const char *key, bool value)
{
	(void)fprintf(out, "\t%s = %s\n", key, value ? "true" : "false");
}

static void
print_target(FILE *out, const struct config_target *target)
{
	(void)fputs("target ", out);
	print_quoted(out, target->name);
	(void)fputs(" {\n\taddress = { ", out);
	for (size_t i = 0; i < target->address_count; i++) {
		(void)fputs(i == 0 ? "" : ", ", out);
		print_address(out, &target->address[i]);
	}
	(void)fputs(" }\n\t", out);
	print_text(out, "zone", target->zone);
	(void)fprintf(
	    out, "\tflows = %d\n\tcount = %d\n", target->flows, target->count);
	(void)fprintf(out, "\techo = %s\n\ttrace = %s\n",
	    target->echo ? "true" : "false", target->trace ? "true" : "false");
	(void)fputs("\tquestions = { ", out);
	for (size_t i = 0; i < target->question_count; i++) {
		(void)fputs(i == 0 ? "" : ", ", out);
		print_quoted(out, target->question[i]);
	}
	(void)fprintf(out, " }\n\ttransport = { %s%s%s }\n",
	    target->udp ? "\"udp\"" : "",
	    target->udp && target->tcp ? ", " : "",
	    target->tcp ? "\"tcp\"" : "");
	(void)fprintf(out, "\tedns_size = %d\n", target->edns_size);
	print_bool(out, "dnssec", target->dnssec);
	print_bool(out, "cookies", target->cookies);
	print_bool(out, "recursion", target->recursion);
	if (target->mixed_case == MIXED_CASE_KNOWN)
		(void)fputs("\tmixed_case = \"known\"\n", out);
	else
		print_bool(
		    out, "mixed_case", target->mixed_case == MIXED_CASE_ALWAYS);
	(void)fputs("}\n", out);
}

void
config_print(const struct config *config, FILE *out)
{
	print_text(out, "vp", config->vp);
	print_text(out, "key", config->key);
	print_text(out, "spool", config->spool);
	print_text(out, "user", config->user);
	if (config->every.ns > 0)
		print_span(out, "every", config->every);
	print_span(out, "splay", config->splay);
	print_span(out, "deadline", config->deadline);
	print_span(out, "timeout", config->timeout);
	(void)fprintf(out, "rate = %.9g\n", config->rate);
	print_span(out, "trace_every", config->trace_every);
	(void)fprintf(out, "trace_budget = %d\n", config->trace_budget);
	print_sources(out, config);
	print_text(out, "interface", config->interface);
	if (config->dscp > 0)
		(void)fprintf(out, "dscp = %d\n", config->dscp);
	print_text(out, "blocklist", config->blocklist);
	print_text(out, "services", config->services);
	print_allowed(out, &config->allow_special);
	print_text(out, "contact", config->contact);
	print_text(out, "collector", config->collector);
	print_text(out, "ca", config->ca);
	print_text(out, "proxy", config->proxy);
	(void)fprintf(
	    out, "spool_bytes = %lld\n", (long long)config->spool_bytes);
	print_span(out, "spool_age", config->spool_age);
	for (size_t i = 0; i < config->target_count; i++)
		print_target(out, &config->target[i]);
}
