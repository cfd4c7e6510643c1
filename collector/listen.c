#include "collector/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/listen_certificate.h"
#include "collector/listen_peers.h"
#include "collector/listen_socket.h"
#include "collector/listen_upload.h"
#include "collector/metrics.h"
#include "collector/pipeline.h"
#include "collector/pruner.h"
#include "lib/addr.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

#define TURN_MS 250     /* deadlines are looked at this often */
#define FILES_BESIDE 64 /* descriptors that are no connections */

struct server {
	struct store *store;  /* the pipeline's, while there is one */
	struct store *reader; /* for what is said before a body comes */
	struct pipeline *pipeline;
	struct pruner *pruner; /* NULL: all is kept */
	const struct listen_options *options;
	struct peers peers;
	struct uploads uploads;
	struct meter meter;
	struct metrics *metrics; /* NULL: none */
	struct listen_certificate certificate;
	int listen_fd, signal_fd;
	sigset_t old_signals;
	bool signals_taken;
	struct MHD_Daemon *daemon;
};

/* --- the library's callbacks --- */

static enum MHD_Result
on_accept(void *cls, const struct sockaddr *sa, socklen_t len)
{
	struct server *s = cls;

	(void)len;
	return peers_may_join(&s->peers, sa) ? MHD_YES : MHD_NO;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;
	const union MHD_ConnectionInfo *fd, *sa;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context != NULL)
			peers_leave(&s->peers, *context);
		*context = NULL;
		return;
	}
	fd = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	sa = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (fd == NULL || sa == NULL)
		return;
	*context = peers_join(&s->peers, fd->connect_fd, sa->client_addr,
	    mono_add(mono_now(), span_s(LIMIT_HTTP_HEAD_S)));
}

static void *
on_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct server *s = cls;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct peer *peer = info == NULL ? NULL : info->socket_context;

	return upload_new(&s->uploads, peer, uri);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **context)
{
	(void)cls;
	(void)url; /* decoded: the path as it was sent is checked instead */
	return (enum MHD_Result)upload_handle(
	    *context, connection, method, version, data, len);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	(void)cls;
	(void)connection;
	(void)code;
	upload_free(*context);
	*context = NULL;
}

static size_t
keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static void __attribute__((format(printf, 2, 0)))
on_log(void *cls, const char *format, va_list args)
{
	char line[512];

	(void)cls;
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	log_info("listen: %s", line);
}

/* --- start --- */

static void
say_listening(const struct server *s)
{
	struct addr addr;
	char text[ADDR_TEXT];
	uint16_t port;

	listen_socket_name(s->listen_fd, &addr, &port);
	addr_format(text, &addr);
	if (s->options->print_port) {
		printf("%u\n", port);
		(void)fflush(stdout);
	}
	log_warnx(addr.af == 6 ? "listening on [%s]:%u" : "listening on %s:%u",
	    text, port);
}

static int
start_socket(struct server *s)
{
	struct addr addr;
	uint16_t port;

	if (listen_socket_parse(s->options->listen, &addr, &port) == -1) {
		log_warnx("listen %s: not of the form 192.0.2.1:8443 or "
			  "[2001:db8::1]:8443",
		    s->options->listen);
		return EXIT_BAD_USAGE;
	}
	s->listen_fd = listen_socket_open(&addr, port);
	if (s->listen_fd == -1) {
		log_warn("listen %s", s->options->listen);
		return EXIT_PERMISSION;
	}
	return EXIT_DONE;
}

static int
start_tls(struct server *s)
{
	s->certificate.chain_path = s->options->certificate;
	s->certificate.key_path = s->options->certificate_key;
	return listen_certificate_read(&s->certificate);
}

/* Not more connections than descriptors: each may have a file beside. */
static size_t
connection_limit(const struct listen_options *options)
{
	size_t wanted = options->connections > 0 ? (size_t)options->connections
						 : LIMIT_HTTP_CONNECTIONS;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return wanted;
	if (files.rlim_cur < wanted * 2 + FILES_BESIDE) {
		files.rlim_cur = files.rlim_max < wanted * 2 + FILES_BESIDE
				     ? files.rlim_max
				     : wanted * 2 + FILES_BESIDE;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= wanted * 2 + FILES_BESIDE)
		return wanted;
	return files.rlim_cur > FILES_BESIDE + 8
		   ? (files.rlim_cur - FILES_BESIDE) / 2
		   : 4;
}

static int
start_uploads(struct server *s)
{
	const struct listen_options *options = s->options;
	size_t per_address = options->connections_per_address > 0
				 ? (size_t)options->connections_per_address
				 : LIMIT_HTTP_PER_ADDRESS;
	int fd;

	if (peers_init(&s->peers, connection_limit(options), per_address) ==
	    -1) {
		log_warnx("listen: no memory");
		return EXIT_STORAGE;
	}
	s->uploads = (struct uploads){
		.peers = &s->peers, .meter = &s->meter, .log_minute = mono_now()
	};
	s->uploads.temp_dirfd =
	    open(options->temp_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = s->uploads.temp_dirfd == -1
		 ? -1
		 : upload_temp_file(s->uploads.temp_dirfd);
	if (fd == -1) {
		const int code = log_exit_code(errno, EXIT_STORAGE);

		log_warn("%s: temporary file", options->temp_dir);
		return code;
	}
	(void)close(fd);
	return EXIT_DONE;
}

static int
start_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN);
	s->signals_taken = sigprocmask(SIG_BLOCK, &set, &s->old_signals) == 0;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd != -1)
		return EXIT_DONE;
	log_warn("signalfd");
	return EXIT_PERMISSION;
}

static int
start_daemon(struct server *s)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ERROR_LOG |
			 MHD_ALLOW_SUSPEND_RESUME;

	s->daemon = MHD_start_daemon(flags, 0, on_accept, s, on_request, s,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, s, /* first: for the others */
	    MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_HTTPS_MEM_KEY,
	    s->certificate.key, MHD_OPTION_HTTPS_MEM_CERT, s->certificate.chain,
	    MHD_OPTION_HTTPS_PRIORITIES,
	    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->peers.size,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_HTTP_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HTTP_HEAD,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	    MHD_OPTION_URI_LOG_CALLBACK, on_request_line, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
	    1, MHD_OPTION_END);
	if (s->daemon != NULL)
		return EXIT_DONE;
	s->listen_fd = -1; /* the library has closed it */
	log_warnx("listen %s: the server does not start", s->options->listen);
	return EXIT_PERMISSION;
}

static int
start_metrics(struct server *s)
{
	int code = EXIT_DONE;

	if (s->options->metrics != NULL)
		s->metrics = metrics_start(
		    s->options->metrics, s->options->db, &s->meter, &code);
	return code;
}

/* After the signals are blocked: its threads must not take them. */
static int
start_pipeline(struct server *s)
{
	int code;

	if ((s->reader = store_open_beside(s->store, &code)) == NULL)
		return code;
	if ((s->pipeline = pipeline_start(s->store)) == NULL)
		return EXIT_STORAGE;
	s->uploads.store = s->reader;
	s->uploads.pipeline = s->pipeline;
	return EXIT_DONE;
}

static int
start_pruner(struct server *s)
{
	int code = EXIT_DONE;

	if (s->options->keep != NULL && prune_any(s->options->keep))
		s->pruner = pruner_start(s->store, s->options->keep, &code);
	return code;
}

static int
start(struct server *s)
{
	static int (*const steps[])(struct server *) = { start_tls,
		start_uploads, start_socket, start_signals, start_pipeline,
		start_metrics, start_daemon, start_pruner };
	size_t i;
	int code = EXIT_DONE;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((code = steps[i](s)) != EXIT_DONE)
			return code;
	say_listening(s);
	return code;
}

/* --- the turn --- */

static int
wait_ms(const struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int wait = s->peers.count > 0 ? TURN_MS : 1000;

	if (MHD_get_timeout(s->daemon, &ms) == MHD_YES &&
	    ms < (MHD_UNSIGNED_LONG_LONG)wait)
		return (int)ms;
	return wait;
}

/* Those whose verdict is durable. */
static void
answer_done(struct server *s)
{
	struct pipeline_job *job;

	while ((job = pipeline_take(s->pipeline)) != NULL)
		upload_done(job);
}

/* Serve what has come. False: a signal says stop. */
static bool
turn(struct server *s)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct signalfd_siginfo signal;
	struct pollfd fds[3] = {
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = info->epoll_fd, .events = POLLIN },
		{ .fd = pipeline_fd(s->pipeline), .events = POLLIN },
	};

	(void)poll(fds, 3, wait_ms(s));
	answer_done(s);
	(void)MHD_run(s->daemon);
	(void)peers_expire(&s->peers, mono_now());
	return read(s->signal_fd, &signal, sizeof(signal)) == -1;
}

/* No more connections; those that have a head accepted have some seconds,
 * then what is not being stored is sent away. */
static void
stop_serving(struct server *s)
{
	const MHD_socket fd = MHD_quiesce_daemon(s->daemon);
	struct mono end = mono_add(mono_now(), span_s(LIMIT_HTTP_STOP_S));

	while (s->uploads.under_way > 0 && mono_before(mono_now(), end))
		(void)turn(s);
	pipeline_stop(s->pipeline);
	answer_done(s);
	end = mono_add(mono_now(), span_ms(TURN_MS));
	while (s->uploads.under_way > 0 && mono_before(mono_now(), end))
		(void)turn(s);
	MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
	if (fd != MHD_INVALID_SOCKET)
		(void)close(fd);
	s->listen_fd = -1;
}

static void
serve(struct server *s)
{
	while (turn(s))
		;
	log_warnx("stopping");
	stop_serving(s);
}

static void
clear(struct server *s)
{
	pruner_stop(s->pruner);
	metrics_stop(s->metrics);
	if (s->daemon != NULL)
		MHD_stop_daemon(s->daemon);
	if (s->pipeline != NULL)
		pipeline_stop(s->pipeline);
	pipeline_free(s->pipeline);
	store_close(s->reader);
	store_count_in(s->store, NULL);
	if (s->listen_fd != -1)
		(void)close(s->listen_fd);
	if (s->signal_fd != -1)
		(void)close(s->signal_fd);
	if (s->signals_taken)
		(void)sigprocmask(SIG_SETMASK, &s->old_signals, NULL);
	if (s->uploads.temp_dirfd != -1)
		(void)close(s->uploads.temp_dirfd);
	peers_clear(&s->peers);
	listen_certificate_clear(&s->certificate);
}

int
listen_serve(struct store *store, const struct listen_options *options)
{
	struct server s = { .store = store,
		.options = options,
		.listen_fd = -1,
		.signal_fd = -1 };
	int code;

	s.uploads.temp_dirfd = -1;
	meter_start(&s.meter);
	store_count_in(store, &s.meter);
	if ((code = start(&s)) == EXIT_DONE)
		serve(&s);
	clear(&s);
	return code;
}
