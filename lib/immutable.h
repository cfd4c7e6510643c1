/*
 * An SQLite database in WAL mode can be read only where its -shm can be made
 * beside it. A copy in a folder where nothing can be made, such as one on a
 * read-only disk, is read as it lies there.
 */
#ifndef LIB_IMMUTABLE_H
#define LIB_IMMUTABLE_H

#include <stddef.h>

#define IMMUTABLE_URI 12320 /* of the longest path, and NUL */

/* The path as a file: URI that says nobody writes the database. 0; -1 where
 * it has a -wal, so that somebody may, or where uri is too small. */
int immutable_uri(char *uri, size_t size, const char *path);

#endif
