#include "collector/import_batch.h"

#include <stdlib.h>
#include <string.h>
#include "collector/store_private.h"
#include "lib/batch_head.h"
#include "lib/json_in.h"
#include "lib/json_out.h"
#include "lib/log.h"
#include "lib/text.h"

#define TITLE_TEXT 1024
#define HEAD_TEXT 8192

static size_t
write_title(const struct store_batch *batch, const char *vp, char *text)
{
	struct json_out out = json_out_over(text, TITLE_TEXT);

	json_out_open(&out, '{');
	json_out_key(&out, "vp");
	json_out_text(&out, vp);
	json_out_key(&out, "spool");
	json_out_text(&out, batch->spool);
	json_out_key(&out, "number");
	json_out_int(&out, batch->number);
	json_out_key(&out, "sha256");
	json_out_hex(&out, batch->sha256, sizeof(batch->sha256));
	if (batch->keyid != NULL) {
		json_out_key(&out, "keyid");
		json_out_text(&out, batch->keyid);
	}
	json_out_close(&out, '}');
	return json_out_end(&out);
}

/* Text that grows: most batches of an import are one record. */
struct lines_out {
	char *text;
	size_t len, size;
};

static int
make_room(struct lines_out *out, size_t room)
{
	size_t size = out->size == 0 ? 16384 : out->size;
	char *more;

	while (size - out->len < room)
		size *= 2;
	if (size == out->size)
		return 0;
	if ((more = realloc(out->text, size)) == NULL)
		return -1;
	out->text = more;
	out->size = size;
	return 0;
}

static int
end_line(struct lines_out *out, size_t len)
{
	if (len == 0)
		return -1;
	out->len += len;
	out->text[out->len++] = '\n';
	return 0;
}

static int
write_lines(struct lines_out *out, const struct store_batch *batch,
    const char *vp, const struct record *records, size_t count)
{
	if (make_room(out, TITLE_TEXT + HEAD_TEXT + 2) == -1 ||
	    end_line(out, write_title(batch, vp, out->text)) == -1 ||
	    end_line(out, batch_head_to_json(batch->head, out->text + out->len,
			      HEAD_TEXT)) == -1)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (make_room(out, LIMIT_RECORD_LINE + 1) == -1 ||
		    end_line(
			out, record_to_json(&records[i], out->text + out->len,
				 LIMIT_RECORD_LINE)) == -1)
			return -1;
	}
	return 0;
}

enum store_result
import_batch_archive(struct store *s, const struct store_batch *batch,
    const struct record *records, size_t count)
{
	struct lines_out out = { 0 };
	char vp[LIMIT_VP_NAME + 1];
	enum store_result result;

	if (s->archive == NULL)
		return STORE_OK;
	if ((result = store_vp_name(s, batch->vp, vp)) != STORE_OK)
		return result;
	if (write_lines(&out, batch, vp, records, count) == -1) {
		log_warnx("archive: import: a batch that is too long");
		result = STORE_BROKEN;
	} else
		result = store_archive(s, "import", out.text, out.len);
	free(out.text);
	return result;
}

/* Lines of an entry, each with its number for messages. */
struct lines_in {
	const char *text;
	size_t left;
	unsigned number;
	char *error;
	size_t error_size;
};

static bool
take_line(struct lines_in *in, const char **line, size_t *len)
{
	const char *newline = memchr(in->text, '\n', in->left);

	if (newline == NULL)
		return false;
	*line = in->text;
	*len = (size_t)(newline - in->text);
	in->left -= *len + 1;
	in->text = newline + 1;
	in->number++;
	return true;
}

static int
refuse(struct lines_in *in, const char *reason)
{
	(void)text_print(
	    in->error, in->error_size, "line %u: %s", in->number, reason);
	return -1;
}

static int
read_title(
    struct lines_in *in, struct import_title *title, struct store_batch *batch)
{
	char reason[128];
	bool failed = false;
	struct json_in json = {
		.error = reason, .error_size = sizeof(reason), .failed = &failed
	};
	struct json_t *object;
	const char *line;
	size_t len;

	if (!take_line(in, &line, &len))
		return refuse(in, "is missing");
	if ((object = json_in_parse(line, len, reason, sizeof(reason))) == NULL)
		return refuse(in, reason);
	json.object = object;
	json_in_text(&json, "vp", title->vp, sizeof(title->vp));
	json_in_text(&json, "spool", title->spool, sizeof(title->spool));
	json_in_text(&json, "sha256", title->sha256, sizeof(title->sha256));
	/* Only where the batch was signed once. */
	if (json_in_value(&json, "keyid", false) != NULL)
		json_in_text(
		    &json, "keyid", title->keyid, sizeof(title->keyid));
	batch->number = json_in_int(&json, "number", INT64_MIN, INT64_MAX);
	json_in_free(object);
	if (failed)
		return refuse(in, reason);
	if (!text_is_vp_name(title->vp))
		return refuse(in, "vp: is no name");
	if (text_unhex(batch->sha256, sizeof(batch->sha256), &len,
		title->sha256) == -1 ||
	    len != sizeof(batch->sha256))
		return refuse(in, "sha256: is none");
	batch->spool = title->spool;
	batch->keyid = title->keyid[0] == '\0' ? NULL : title->keyid;
	return 0;
}

int
import_batch_title(struct import_title *title, const char *text, size_t len)
{
	char reason[200];
	struct lines_in in = {
		.text = text,
		.left = len,
		.error = reason,
		.error_size = sizeof(reason),
	};
	struct store_batch batch = { 0 };

	*title = (struct import_title){ 0 };
	if (read_title(&in, title, &batch) == -1)
		return -1;
	title->number = batch.number;
	return 0;
}

static int
read_head(struct lines_in *in, struct batch_head *head)
{
	char reason[128];
	const char *line;
	size_t len;

	if (!take_line(in, &line, &len))
		return refuse(in, "the head is missing");
	if (batch_head_from_json(head, line, len, reason, sizeof(reason)) == -1)
		return refuse(in, reason);
	return 0;
}

static enum store_result
restore_records(struct store *s, struct lines_in *in)
{
	struct record *record = malloc(sizeof(*record));
	enum store_result result = STORE_OK;
	char reason[128];
	const char *line;
	size_t len;

	if (record == NULL)
		return STORE_BROKEN;
	while (result == STORE_OK && take_line(in, &line, &len)) {
		if (record_from_json(
			record, line, len, reason, sizeof(reason)) == -1) {
			(void)refuse(in, reason);
			result = STORE_REFUSED;
		} else
			result = store_batch_add(s, record);
	}
	free(record);
	return result;
}

enum store_result
import_batch_restore(struct store *s, const char *text, size_t len, char *error,
    size_t error_size)
{
	struct lines_in in = {
		.text = text,
		.left = len,
		.error = error,
		.error_size = error_size,
	};
	struct batch_head head;
	struct import_title title = { 0 };
	struct store_batch batch = { .head = &head };
	enum store_result result;

	if (read_title(&in, &title, &batch) == -1 ||
	    read_head(&in, &head) == -1)
		return STORE_REFUSED;
	if ((result = store_vp(s, title.vp, true, &batch.vp)) != STORE_OK ||
	    (result = store_batch_begin(s, &batch)) != STORE_OK ||
	    (result = restore_records(s, &in)) != STORE_OK)
		return result;
	return store_batch_end(s);
}
