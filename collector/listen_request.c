#include "collector/listen_request.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

#define PATH_BASE "/v1/batch/"

/* A head being read, header by header. */
struct reading {
	struct request_head *head;
	const char *content_length, *host, *expect;
	size_t bytes; /* that the head has in the one form we take */
	unsigned status;
	const char *reason;
};

static void
refuse(struct reading *r, unsigned status, const char *reason)
{
	if (r->status != 0)
		return;
	r->status = status;
	r->reason = reason;
}

/* RFC 9110 section 5.6.2. */
static bool
is_token(const char *text, size_t len)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	size_t i;

	for (i = 0; i < len; i++) {
		char c = text[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');

		if (!alnum && (c == '\0' || strchr(marks, c) == NULL))
			return false;
	}
	return len > 0;
}

static bool
is_plain_value(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool
is_named(const char *key, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(key, name, len) == 0;
}

static void
keep_once(struct reading *r, const char **slot, const char *value)
{
	if (*slot != NULL)
		refuse(r, 400, "a header that may come once came twice");
	*slot = value;
}

static void
read_header(struct reading *r, const char *key, size_t key_len,
    const char *value, size_t len)
{
	struct request_head *head = r->head;

	if (is_named(key, key_len, "Content-Length"))
		keep_once(r, &r->content_length, value);
	else if (is_named(key, key_len, "Transfer-Encoding"))
		refuse(r, 501, "Transfer-Encoding is not taken");
	else if (is_named(key, key_len, "Content-Encoding"))
		refuse(r, 415, "Content-Encoding is not taken");
	else if (is_named(key, key_len, "Host"))
		keep_once(r, &r->host, value);
	else if (is_named(key, key_len, "Expect"))
		keep_once(r, &r->expect, value);
	else if (is_named(key, key_len, "Acbatch-Signature"))
		keep_once(r, &head->signature, value);
	else if (is_named(key, key_len, "Acbatch")) {
		keep_once(r, &head->batch, value);
		head->batch_len = len;
	}
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
    const char *value, size_t len)
{
	struct reading *r = cls;

	(void)kind;
	r->bytes += key_len + strlen(": ") + len + strlen("\r\n");
	if (!is_token(key, key_len))
		refuse(r, 400, "a header's name is no token");
	else if (value == NULL || !is_plain_value(value, len))
		refuse(r, 400, "a header's value is not printable ASCII");
	else
		read_header(r, key, key_len, value, len);
	return MHD_YES;
}

/* Every byte of the head is in what was read of it: nothing was folded,
 * skipped, or cut at a NUL. */
static bool
is_whole(const struct reading *r, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info != NULL && info->header_size == r->bytes;
}

static void
read_length(struct reading *r)
{
	const char *text = r->content_length;
	int64_t len;

	if (text == NULL) {
		refuse(r, 411, "no Content-Length");
		return;
	}
	if (text[0] < '0' || text[0] > '9' ||
	    text_int(&len, text, 0, INT64_MAX) == -1) {
		refuse(r, 400, "Content-Length is no number");
		return;
	}
	if ((uint64_t)len > REQUEST_BODY_MAX) {
		refuse(r, 413, "larger than a batch can be");
		return;
	}
	r->head->body_len = (size_t)len;
}

static void
read_expect(struct reading *r)
{
	if (r->expect == NULL)
		return;
	if (strcasecmp(r->expect, "100-continue") == 0)
		r->head->expects_continue = true;
	else
		refuse(r, 417, "Expect is not 100-continue");
}

/* One part of the path, which ends with a slash or, the last, with the path. */
static int
take_part(const char **path, char end, char *part, size_t size)
{
	size_t len = strcspn(*path, "/");

	if (len == 0 || (*path)[len] != end ||
	    text_print(part, size, "%.*s", (int)len, *path) == -1)
		return -1;
	*path += len + (end == '/' ? 1 : 0);
	return 0;
}

static bool
has_path_characters(const char *uri)
{
	return uri[strspn(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz"
			       "0123456789/._-")] == '\0';
}

static void
read_path(struct reading *r, const char *uri)
{
	struct request_head *head = r->head;
	char number[24], again[24];

	if (uri[0] != '/' || !has_path_characters(uri)) {
		refuse(r, 400,
		    "the path has other characters than A-Z a-z "
		    "0-9 / . _ -");
		return;
	}
	if (strncmp(uri, PATH_BASE, strlen(PATH_BASE)) != 0) {
		refuse(r, 404, "the only path is " PATH_BASE "VP/SPOOL/NUMBER");
		return;
	}
	uri += strlen(PATH_BASE);
	if (take_part(&uri, '/', head->vp, sizeof(head->vp)) == -1 ||
	    take_part(&uri, '/', head->spool, sizeof(head->spool)) == -1 ||
	    take_part(&uri, '\0', number, sizeof(number)) == -1 ||
	    !text_is_vp_name(head->vp) ||
	    text_int(&head->number, number, 1, INT64_MAX) == -1 ||
	    text_print(again, sizeof(again), "%lld", (long long)head->number) ==
		-1 ||
	    strcmp(number, again) != 0)
		refuse(r, 400, "the path does not name a batch");
}

static void
read_line(struct reading *r, const struct request_line *line)
{
	if (strcmp(line->version, "HTTP/1.1") != 0)
		refuse(r, 505, "HTTP/1.1 only");
	if (strcmp(line->method, "PUT") != 0)
		refuse(r, 405, "PUT only");
	read_path(r, line->uri);
}

unsigned
request_head_read(struct request_head *head, struct MHD_Connection *connection,
    const struct request_line *line, const char **reason)
{
	struct reading r = { .head = head };

	*head = (struct request_head){ 0 };
	if (line->uri[0] == '\0')
		refuse(&r, 414, "the path is too long");
	r.bytes = strlen(line->method) + strlen(line->uri) +
		  strlen(line->version) + strlen("  \r\n") + strlen("\r\n");
	(void)MHD_get_connection_values_n(
	    connection, MHD_HEADER_KIND, on_header, &r);
	if (!is_whole(&r, connection))
		refuse(&r, 400, "a header is not of the form \"Name: value\"");
	if (r.status == 0)
		read_length(&r);
	if (r.status != 0) {
		head->body_len = 0;
		*reason = r.reason;
		return r.status;
	}
	read_expect(&r);
	read_line(&r, line);
	if (head->batch == NULL || head->signature == NULL)
		refuse(&r, 400, "no Acbatch or no Acbatch-Signature header");
	*reason = r.reason;
	return r.status;
}
