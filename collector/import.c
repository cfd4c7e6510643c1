#include "collector/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/import_ripe_atlas.h"
#include "collector/ingest.h"
#include "collector/settle.h"
#include "lib/lines.h"
#include "lib/log.h"

/* A batch file, whole: two lines and a body. */
#define FILE_MAX (LIMIT_BATCH_LINE + 256 + LIMIT_BATCH_BYTES)

enum {
	IMPORT_FORMAT = OPTION_OWN,
	IMPORT_PROBES,
	IMPORT_TARGET,
	IMPORT_QUESTION,
};

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "format", required_argument, NULL, IMPORT_FORMAT },
	{ "probes", required_argument, NULL, IMPORT_PROBES },
	{ "target", required_argument, NULL, IMPORT_TARGET },
	{ "question", required_argument, NULL, IMPORT_QUESTION },
	{ NULL, 0, NULL, 0 },
};

struct import_command {
	struct command command;
	const char *format;
	struct import_options atlas;
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
		const int code =
		    errno == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;

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

/* --- the command --- */

static int
take_option(struct import_command *import, int option)
{
	switch (option) {
	case IMPORT_FORMAT:
		import->format = optarg;
		return EXIT_DONE;
	case IMPORT_PROBES:
		import->atlas.probes = optarg;
		return EXIT_DONE;
	case IMPORT_TARGET:
		import->atlas.target = optarg;
		return EXIT_DONE;
	case IMPORT_QUESTION:
		import->atlas.question = optarg;
		return EXIT_DONE;
	default:
		return command_option(&import->command, option) == -1
			   ? EXIT_BAD_USAGE
			   : EXIT_DONE;
	}
}

static int
run_import(struct import_command *import)
{
	const bool atlas = strcmp(import->format, "ripe-atlas") == 0;
	struct store *s;
	int code;

	if (!atlas && strcmp(import->format, "batch") != 0)
		return command_usage(
		    "--format %s: batch or ripe-atlas", import->format);
	if (!atlas &&
	    (import->atlas.probes != NULL || import->atlas.target != NULL ||
		import->atlas.question != NULL))
		return command_usage("--probes, --target and --question "
				     "belong to --format ripe-atlas");
	if (import->atlas.file_count == 0)
		return command_usage("import: which files?");
	if ((s = command_open(&import->command, &code)) == NULL)
		return code;
	if (atlas)
		code = import_ripe_atlas(s, &import->atlas);
	else
		code = import_batches(
		    s, import->atlas.files, import->atlas.file_count);
	store_close(s);
	return code;
}

int
command_import(int argc, char **argv)
{
	struct import_command import = { .format = "batch" };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE && (option = getopt_long(argc, argv,
					 COMMAND_LETTERS, options, NULL)) != -1)
		code = take_option(&import, option);
	import.atlas.files = argv + optind;
	import.atlas.file_count = (size_t)(argc - optind);
	if (code == EXIT_DONE)
		code = run_import(&import);
	command_clear(&import.command);
	return code;
}
