#include "collector/listen_answer.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/text.h"
#include "lib/times.h"

#define DAY_S 86400
#define BUSY_RETRY_S 60 /* another process writes: that ends soon */

/* The reason is one line of ASCII; quotes and backslashes it may have. */
static void
json_text(char *out, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text != '\0' && at + 3 < size; text++) {
		if (*text < ' ' || *text > '~')
			continue;
		if (*text == '"' || *text == '\\')
			out[at++] = '\\';
		out[at++] = *text;
	}
	out[at] = '\0';
}

void
answer_refuse(struct answer *answer, unsigned status, const char *reason)
{
	char text[600];

	*answer = (struct answer){ .status = status };
	json_text(text, sizeof(text), reason);
	(void)text_print(
	    answer->body, sizeof(answer->body), "{\"error\":\"%s\"}\n", text);
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE ||
	    status == MHD_HTTP_INSUFFICIENT_STORAGE)
		answer->retry_after_s =
		    1 + arc4random_uniform(LIMIT_RETRY_AFTER_S);
}

/* Until the day is over, and then not all at once. */
static unsigned
next_day_s(void)
{
	const int64_t now_s = wall_to_us(wall_now()) / 1000000;

	return (unsigned)(DAY_S - now_s % DAY_S) + 1 +
	       arc4random_uniform(LIMIT_RETRY_AFTER_S);
}

void
answer_verdict(struct answer *answer, const struct ingest_result *result)
{
	const struct batch_line *line = &result->line;
	unsigned status = (unsigned)ingest_verdict_status(result->verdict);
	char reason[400];

	if (result->verdict != INGEST_STORED &&
	    result->verdict != INGEST_DUPLICATE) {
		(void)text_print(reason, sizeof(reason), "%s: %s",
		    ingest_verdict_name(result->verdict), result->reason);
		answer_refuse(answer, status, reason);
		if (result->verdict == INGEST_OVER_QUOTA)
			answer->retry_after_s = next_day_s();
		if (result->verdict == INGEST_BUSY)
			answer->retry_after_s =
			    1 + arc4random_uniform(BUSY_RETRY_S);
		return;
	}
	*answer = (struct answer){ .status = status };
	(void)text_print(answer->body, sizeof(answer->body),
	    "{\"sha256\":\"%s\",\"vp\":\"%s\",\"spool\":\"%s\","
	    "\"number\":%" PRId64 ",\"stored\":true}\n",
	    line->sha256, line->vp, line->spool, line->number);
}

static void
add_headers(const struct answer *answer, struct MHD_Response *response)
{
	char seconds[16];

	(void)MHD_add_response_header(
	    response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(
		    response, MHD_HTTP_HEADER_ALLOW, "PUT");
	if (answer->close)
		(void)MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (answer->retry_after_s > 0 && text_print(seconds, sizeof(seconds),
					     "%u", answer->retry_after_s) == 0)
		(void)MHD_add_response_header(
		    response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

int
answer_send(const struct answer *answer, struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	char *body = (char *)(uintptr_t)answer->body;
	enum MHD_Result result;

	response = MHD_create_response_from_buffer(
	    strlen(body), body, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	add_headers(answer, response);
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return (int)result;
}
