/*
 * A listening socket from the text of a configuration.
 */
#ifndef COLLECTOR_LISTEN_SOCKET_H
#define COLLECTOR_LISTEN_SOCKET_H

#include <stdint.h>
#include "lib/addr.h"

/* "[ADDRESS]:PORT" or "ADDRESS:PORT". 0, or -1 where it is neither. */
int listen_socket_parse(const char *text, struct addr *, uint16_t *port);

/* Bound and listening; [::] takes IPv4 as well. -1 with errno. */
int listen_socket_open(const struct addr *, uint16_t port);

/* What a socket is bound to. */
void listen_socket_name(int fd, struct addr *, uint16_t *port);

#endif
