#include "collector/command.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/archive.h"
#include "collector/export_ripe_atlas.h"
#include "lib/batch.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

enum {
	EXPORT_TO = OPTION_OWN,
	EXPORT_VP,
	EXPORT_FORMAT,
};

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "to", required_argument, NULL, EXPORT_TO },
	{ "vp", required_argument, NULL, EXPORT_VP },
	{ "format", required_argument, NULL, EXPORT_FORMAT },
	{ NULL, 0, NULL, 0 },
};

struct export
{
	const char *to, *vp, *format; /* vp NULL: all */
	int dirfd;
	int64_t written, there, others, refused;
};

/* A file is published whole: one that is there is whole too. */
/* Of several contents of a batch the last in the archive is the one that the
 * database has (contested.h): it takes the place of another. */
static bool
is_there(
    const struct export *e, const char *name, const struct archive_entry *entry)
{
	uint8_t *bytes = NULL;
	size_t len;
	bool same;

	if (file_read(e->dirfd, name, entry->len, &bytes, &len) == -1)
		return false;
	same = len == entry->len && memcmp(bytes, entry->bytes, len) == 0;
	free(bytes);
	return same;
}

/* The exit code. */
static int
write_batch(struct export *e, const struct archive_entry *entry)
{
	struct batch_pieces p;
	char name[512];
	enum batch_error error;
	int code = EXIT_DONE;

	memset(&p, 0, sizeof(p));
	error = batch_split(&p, entry->bytes, entry->len);
	if (error != BATCH_OK) {
		log_warnx("archive: %s, byte %lld: %s", entry->file,
		    (long long)entry->at, batch_error_name(error));
		e->refused++;
		return EXIT_DONE;
	}
	if (e->vp != NULL && strcmp(e->vp, p.line.vp) != 0)
		return EXIT_DONE;
	if (text_print(name, sizeof(name), "%s_%s_%lld.acbatch", p.line.vp,
		p.line.spool, (long long)p.line.number) == -1)
		return EXIT_STORAGE;
	if (is_there(e, name, entry)) {
		e->there++;
		return EXIT_DONE;
	}
	if (file_publish(e->dirfd, name, entry->bytes, entry->len, 0640) ==
	    -1) {
		code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s/%s", e->to, name);
	} else
		e->written++;
	return code;
}

static int
write_all(struct export *e, struct archive_reader *reader)
{
	struct archive_entry entry;
	int more, code;

	while ((more = archive_reader_next(reader, &entry)) == 1) {
		if (strcmp(entry.kind, "batch") != 0)
			e->others++;
		else if ((code = write_batch(e, &entry)) != EXIT_DONE)
			return code;
	}
	if (more == -1) {
		log_warn("archive");
		return EXIT_STORAGE;
	}
	e->refused += archive_reader_damaged(reader);
	return e->refused == 0 ? EXIT_DONE : EXIT_UNANSWERED;
}

static int
open_folder(struct export *e)
{
	int code = EXIT_DONE;

	e->dirfd = mkdir(e->to, 0750) == -1 && errno != EEXIST
		       ? -1
		       : open(e->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dirfd == -1) {
		code = log_exit_code(errno, EXIT_BAD_USAGE);
		log_warn("%s", e->to);
	}
	return code;
}

static int
export_archive(struct export *e, const char *archive)
{
	struct archive_reader *reader = archive_reader_open(archive);
	int code;

	if (reader == NULL) {
		code = log_exit_code(errno, EXIT_BAD_USAGE);
		log_warn("%s", archive);
		return code;
	}
	if ((code = open_folder(e)) == EXIT_DONE) {
		code = write_all(e, reader);
		(void)close(e->dirfd);
		(void)printf("%lld batches written, %lld there already, %lld "
			     "other entries, %lld damaged\n",
		    (long long)e->written, (long long)e->there,
		    (long long)e->others, (long long)e->refused);
	}
	archive_reader_close(reader);
	return code;
}

static int
take_option(struct command *command, struct export *e, int option)
{
	if (option == EXPORT_TO)
		e->to = optarg;
	else if (option == EXPORT_VP)
		e->vp = optarg;
	else if (option == EXPORT_FORMAT)
		e->format = optarg;
	else if (command_option(command, option) == -1)
		return EXIT_BAD_USAGE;
	return EXIT_DONE;
}

/* EXIT_DONE, or EXIT_BAD_USAGE after a line of log. */
static int
check_options(const struct export *e, bool words)
{
	const bool batches = strcmp(e->format, "batch") == 0;

	if (!batches && strcmp(e->format, "ripe-atlas") != 0)
		return command_usage(
		    "--format %s: batch or ripe-atlas", e->format);
	if (words || (batches && e->to == NULL))
		return command_usage("export: --to which folder? No words");
	if (!batches && e->to != NULL)
		return command_usage("export: --to belongs to --format batch");
	return EXIT_DONE;
}

static int
run_export(struct export *e, struct command *command)
{
	/* Batches come from the archive: the database is not looked at. */
	const bool batches = strcmp(e->format, "batch") == 0;
	int code;

	if (batches)
		command->db = "";
	if ((code = command_locate(command)) != EXIT_DONE)
		return code;
	if (!batches)
		return export_ripe_atlas(command->db, e->vp, stdout);
	if (command->archive == NULL)
		return command_usage("export: which archive? --archive DIR or "
				     "-f CONF");
	return export_archive(e, command->archive);
}

int
command_export(int argc, char **argv)
{
	struct command command = { 0 };
	struct export e = { .dirfd = -1, .format = "batch" };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE && (option = getopt_long(argc, argv,
					 COMMAND_LETTERS, options, NULL)) != -1)
		code = take_option(&command, &e, option);
	if (code == EXIT_DONE)
		code = check_options(&e, optind != argc);
	if (code == EXIT_DONE)
		code = run_export(&e, &command);
	command_clear(&command);
	return code;
}
