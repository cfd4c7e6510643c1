/* What the files of geo share. */
#ifndef LIB_GEO_PRIVATE_H
#define LIB_GEO_PRIVATE_H

/* NULL where a file may be given to libmaxminddb; otherwise why not, a
 * constant text or strerror's. Needed before 1.13.0: the library unfolds
 * languages and description when it opens a database, and a few hundred bytes
 * with pointers in pointers then ask for more memory than there is (those of
 * publishers point to texts at most); and 1.7.1 follows a node_count that the
 * file has no room for out of the file. */
const char *geo_distrust(const char *path);

#endif
