#include "collector/import_ripe_atlas.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/import_json_stream.h"
#include "collector/import_ripe_atlas_result.h"
#include "collector/import_writer.h"
#include "collector/import_ripe_atlas_probes.h"
#include "collector/settle.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

/* What a measurement asks, as far as its answers say. */
struct measurement {
	int64_t id;
	struct atlas_question question;
	bool differs; /* not one question: none is given to the silent ones */
};

struct counts {
	uint64_t results;
	uint64_t answers, outcome[OUTCOME_COUNT];
	uint64_t unread[ATLAS_FAULTS], unread_answers[ATLAS_FAULTS];
};

struct import {
	struct import_writer writer;
	const struct import_options *options;
	struct atlas_question asked; /* of the options; name "": none */
	struct atlas_probes *probes;
	struct measurement *measurements;
	size_t measurement_count;
	FILE *held; /* results whose question is not known yet, a line each */
	struct counts counts;
	struct atlas_result result;
};

/* --- the store --- */

static void
set_target(struct import *im)
{
	struct atlas_result *r = &im->result;
	size_t i;

	for (i = 0; i < r->count; i++) {
		if (im->options->target != NULL)
			(void)text_copy(r->records[i].target,
			    sizeof(r->records[i].target), im->options->target);
		else
			(void)text_print(r->records[i].target,
			    sizeof(r->records[i].target), "msm-%" PRId64,
			    r->measurement);
	}
}

static enum store_result
add_batch(struct import *im)
{
	struct atlas_result *r = &im->result;
	struct batch_head head = { .round_at =
				       wall_from_us(r->time_s * 1000000),
		.questions = (int64_t)r->count,
		.clock_offset_us = -1,
		.clock_max_error_us = -1 };
	struct store_batch batch = { .number = r->number, .head = &head };
	char name[LIMIT_VP_NAME + 1], spool[40];
	enum store_result result;

	(void)text_copy(head.version, sizeof(head.version), "ripe-atlas");
	atlas_probe_name(name, r->probe);
	(void)text_print(
	    spool, sizeof(spool), "ripe-atlas:%" PRId64, r->measurement);
	batch.spool = spool;
	memcpy(batch.sha256, r->sha256, sizeof(batch.sha256));
	result = store_vp(im->writer.store, name, true, &batch.vp);
	if (result != STORE_OK)
		return result;
	return store_add_batch(im->writer.store, &batch, r->records, r->count);
}

/* Store the result that was read. 0, or the exit code. */
static int
keep_result(struct import *im, const json_t *object)
{
	int code;

	if ((code = import_begin(&im->writer)) != 0)
		return code;
	set_target(im);
	if ((code = import_added(&im->writer, add_batch(im))) != 0)
		return code;
	if (atlas_probes_see(
		im->probes, im->result.probe, im->result.time_s, object) == -1)
		return import_added(&im->writer, STORE_BROKEN);
	return import_commit_full(&im->writer);
}

/* --- what was asked --- */

static struct measurement *
find_measurement(const struct import *im, int64_t id)
{
	size_t i;

	/* Results of one measurement stand together: the last is the likely
	 * one. A download holds few measurements. */
	for (i = im->measurement_count; i > 0; i--)
		if (im->measurements[i - 1].id == id)
			return &im->measurements[i - 1];
	return NULL;
}

/* Remember what this result's answers say was asked. 0, or -1: no memory. */
static int
learn_question(struct import *im)
{
	struct atlas_question question;
	struct measurement *m;

	atlas_result_question(&im->result, &question);
	if (question.name[0] == '\0')
		return 0;
	if ((m = find_measurement(im, im->result.measurement)) != NULL) {
		if (strcmp(m->question.name, question.name) != 0)
			m->differs = true;
		return 0;
	}
	m = reallocarray(
	    im->measurements, im->measurement_count + 1, sizeof(*m));
	if (m == NULL)
		return -1;
	im->measurements = m;
	m[im->measurement_count++] = (struct measurement){
		.id = im->result.measurement,
		.question = question,
	};
	return 0;
}

static bool
lacks_question(const struct atlas_result *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->records[i].question[0] == '\0')
			return true;
	return false;
}

/* What a measurement asks is known for certain at the end of the import, in
 * whatever order its results came. */
static int
hold(struct import *im, const json_t *object)
{
	if (im->held == NULL && (im->held = tmpfile()) == NULL) {
		log_warn("import: temporary file");
		return EXIT_STORAGE;
	}
	if (json_dumpf(object, im->held, JSON_COMPACT) == -1 ||
	    putc('\n', im->held) == EOF) {
		log_warn("import: temporary file");
		return EXIT_STORAGE;
	}
	return 0;
}

static void
give_question(struct import *im)
{
	static const struct atlas_question unknown = { .name = "unknown",
		.qname = "." };
	const struct measurement *m =
	    find_measurement(im, im->result.measurement);

	if (im->asked.name[0] != '\0')
		atlas_result_set_question(&im->result, &im->asked);
	else if (m != NULL && !m->differs)
		atlas_result_set_question(&im->result, &m->question);
	else
		atlas_result_set_question(&im->result, &unknown);
}

/* --- results --- */

static void
count_answers(struct import *im)
{
	struct counts *c = &im->counts;
	size_t i;

	for (i = 0; i < im->result.count; i++)
		c->outcome[im->result.records[i].outcome]++;
	c->answers += im->result.count;
	for (i = 0; i < ATLAS_FAULTS; i++) {
		c->unread_answers[i] += im->result.unread[i];
		c->answers += im->result.unread[i];
	}
}

static int
take_object(struct import *im, const json_t *object)
{
	enum atlas_fault fault = atlas_result_read(&im->result, object);

	im->counts.results++;
	if (fault == ATLAS_OK) {
		count_answers(im);
		if (im->result.count == 0)
			fault = ATLAS_NONE_READ;
	}
	if (fault != ATLAS_OK) {
		im->counts.unread[fault]++;
		return 0;
	}
	if (im->asked.name[0] != '\0')
		give_question(im);
	if (learn_question(im) == -1) {
		log_warnx("import: no memory");
		return EXIT_STORAGE;
	}
	if (lacks_question(&im->result))
		return hold(im, object);
	return keep_result(im, object);
}

static int
take_text(struct import *im, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int code;

	code = take_object(im, object);
	json_decref(object);
	return code;
}

static int
open_failed(const char *path)
{
	const bool missing = errno == ENOENT || errno == EISDIR;
	const int code =
	    log_exit_code(errno, missing ? EXIT_BAD_USAGE : EXIT_STORAGE);

	log_warn("%s", path);
	return code;
}

static int
read_pieces(struct import *im, struct json_stream *stream, const char *path)
{
	enum json_piece piece;
	const char *text;
	size_t len;
	int code = 0;

	while (code == 0) {
		piece = json_stream_next(stream, &text, &len);
		if (piece == JSON_PIECE_END)
			break;
		if (piece == JSON_PIECE_UNREADABLE) {
			log_warnx("%s: %s", path,
			    errno == EBADMSG ? "damaged or cut"
					     : strerror(errno));
			return EXIT_STORAGE;
		}
		if (piece == JSON_PIECE_OBJECT) {
			code = take_text(im, text, len);
			continue;
		}
		im->counts.results++;
		im->counts
		    .unread[piece == JSON_PIECE_TOO_LONG ? ATLAS_TOO_LONG
							 : ATLAS_NOT_JSON]++;
	}
	return code;
}

static int
import_file(struct import *im, const char *path)
{
	uint64_t answers = im->counts.answers;
	struct json_stream *stream;
	int code;

	if ((stream = json_stream_open(path, LIMIT_ATLAS_RESULT)) == NULL)
		return open_failed(path);
	code = read_pieces(im, stream, path);
	json_stream_close(stream);
	if (code == 0 && im->counts.answers == answers) {
		log_warnx(
		    "%s: no RIPE Atlas results that can be read in it", path);
		return EXIT_BAD_USAGE;
	}
	return code;
}

/* The results that waited for their question. */
static int
import_held(struct import *im)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	json_t *object;
	int code = 0;

	if (im->held == NULL)
		return 0;
	if (fflush(im->held) == EOF || fseek(im->held, 0, SEEK_SET) == -1) {
		log_warn("import: temporary file");
		return EXIT_STORAGE;
	}
	while (code == 0 && (len = getline(&line, &size, im->held)) > 0) {
		object = json_loadb(line, (size_t)len, 0, NULL);
		if (atlas_result_read(&im->result, object) == ATLAS_OK) {
			give_question(im);
			code = keep_result(im, object);
		}
		json_decref(object);
	}
	if (ferror(im->held)) {
		log_warn("import: temporary file");
		code = EXIT_STORAGE;
	}
	free(line);
	return code;
}

/* --- the end --- */

static void
print_reasons(const char *what, const uint64_t counts[ATLAS_FAULTS])
{
	int i;

	for (i = ATLAS_OK + 1; i < ATLAS_FAULTS; i++)
		if (counts[i] > 0)
			printf("%s not read: %" PRIu64 " (%s)\n", what,
			    counts[i], atlas_fault_name((enum atlas_fault)i));
}

static void
print_summary(const struct counts *c, const struct import_writer *w)
{
	int i;

	printf("%" PRIu64 " results: %" PRIu64 " stored, %" PRIu64
	       " stored before, %" PRIu64 " in conflict\n",
	    c->results, w->stored, w->duplicates, w->conflicts);
	printf("%" PRIu64 " answers:", c->answers);
	for (i = 0; i < OUTCOME_COUNT; i++)
		if (c->outcome[i] > 0 || i == OUTCOME_ANSWERED)
			printf("%s %" PRIu64 " %s", i > 0 ? "," : "",
			    c->outcome[i], outcome_name((enum outcome)i));
	printf("\n");
	print_reasons("results", c->unread);
	print_reasons("answers", c->unread_answers);
}

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

static int
import_files(struct import *im)
{
	int code = 0;
	size_t i;

	for (i = 0; i < im->options->file_count && !im->writer.failed; i++) {
		code = worse(code, import_file(im, im->options->files[i]));
	}
	if (!im->writer.failed)
		code = worse(code, import_held(im));
	return worse(code, import_commit(&im->writer));
}

static int
finish(struct import *im)
{
	struct wall always = { INT64_MAX };
	enum store_result result;
	int64_t left;

	result = atlas_probes_store(im->probes, im->writer.store);
	if (result == STORE_OK)
		result = settle_marked(im->writer.store, 0, always, &left);
	return result == STORE_OK ? 0 : import_failed(&im->writer, result);
}

static int
prepare(struct import *im)
{
	const struct import_options *options = im->options;
	char error[512];

	if (options->target != NULL &&
	    !text_is_printable(options->target, LIMIT_TARGET_NAME)) {
		log_warnx("import: target: 1 to %d printable ASCII characters",
		    LIMIT_TARGET_NAME);
		return EXIT_BAD_USAGE;
	}
	if (options->question != NULL &&
	    atlas_question_parse(&im->asked, options->question) == -1) {
		log_warnx("import: question %s: no name", options->question);
		return EXIT_BAD_USAGE;
	}
	if ((im->probes = atlas_probes_new()) == NULL) {
		log_warnx("import: no memory");
		return EXIT_STORAGE;
	}
	if (options->probes != NULL &&
	    atlas_probes_load(
		im->probes, options->probes, error, sizeof(error)) == -1) {
		log_warnx("%s", error);
		return EXIT_BAD_USAGE;
	}
	return 0;
}

int
import_ripe_atlas(struct store *store, const struct import_options *options)
{
	struct import *im;
	int code;

	if ((im = calloc(1, sizeof(*im))) == NULL) {
		log_warnx("import: no memory");
		return EXIT_STORAGE;
	}
	im->writer.store = store;
	im->options = options;
	if ((code = prepare(im)) == 0) {
		code = import_files(im);
		if (!im->writer.failed)
			code = worse(code, finish(im));
		print_summary(&im->counts, &im->writer);
	}
	if (im->held != NULL)
		(void)fclose(im->held);
	atlas_probes_free(im->probes);
	free(im->measurements);
	free(im);
	return code;
}
