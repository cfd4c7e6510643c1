/*
 * What a collector's answer means. Only a receipt that names exactly the
 * batch lets it go: a portal, a proxy or a fault answers 200 just as well.
 */
#include "probe/ship.h"

#include <string.h>
#include "lib/escape.h"
#include "lib/json_in.h"
#include "lib/text.h"

/* An hour: a collector that asks for more is asked again all the same. */
#define RETRY_AFTER_MAX_S 3600
#define SHOWN 200 /* bytes of a strange answer that are shown */

/* Without the white space at its end. */
static size_t
trimmed(const char *body, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", body[len - 1]) != NULL &&
	       body[len - 1] != '\0')
		len--;
	return len;
}

static struct json_t *
parse_body(const struct ship_reply *reply)
{
	char error[128];

	if (!reply->complete)
		return NULL;
	return json_in_parse(reply->body, trimmed(reply->body, reply->len),
	    error, sizeof(error));
}

static bool
is_receipt(const struct batch_line *line, const struct ship_reply *reply)
{
	char sha256[SIGN_SHA256_TEXT], vp[LIMIT_VP_NAME + 1];
	char spool[BATCH_SPOOL_TEXT], error[128];
	bool failed = false, stored;
	struct json_in in = {
		.error = error, .error_size = sizeof(error), .failed = &failed
	};
	struct json_t *object = parse_body(reply);
	int64_t number;

	if (object == NULL)
		return false;
	in.object = object;
	json_in_text(&in, "sha256", sha256, sizeof(sha256));
	json_in_text(&in, "vp", vp, sizeof(vp));
	json_in_text(&in, "spool", spool, sizeof(spool));
	number = json_in_int(&in, "number", 1, INT64_MAX);
	stored = json_in_flag(&in, "stored") == 1;
	json_in_free(object);
	return !failed && stored && strcmp(sha256, line->sha256) == 0 &&
	       strcmp(vp, line->vp) == 0 && strcmp(spool, line->spool) == 0 &&
	       number == line->number;
}

/* The collector's own words, or the start of what came instead. */
static void
quote_body(const struct ship_reply *reply, char *text, size_t size)
{
	struct json_t *object = parse_body(reply);
	char error[128], ours[256] = "";
	bool failed = false;
	struct json_in in = { .object = object,
		.error = error,
		.error_size = sizeof(error),
		.failed = &failed };
	size_t len = trimmed(reply->body, reply->len);

	if (object != NULL) {
		json_in_text(&in, "error", ours, sizeof(ours));
		json_in_free(object);
	}
	if (ours[0] != '\0')
		(void)text_copy(text, size, ours);
	else
		(void)escape_text(
		    text, size, reply->body, len < SHOWN ? len : SHOWN);
}

static enum ship_verdict
verdict_of(long status)
{
	switch (status) {
	case 409:
		return SHIP_CONFLICT;
	case 400:
	case 413:
	case 415:
	case 422:
		return SHIP_REJECTED;
	case 408:
	case 429:
		return SHIP_RETRY;
	default:
		return status >= 500 && status < 600 ? SHIP_RETRY : SHIP_KEEP;
	}
}

void
ship_judge(const struct batch_line *line, const struct ship_reply *reply,
    struct ship_answer *answer)
{
	char quoted[SHOWN * 2];

	*answer = (struct ship_answer){ .verdict = verdict_of(reply->status) };
	if (reply->retry_after_s > 0)
		answer->retry_after_s = reply->retry_after_s < RETRY_AFTER_MAX_S
					    ? reply->retry_after_s
					    : RETRY_AFTER_MAX_S;
	if (reply->status == 200 || reply->status == 201) {
		if (is_receipt(line, reply)) {
			answer->verdict = SHIP_STORED;
			return;
		}
		(void)text_print(answer->reason, sizeof(answer->reason),
		    "HTTP %ld without a receipt for this batch (a portal or "
		    "proxy in between?)",
		    reply->status);
		return;
	}
	quote_body(reply, quoted, sizeof(quoted));
	(void)text_print(answer->reason, sizeof(answer->reason), "HTTP %ld%s%s",
	    reply->status, quoted[0] == '\0' ? "" : ": ", quoted);
}
