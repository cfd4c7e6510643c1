/* Published lists to the lines of a site map. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "collector/command.h"
#include "collector/import_sites.h"
#include "collector/sites.h"
#include "collector/sites_csv.h"
#include "lib/escape.h"
#include "lib/file.h"
#include "lib/latin.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

struct writing {
	const struct site_map *map; /* for the sites' codes */
	FILE *out;
	size_t written, refused;
};

/* A name as the pattern of a line: no white space, no comment. */
static int
pattern_of(char *out, size_t size, const char *name)
{
	char text[4 * LIMIT_IDENTITY + 1];
	size_t len = 0;

	if (escape_text(text, sizeof(text), name, strlen(name)) >= sizeof(text))
		return -1;
	for (const char *p = text; *p != '\0'; p++) {
		const bool escape = *p == ' ' || *p == '#';

		if (len + 5 > size)
			return -1;
		if (escape)
			(void)text_print(out + len, 5, "\\%03d", *p);
		else
			out[len] = *p;
		len += escape ? 4 : 1;
	}
	out[len] = '\0';
	return len > 0 ? 0 : -1;
}

/* The code that a rule gives the name, else "DE-Frankfurt-am-Main". */
static void
code_of(char *out, size_t size, const struct writing *w,
    const struct published *p, const char *pattern)
{
	struct site site;
	char town[SITE_TEXT - 4];

	if (site_map_find(w->map, p->service, pattern, &site) &&
	    strncmp(site.rule, "hint:", 5) != 0) {
		(void)text_copy(out, size, site.name);
		return;
	}
	latin_ascii(town, sizeof(town), p->town, SIZE_MAX);
	for (char *c = town; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	(void)text_print(out, size, "%.2s-%s",
	    p->country[0] == '\0' ? "XX" : p->country, town);
}

static int
write_line(struct writing *w, const struct published *p, const char *code)
{
	char pattern[4 * LIMIT_IDENTITY + 1], site[SITE_TEXT], city[SITE_TEXT];
	char lat[24], lon[24];

	if (pattern_of(pattern, sizeof(pattern), p->identity) == -1 ||
	    !(p->lat >= -90 && p->lat <= 90) ||
	    !(p->lon >= -180 && p->lon <= 180)) {
		w->refused++;
		return 0;
	}
	if (code == NULL) {
		code_of(site, sizeof(site), w, p, pattern);
		code = site;
	}
	latin_ascii(city, sizeof(city), p->town, SIZE_MAX);
	sites_degrees(lat, p->lat);
	sites_degrees(lon, p->lon);
	(void)fprintf(w->out, "%s listed %s %s %s %s", p->service, pattern,
	    code, lat, lon);
	if (city[0] != '\0')
		(void)fprintf(w->out, " city=\"%s\"", city);
	if (isalpha((unsigned char)p->country[0]) &&
	    isalpha((unsigned char)p->country[1]) && p->country[2] == '\0')
		(void)fprintf(w->out, " country=%s", p->country);
	(void)fprintf(w->out, " confidence=100\n");
	w->written++;
	return ferror(w->out) ? -1 : 0;
}

static int
give(const struct published *p, void *context)
{
	return write_line(context, p, NULL);
}

static int
import_root_servers(
    struct writing *w, const struct sites_options *o, const char *path)
{
	char error[512] = "";
	int code;

	if (o->list == NULL)
		(void)fprintf(w->out, "# %s\n", path);
	if (import_sites_root_servers(
		path, o->service, give, w, error, sizeof(error)) == 0)
		return EXIT_DONE;
	code = log_exit_code(errno, EXIT_BAD_USAGE);
	log_warnx("%s", error[0] != '\0' ? error : strerror(errno));
	return code;
}

static int
import_row(struct writing *w, const char **fields, const char *service)
{
	struct published p = {
		.service = fields[0][0] != '\0' ? fields[0] : service,
		.identity = fields[1],
		.town = fields[3],
		.country = fields[4],
	};

	if (p.service == NULL || strpbrk(p.service, " \t,*#\"") != NULL ||
	    text_double(&p.lat, fields[5], -90, 90) == -1 ||
	    text_double(&p.lon, fields[6], -180, 180) == -1 ||
	    strpbrk(fields[2], " \t#\\\"") != NULL ||
	    strlen(fields[2]) >= SITE_TEXT) {
		w->refused++;
		return 0;
	}
	return write_line(w, &p, fields[2][0] != '\0' ? fields[2] : NULL);
}

static int
import_csv(struct writing *w, const struct sites_options *o, const char *path)
{
	/* service may be missing where --service says it. */
	static const char *const columns[] = { "identity", "lat", "lon",
		"service", "site", "city", "country", NULL };
	const char *in[7];
	struct sites_csv *csv;
	int code, status;

	if ((csv = sites_csv_open(path, columns, 3, &code)) == NULL)
		return code;
	if (o->list == NULL)
		(void)fprintf(w->out, "# %s\n", path);
	while ((status = sites_csv_next(csv, in)) == 1) {
		const char *fields[7] = { in[3], in[0], in[4], in[5], in[6],
			in[1], in[2] };

		if (import_row(w, fields, o->service) == -1)
			break;
	}
	sites_csv_close(csv);
	return status == -1 ? EXIT_BAD_USAGE : EXIT_DONE;
}

/* All the files to w->out. */
static int
read_files(struct writing *w, const struct sites_options *o)
{
	const bool json = strcmp(o->format, "root-servers") == 0;
	int code = EXIT_DONE;

	for (size_t i = 0; i < o->word_count && code == EXIT_DONE; i++)
		code = json ? import_root_servers(w, o, o->words[i])
			    : import_csv(w, o, o->words[i]);
	return code;
}

static int
write_file(struct writing *w, const struct sites_options *o)
{
	struct file_output output;
	int code;

	if (file_output_open(&output, o->output == NULL ? "-" : o->output) ==
	    -1) {
		code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s", o->output);
		return code;
	}
	w->out = output.stream;
	code = read_files(w, o);
	if (file_output_done(&output, code == EXIT_DONE) == -1 &&
	    code == EXIT_DONE) {
		log_warn(
		    "%s", o->output == NULL ? "standard output" : o->output);
		code = EXIT_STORAGE;
	}
	return code;
}

static int
write_database(struct writing *w, const struct sites_options *o)
{
	char *lines = NULL;
	size_t len;
	int code;

	if ((w->out = open_memstream(&lines, &len)) == NULL) {
		log_warn("sites import");
		return EXIT_STORAGE;
	}
	code = read_files(w, o);
	if (fclose(w->out) == EOF && code == EXIT_DONE) {
		log_warn("sites import");
		code = EXIT_STORAGE;
	}
	if (code == EXIT_DONE)
		code = sites_keep(o, lines);
	free(lines);
	return code;
}

int
sites_import(const struct site_map *map, const struct sites_options *o)
{
	struct writing w = { .map = map };
	int code;

	if (o->format == NULL || o->word_count == 0)
		return command_usage("sites import: needs --format "
				     "root-servers or csv, and a file");
	if (strcmp(o->format, "root-servers") != 0 &&
	    strcmp(o->format, "csv") != 0)
		return command_usage(
		    "--format %s: none of root-servers, csv", o->format);
	code = o->list == NULL ? write_file(&w, o) : write_database(&w, o);
	if (code == EXIT_DONE)
		log_warnx("%zu names, %zu refused (no name, or no position)",
		    w.written, w.refused);
	return code;
}
