#include "collector/store_note.h"

#include "collector/store_act.h"
#include "collector/store_private.h"

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
	struct store_act act;

	store_act_begin(&act, "note");
	json_out_key(&act.out, "t_us");
	json_out_int(&act.out, wall_to_us(note->t));
	json_out_key(&act.out, "target");
	json_out_text_or_null(&act.out, note->target);
	json_out_key(&act.out, "site");
	json_out_text_or_null(&act.out, note->site);
	json_out_key(&act.out, "text");
	json_out_text(&act.out, note->text);
	return store_act_end(&act, s);
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
