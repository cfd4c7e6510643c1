/*
 * The memory of paths as a file of the spool's folder:
 *
 *   acpaths 1
 *   ADDRESS PORT TRACED OWED KNOWN SILENT METHOD INSTANCE MODE DEVIATION
 *   ...
 *   SHA256 of all lines before
 *
 * Times in ns, hashes in hex. It may be deleted: paths are traced once more
 * then.
 */
#include "probe/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sealed.h"
#include "lib/text.h"

#define PATHS_FILE "paths"
#define PATHS_HEAD "acpaths 1\n"
#define PATHS_LINE 256
#define PATHS_WORDS 10
/* Those of two configurations, one after the other. */
#define PATHS_BYTES (2 * LIMIT_ADDRESSES * PATHS_LINE)

/* --- reading --- */

static int
read_line(struct path *path, char *line)
{
	struct path_memory *m = &path->memory;
	char *word[PATHS_WORDS];
	int64_t port, known, silent;

	memset(path, 0, sizeof(*path));
	if (text_words(line, word, PATHS_WORDS) == -1 ||
	    addr_parse(&path->addr, word[0]) == -1 ||
	    text_int(&port, word[1], 1, UINT16_MAX) == -1 ||
	    text_int(&m->traced.ns, word[2], 0, INT64_MAX) == -1 ||
	    text_int(&m->owed.ns, word[3], 0, INT64_MAX) == -1 ||
	    text_int(&known, word[4], 0, 1) == -1 ||
	    text_int(&silent, word[5], 0, 1) == -1 ||
	    text_unhex64(&m->method, word[6]) == -1 ||
	    text_unhex64(&m->instance, word[7]) == -1 ||
	    text_int(&m->mode_us, word[8], -1, LIMIT_RTT_US) == -1 ||
	    text_int(&m->deviation_us, word[9], 0, LIMIT_RTT_US) == -1)
		return -1;
	path->port = (uint16_t)port;
	m->known = known == 1;
	m->silent = silent == 1;
	return 0;
}

static int
parse(struct paths *paths, char *body)
{
	char *line;

	while ((line = strsep(&body, "\n")) != NULL && *line != '\0') {
		if (read_line(&paths->old[paths->old_count], line) == -1)
			return -1;
		paths->old_count++;
	}
	return 0;
}

static struct sealed
file_of(const char *folder)
{
	return (struct sealed){ .folder = folder,
		.name = PATHS_FILE,
		.head = PATHS_HEAD,
		.max = PATHS_BYTES };
}

/* NULL, or the fault. */
static const char *
take(struct paths *paths, char *body)
{
	paths->old = calloc(sealed_lines(body) + 1, sizeof(*paths->old));
	if (paths->old == NULL)
		return "out of memory";
	if (parse(paths, body) == -1) {
		paths->old_count = 0;
		return "damaged";
	}
	if (paths->old_count > 0)
		qsort(paths->old, paths->old_count, sizeof(struct path),
		    path_compare);
	return NULL;
}

int
paths_read(struct paths *paths, const char *folder)
{
	const struct sealed sealed = file_of(folder);
	const char *fault;
	char *body;

	memset(paths, 0, sizeof(*paths));
	body = sealed_read(&sealed, &fault);
	if (body != NULL)
		fault = take(paths, body);
	free(body);
	if (fault != NULL)
		log_warnx("%s/" PATHS_FILE ": %s: every path is traced anew",
		    folder, fault);
	return body != NULL && paths->old == NULL ? -1 : 0;
}

/* --- writing --- */

static void
print_path(FILE *out, const struct path *path)
{
	const struct path_memory *m = &path->memory;
	char addr[ADDR_TEXT];

	(void)fprintf(out, "%s %u %lld %lld %d %d %016llx %016llx %lld %lld\n",
	    addr_format(addr, &path->addr), path->port, (long long)m->traced.ns,
	    (long long)m->owed.ns, m->known, m->silent,
	    (unsigned long long)m->method, (unsigned long long)m->instance,
	    (long long)m->mode_us, (long long)m->deviation_us);
}

/* An address that is not there now, because its name has other ones or is not
 * resolved: not forgotten at once. */
static bool
is_kept(const struct paths *paths, const struct path *old, struct wall now,
    struct span keep)
{
	size_t i = paths_first(paths, &old->addr);

	if (path_is_due(old, now, keep))
		return false;
	for (; i < paths->count; i++) {
		const struct path *path = &paths->items[i];

		if (!addr_equal(&path->addr, &old->addr))
			break;
		if (path->port == old->port)
			return false;
	}
	return true;
}

static void
print_all(
    FILE *out, const struct paths *paths, struct wall now, struct span keep)
{
	size_t i;

	for (i = 0; i < paths->count; i++)
		print_path(out, &paths->items[i]);
	for (i = 0; i < paths->old_count; i++) {
		if (is_kept(paths, &paths->old[i], now, keep))
			print_path(out, &paths->old[i]);
	}
}

int
paths_write(const struct paths *paths, const char *folder, struct wall now,
    struct span keep)
{
	struct sealed sealed = file_of(folder);

	if (sealed_begin(&sealed) == -1)
		return -1;
	print_all(sealed.out, paths, now, keep);
	return sealed_publish(&sealed);
}
