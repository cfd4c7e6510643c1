#include "collector/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/import_accollect.h"
#include "collector/import_manycastr.h"
#include "collector/import_ripe_atlas.h"
#include "collector/ingest.h"
#include "collector/settle.h"
#include "lib/lines.h"
#include "lib/log.h"
#include "lib/text.h"

/* A batch file, whole: two lines and a body. */
#define FILE_MAX (LIMIT_BATCH_LINE + 256 + LIMIT_BATCH_BYTES)

enum {
	IMPORT_FORMAT = OPTION_OWN,
	IMPORT_PROBES,
	IMPORT_TARGET,
	IMPORT_QUESTION,
	IMPORT_ADDRESS,
	IMPORT_AT,
};

static const struct option long_options[] = {
	COMMAND_OPTIONS,
	{ "format", required_argument, NULL, IMPORT_FORMAT },
	{ "probes", required_argument, NULL, IMPORT_PROBES },
	{ "target", required_argument, NULL, IMPORT_TARGET },
	{ "question", required_argument, NULL, IMPORT_QUESTION },
	{ "address", required_argument, NULL, IMPORT_ADDRESS },
	{ "at", required_argument, NULL, IMPORT_AT },
	{ NULL, 0, NULL, 0 },
};

struct import_command {
	struct command command;
	const char *format, *probes, *target, *question, *address, *at;
	char *const *files;
	size_t file_count;
};

/* --- batch files --- */

/* 0, or -1 with errno. Standard input too, hence no length beforehand. */
static int
read_stream(FILE *stream, uint8_t **bytes, size_t *len)
{
	uint8_t *buffer = malloc(FILE_MAX + 1);

	if (buffer == NULL)
		return -1;
	*len = fread(buffer, 1, FILE_MAX + 1, stream);
	if (ferror(stream) || *len > FILE_MAX) {
		const int error = ferror(stream) ? errno : EFBIG;

		free(buffer);
		errno = error;
		return -1;
	}
	*bytes = buffer;
	return 0;
}

static int
read_batch(const char *path, uint8_t **bytes, size_t *len)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int status, error;

	if (stream == NULL)
		return -1;
	status = read_stream(stream, bytes, len);
	error = errno;
	if (stream != stdin)
		(void)fclose(stream);
	errno = error;
	return status;
}

/* What is worse decides the exit code. */
static int
code_of(enum ingest_verdict verdict)
{
	switch (verdict) {
	case INGEST_STORED:
	case INGEST_DUPLICATE:
		return EXIT_DONE;
	case INGEST_BUSY:
	case INGEST_FULL:
	case INGEST_BROKEN:
		return EXIT_STORAGE;
	default:
		return EXIT_UNANSWERED;
	}
}

/* The line is printed after the commit: whoever reads "stored" may delete
 * the file. */
static int
import_file(struct store *s, const char *path)
{
	struct ingest_result result;
	uint8_t *bytes = NULL;
	size_t len;

	if (read_batch(path, &bytes, &len) == -1) {
		const int code = log_exit_code(errno, EXIT_BAD_USAGE);

		log_warn("%s", path);
		return code;
	}
	ingest_batch(s, bytes, len, &result);
	free(bytes);
	if (result.verdict == INGEST_STORED ||
	    result.verdict == INGEST_DUPLICATE)
		(void)printf("%s: %s: %s number %lld, %lld records\n", path,
		    ingest_verdict_name(result.verdict), result.line.vp,
		    (long long)result.line.number,
		    (long long)result.line.records);
	else
		(void)printf("%s: %s: %s\n", path,
		    ingest_verdict_name(result.verdict), result.reason);
	(void)fflush(stdout);
	return code_of(result.verdict);
}

static int
import_batches(struct store *s, char *const *paths, size_t count)
{
	const struct wall always = { INT64_MAX };
	int code = EXIT_DONE, settled;
	int64_t left;

	for (size_t i = 0; i < count; i++) {
		const int file = import_file(s, paths[i]);

		code = file > code ? file : code;
		if (file == EXIT_STORAGE)
			break; /* the next will hardly fare better */
	}
	settled = command_result(settle_marked(s, 0, always, &left), "settle");
	return settled > code ? settled : code;
}

/* --- other formats --- */

static int
run_batches(struct store *s, const struct import_command *import)
{
	return import_batches(s, import->files, import->file_count);
}

static int
run_accollect(struct store *s, const struct import_command *import)
{
	return import_accollect(s, import->files, import->file_count);
}

static int
run_ripe_atlas(struct store *s, const struct import_command *import)
{
	const struct import_options options = {
		.target = import->target,
		.probes = import->probes,
		.question = import->question,
		.files = import->files,
		.file_count = import->file_count,
	};

	return import_ripe_atlas(s, &options);
}

static int
run_manycastr(struct store *s, const struct import_command *import)
{
	struct manycastr_options options = {
		.target = import->target,
		.has_time = import->at != NULL,
		.files = import->files,
		.file_count = import->file_count,
	};

	if (import->address != NULL &&
	    addr_parse(&options.address, import->address) == -1)
		return command_usage(
		    "--address %s: no address", import->address);
	if (import->at != NULL && wall_parse(&options.time, import->at) == -1)
		return command_usage("--at %s: no time", import->at);
	if (import->target != NULL &&
	    !text_is_printable(import->target, LIMIT_TARGET_NAME))
		return command_usage("--target: 1 to %d printable characters",
		    LIMIT_TARGET_NAME);
	return import_manycastr(s, &options);
}

/* Which options belong to a format. */
static const struct format {
	const char *name;
	int (*run)(struct store *, const struct import_command *);
	bool target, atlas, manycastr;
} formats[] = {
	{ "batch", run_batches, false, false, false },
	{ "accollect", run_accollect, false, false, false },
	{ "ripe-atlas", run_ripe_atlas, true, true, false },
	{ "manycastr", run_manycastr, true, false, true },
};

static const struct format *
find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

/* --- the command --- */

static int
take_option(struct import_command *import, int option)
{
	const char **texts[] = {
		[IMPORT_FORMAT - OPTION_OWN] = &import->format,
		[IMPORT_PROBES - OPTION_OWN] = &import->probes,
		[IMPORT_TARGET - OPTION_OWN] = &import->target,
		[IMPORT_QUESTION - OPTION_OWN] = &import->question,
		[IMPORT_ADDRESS - OPTION_OWN] = &import->address,
		[IMPORT_AT - OPTION_OWN] = &import->at,
	};

	if (option >= IMPORT_FORMAT && option <= IMPORT_AT) {
		*texts[option - OPTION_OWN] = optarg;
		return EXIT_DONE;
	}
	return command_option(&import->command, option) == -1 ? EXIT_BAD_USAGE
							      : EXIT_DONE;
}

/* EXIT_DONE, or EXIT_BAD_USAGE after a line of log. */
static int
check_options(const struct import_command *import, const struct format *format)
{
	if (format == NULL)
		return command_usage("--format %s: batch, accollect, "
				     "ripe-atlas or manycastr",
		    import->format);
	if (import->target != NULL && !format->target)
		return command_usage(
		    "--target does not belong to --format %s", format->name);
	if ((import->probes != NULL || import->question != NULL) &&
	    !format->atlas)
		return command_usage("--probes and --question belong to "
				     "--format ripe-atlas");
	if ((import->address != NULL || import->at != NULL) &&
	    !format->manycastr)
		return command_usage("--address and --at belong to "
				     "--format manycastr");
	if (import->file_count == 0)
		return command_usage("import: which files?");
	return EXIT_DONE;
}

static int
run_import(struct import_command *import)
{
	const struct format *format = find_format(import->format);
	int code = check_options(import, format);
	struct store *s;

	if (code != EXIT_DONE)
		return code;
	if ((s = command_open(&import->command, &code)) == NULL)
		return code;
	code = format->run(s, import);
	store_close(s);
	return code;
}

int
command_import(int argc, char **argv)
{
	struct import_command import = { .format = "batch" };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, long_options, NULL)) != -1)
		code = take_option(&import, option);
	import.files = argv + optind;
	import.file_count = (size_t)(argc - optind);
	if (code == EXIT_DONE)
		code = run_import(&import);
	command_clear(&import.command);
	return code;
}
