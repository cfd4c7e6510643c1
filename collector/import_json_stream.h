/*
 * The objects of a JSON text of any length, one at a time: the elements of
 * an array, JSON Lines, or the objects of an API page ({"count": ...,
 * "results": [...]}, {"meta": ..., "objects": [...]}). Finds where an object
 * begins and ends and nothing else: whoever parses it finds what is wrong in
 * it. Memory is bounded by the longest object.
 */
#ifndef COLLECTOR_IMPORT_JSON_STREAM_H
#define COLLECTOR_IMPORT_JSON_STREAM_H

#include <stddef.h>

enum json_piece {
	JSON_PIECE_OBJECT,
	JSON_PIECE_DAMAGED,  /* text that is no object, or one that is cut */
	JSON_PIECE_TOO_LONG, /* an object over the limit; it was skipped */
	JSON_PIECE_END,
	JSON_PIECE_UNREADABLE, /* errno: EIO, EBADMSG ... */
};

struct json_stream;

/* path as lines_open. NULL, errno. */
struct json_stream *json_stream_open(const char *path, size_t max_object);
/* An object's text is valid until the next call. After END or UNREADABLE
 * come only those. In JSON Lines a line that is cut costs no other line. */
enum json_piece json_stream_next(
    struct json_stream *, const char **text, size_t *len);
void json_stream_close(struct json_stream *);

#endif
