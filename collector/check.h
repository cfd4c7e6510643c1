/*
 * Looking at a whole store: its content as one hash, and whether it holds
 * together. Both read, from one state, beside a running server.
 */
#ifndef COLLECTOR_CHECK_H
#define COLLECTOR_CHECK_H

#include "collector/store.h"
#include "lib/sign.h"

/* SHA-256 of the content (DESIGN.md 3.8): the rows of all views, sorted. The
 * same batches give the same text, in whatever order they came. What is
 * marked must be settled before. The exit code. */
int check_hash(const char *path, char text[SIGN_SHA256_TEXT]);

/* Integrity, references, and whether settling everything anew gives the runs
 * and intervals that are there (vantage points with hours that are not
 * settled are passed over), names, and the archive (NULL: none). Prints one
 * line for each check and each fault, and goes on to the end. The exit code:
 * EXIT_UNANSWERED where there is a fault, EXIT_STORAGE where a check could not
 * be read to its end. */
int check_store(const char *path, const char *archive);

#endif
