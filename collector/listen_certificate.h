/*
 * The server's certificate and its key, read once at the start.
 */
#ifndef COLLECTOR_LISTEN_CERTIFICATE_H
#define COLLECTOR_LISTEN_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

struct listen_certificate {
	const char *chain_path, *key_path;
	/* Owned, PEM, ended by a NUL. */
	uint8_t *chain, *key;
	size_t chain_len, key_len;
};

/* Read both from their paths; the key must be ours alone. EXIT_DONE, or a code
 * after one line that names the file at fault. A certificate that holds later
 * or no more is taken, after a line too. */
int listen_certificate_read(struct listen_certificate *);
/* Leaves no key in memory. */
void listen_certificate_clear(struct listen_certificate *);

#endif
