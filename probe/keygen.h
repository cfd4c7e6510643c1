/*
 * acprobe keygen: a vantage point's key pair.
 */
#ifndef PROBE_KEYGEN_H
#define PROBE_KEYGEN_H

/* Write the private key to path (PEM, 0600) and the public one to path.pub
 * (0644); neither may exist. The exit code, after one line on failure. */
int keygen(const char *path);

#endif
