#include "collector/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/listen_socket.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

struct metrics {
	struct MHD_Daemon *daemon;
	struct meter *meter;
	const char *db;
	int fd; /* -1: the library's */
};

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, char *body)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(body), body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    status == MHD_HTTP_OK ? "application/openmetrics-text; "
				    "version=1.0.0; charset=utf-8"
				  : "text/plain");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(
		    response, MHD_HTTP_HEADER_ALLOW, "GET");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status)
{
	char text[] = "only GET /metrics\n", broken[] = "no figures: see the "
							"log\n";

	return answer(connection, status,
	    status == MHD_HTTP_INTERNAL_SERVER_ERROR ? broken : text);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **context)
{
	struct metrics *m = cls;
	enum MHD_Result result;
	char *page;

	(void)version;
	(void)data;
	/* First the head; a body, which nobody needs, is thrown away. */
	if (*context == NULL || *len > 0) {
		*context = m;
		*len = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	if ((page = metrics_page(m->meter, m->db)) == NULL)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR);
	result = answer(connection, MHD_HTTP_OK, page);
	free(page);
	return result;
}

static int
open_socket(struct metrics *m, const char *where)
{
	char local[64];
	struct addr addr;
	uint16_t port;

	if (strchr(where, ':') == NULL)
		(void)text_print(local, sizeof(local), "127.0.0.1:%s", where);
	else
		(void)text_copy(local, sizeof(local), where);
	if (listen_socket_parse(local, &addr, &port) == -1) {
		log_warnx("metrics %s: not of the form 9469, 192.0.2.1:9469 or "
			  "[2001:db8::1]:9469",
		    where);
		return EXIT_BAD_USAGE;
	}
	if ((m->fd = listen_socket_open(&addr, port)) == -1) {
		log_warn("metrics %s", where);
		return EXIT_PERMISSION;
	}
	return EXIT_DONE;
}

static void
say_listening(const struct metrics *m)
{
	char text[ADDR_TEXT];
	struct addr addr;
	uint16_t port;

	listen_socket_name(m->fd, &addr, &port);
	addr_format(text, &addr);
	log_warnx(addr.af == 6 ? "metrics on [%s]:%u" : "metrics on %s:%u",
	    text, port);
}

static int
start(struct metrics *m, const char *where)
{
	int code = open_socket(m, where);

	if (code != EXIT_DONE)
		return code;
	say_listening(m);
	m->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
	    on_request, m, MHD_OPTION_LISTEN_SOCKET, m->fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_METRICS_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_HTTP_HEAD_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HTTP_HEAD,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	m->fd = -1; /* the library's, whether it starts or not */
	if (m->daemon != NULL)
		return EXIT_DONE;
	log_warnx("metrics %s: the server does not start", where);
	return EXIT_PERMISSION;
}

struct metrics *
metrics_start(const char *where, const char *db, struct meter *meter, int *code)
{
	struct metrics *m = calloc(1, sizeof(*m));

	*code = EXIT_STORAGE;
	if (m == NULL)
		return NULL;
	*m = (struct metrics){ .meter = meter, .db = db, .fd = -1 };
	if ((*code = start(m, where)) == EXIT_DONE)
		return m;
	metrics_stop(m);
	return NULL;
}

void
metrics_stop(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->daemon != NULL)
		MHD_stop_daemon(m->daemon);
	if (m->fd != -1)
		(void)close(m->fd);
	free(m);
}
