#include "collector/store_act.h"

#include <string.h>
#include "collector/store_private.h"

void
store_act_begin(struct store_act *a, const char *act)
{
	a->out = json_out_over(a->text, sizeof(a->text));
	json_out_open(&a->out, '{');
	json_out_key(&a->out, "act");
	json_out_text(&a->out, act);
}

enum store_result
store_act_begin_vp(
    struct store_act *a, struct store *s, const char *act, int64_t vp)
{
	char name[LIMIT_VP_NAME + 1];
	enum store_result result = store_vp_name(s, vp, name);

	store_act_begin(a, act);
	if (result != STORE_OK)
		return result;
	json_out_key(&a->out, "vp");
	json_out_text(&a->out, name);
	return STORE_OK;
}

enum store_result
store_act_end(struct store_act *a, struct store *s)
{
	json_out_close(&a->out, '}');
	if (json_out_end(&a->out) == 0)
		return STORE_BROKEN;
	return store_archive(s, "act", a->text, strlen(a->text));
}
