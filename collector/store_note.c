#include "collector/store_note.h"

#include "collector/store_private.h"
#include "lib/json_out.h"

#define ACT_TEXT 2048

static struct query
bind_note(struct store *s, enum statement statement, const struct note *note)
{
	struct query q = query_start(s, statement);

	query_int(&q, wall_to_us(note->t));
	query_text(&q, note->target);
	query_text(&q, note->site);
	query_text(&q, note->text);
	return q;
}

static enum store_result
archive_note(struct store *s, const struct note *note)
{
	char text[ACT_TEXT];
	struct json_out out = json_out_over(text, sizeof(text));

	json_out_open(&out, '{');
	json_out_key(&out, "act");
	json_out_text(&out, "note");
	json_out_key(&out, "t_us");
	json_out_int(&out, wall_to_us(note->t));
	json_out_key(&out, "target");
	json_out_text_or_null(&out, note->target);
	json_out_key(&out, "site");
	json_out_text_or_null(&out, note->site);
	json_out_key(&out, "text");
	json_out_text(&out, note->text);
	json_out_close(&out, '}');
	if (json_out_end(&out) == 0)
		return STORE_BROKEN;
	return store_archive_act(s, text);
}

enum store_result
store_note(struct store *s, const struct note *note)
{
	struct query q = bind_note(s, STATEMENT_SAME_NOTE, note);
	const bool same = query_row(&q);
	enum store_result result = query_end(&q);

	if (result != STORE_OK || same)
		return result;
	q = bind_note(s, STATEMENT_ADD_NOTE, note);
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	return archive_note(s, note);
}
