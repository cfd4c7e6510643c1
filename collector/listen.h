/*
 * The receiving end of an upload (DESIGN.md 8): HTTPS, one method, one path,
 * one request for one batch, answered by a receipt after the commit.
 * One thread talks to all; what it received goes through the pipeline into
 * the store, and several uploads share a durable transaction.
 */
#ifndef COLLECTOR_LISTEN_H
#define COLLECTOR_LISTEN_H

#include <stdbool.h>
#include "collector/prune.h"
#include "collector/store.h"

struct listen_options {
	const char *listen;          /* "[::]:8443", "127.0.0.1:0" */
	const char *metrics;         /* "9469", "127.0.0.1:9469"; NULL: none */
	const char *db;              /* whose the metrics are */
	const char *certificate;     /* PEM file, the chain */
	const char *certificate_key; /* PEM file that others cannot read */
	/* Folder for bodies on their way in; on the database's disk. The files
	 * have no names and vanish with the process. */
	const char *temp_dir;
	int connections;                 /* in all; 0: LIMIT_HTTP_CONNECTIONS */
	int connections_per_address;     /* IPv4, or IPv6 /64; 0: the limit */
	const struct prune_limits *keep; /* retention meanwhile */
	bool print_port; /* the port alone on standard output once it listens */
};

/* Serve until SIGTERM or SIGINT: then no more connections are taken, uploads
 * under way have a few seconds, and what is marked is settled. Logs
 * "listening on ADDRESS". The exit code. */
int listen_serve(struct store *, const struct listen_options *);

#endif
