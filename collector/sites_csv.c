#include "collector/sites_csv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/lines.h"
#include "lib/log.h"

#define CSV_LINE 65536
#define CSV_COMMENTS (1 << 20)
#define CSV_FIELDS 64 /* of a line */
#define ABSENT CSV_FIELDS

struct sites_csv {
	const char *path;
	struct lines *lines;
	unsigned long line;
	size_t count;                    /* columns asked for */
	size_t place[SITES_CSV_COLUMNS]; /* of each in the line, or ABSENT */
	char *comments;                  /* lines before the header */
};

/* A quoted field, in place; *end is behind it. NULL: no end of it. */
static char *
unquote(char *field, char **end)
{
	char *to = field;

	for (char *p = field + 1; *p != '\0'; p++) {
		if (*p == '"' && p[1] != '"') {
			*end = p + 1;
			*to = '\0';
			return field;
		}
		if (*p == '"')
			p++;
		*to++ = *p;
	}
	return NULL;
}

/* Cut a line into its fields. How many; 0 where it is not CSV. */
static size_t
cut(char *line, char **fields)
{
	size_t count = 0;
	char *end;
	char stop;

	for (char *p = line; count < CSV_FIELDS; p = end + 1) {
		fields[count] = p;
		end = p + strcspn(p, ",");
		if (*p == '"' && unquote(p, &end) == NULL)
			return 0;
		stop = *end;
		*end = '\0';
		count++;
		if (stop == '\0')
			return count;
		if (stop != ',')
			return 0;
	}
	return 0;
}

static int
refuse(const struct sites_csv *csv, const char *reason)
{
	log_warnx("%s:%lu: %s", csv->path, csv->line, reason);
	return -1;
}

/* Keep a line that begins with # and stands before the header. 0, or -1. */
static int
add_comment(struct sites_csv *csv, const char *line, size_t len)
{
	const size_t before = csv->comments == NULL ? 0 : strlen(csv->comments);
	char *longer;

	if (before + len > CSV_COMMENTS)
		return refuse(csv, "more comment than a file begins with");
	if ((longer = realloc(csv->comments, before + len + 2)) == NULL)
		return refuse(csv, "no memory");
	memcpy(longer + before, line, len);
	memcpy(longer + before + len, "\n", 2);
	csv->comments = longer;
	return 0;
}

/* 1, 0 or -1 as sites_csv_next; lines without text are skipped. */
static int
next(struct sites_csv *csv, char **fields, size_t *count)
{
	char *line;
	size_t len;
	int status;

	do {
		csv->line++;
		if ((status = lines_next(csv->lines, &line, &len)) == 0)
			return 0;
		if (status == -1)
			return refuse(csv, strerror(errno));
		if (strlen(line) != len)
			return refuse(csv, "a NUL in the line");
		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		if (csv->count == 0 && *line == '#') {
			if (add_comment(csv, line, len) == -1)
				return -1;
			len = 0;
		}
	} while (len == 0);
	if ((*count = cut(line, fields)) == 0)
		return refuse(csv, "not a line of CSV");
	return 1;
}

static int
read_header(struct sites_csv *csv, const char *const *columns, size_t required)
{
	char *fields[CSV_FIELDS];
	size_t count = 0;
	int status = next(csv, fields, &count);

	if (status != 1)
		return status == 0 ? refuse(csv, "no header row") : -1;
	for (; columns[csv->count] != NULL; csv->count++) {
		size_t i = 0;

		while (i < count && strcmp(fields[i], columns[csv->count]) != 0)
			i++;
		if (i == count && csv->count < required) {
			log_warnx("%s: the header row has no column %s",
			    csv->path, columns[csv->count]);
			return -1;
		}
		csv->place[csv->count] = i < count ? i : ABSENT;
	}
	return 0;
}

struct sites_csv *
sites_csv_open(
    const char *path, const char *const *columns, size_t required, int *code)
{
	struct sites_csv *csv = calloc(1, sizeof(*csv));

	*code = EXIT_BAD_USAGE;
	if (csv == NULL || (csv->lines = lines_open(path, CSV_LINE)) == NULL) {
		*code = log_exit_code(errno, EXIT_BAD_USAGE);
		log_warn("%s", path);
		free(csv);
		return NULL;
	}
	csv->path = strcmp(path, "-") == 0 ? "standard input" : path;
	if (read_header(csv, columns, required) == -1) {
		sites_csv_close(csv);
		return NULL;
	}
	return csv;
}

/* What escape_csv guarded against spreadsheets, as it was. */
static const char *
unguard(const char *field)
{
	return field[0] == '\'' && strchr("=+-@|\t ", field[1]) != NULL &&
		       field[1] != '\0'
		   ? field + 1
		   : field;
}

int
sites_csv_next(struct sites_csv *csv, const char **fields)
{
	char *words[CSV_FIELDS];
	size_t count;
	int status = next(csv, words, &count);

	if (status != 1)
		return status;
	for (size_t i = 0; i < csv->count; i++)
		fields[i] =
		    csv->place[i] < count ? unguard(words[csv->place[i]]) : "";
	return 1;
}

const char *
sites_csv_comments(const struct sites_csv *csv)
{
	return csv->comments == NULL ? "" : csv->comments;
}

unsigned long
sites_csv_line(const struct sites_csv *csv)
{
	return csv->line;
}

void
sites_csv_close(struct sites_csv *csv)
{
	if (csv == NULL)
		return;
	lines_close(csv->lines);
	free(csv->comments);
	free(csv);
}
