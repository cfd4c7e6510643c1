/*
 * The batch: the records of a round, compressed, named, chained and signed
 * (acrecord(5), DESIGN.md 8). The same bytes are the spool's file, the body
 * of an upload and what `accollect import` reads.
 *
 *   acbatch 1 VP KEYID SPOOL NUMBER BYTES RECORDS SHA256 PREVIOUS\n
 *   base64 Ed25519 signature over the line above without its newline\n
 *   one zstd frame of JSON Lines: a head, then the records
 */
#ifndef LIB_BATCH_H
#define LIB_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/limits.h"
#include "lib/record.h"
#include "lib/sign.h"
#include "lib/times.h"

#define BATCH_SPOOL_TEXT 33 /* 32 hex digits: 128 random bits, and a NUL */

/* Line 1. */
struct batch_line {
	char vp[LIMIT_VP_NAME + 1];
	char keyid[SIGN_KEYID_TEXT];
	char spool[BATCH_SPOOL_TEXT];
	int64_t number;  /* 1 first, without gaps within a spool */
	int64_t bytes;   /* of the compressed body */
	int64_t records; /* the head not counted */
	char sha256[SIGN_SHA256_TEXT];   /* of the compressed body */
	char previous[SIGN_SHA256_TEXT]; /* of the previous file; 64 zeros: none
					  */
};

enum clock_state {
	CLOCK_UNKNOWN,
	CLOCK_SYNCED,
	CLOCK_UNSYNCED,
};

#define BATCH_ADDRESSES 16
#define BATCH_ALLOWED 16

/* The first JSON line of the body: {"type":"head", ...}. */
struct batch_head {
	struct wall round_at; /* start of the round */
	int64_t every_s;      /* 0: unknown */
	int64_t questions;    /* planned; == records where nothing went wrong */
	int64_t lost;         /* batches evicted since the one before */
	int64_t skipped;      /* rounds skipped since the one before */
	enum clock_state clock;
	int64_t clock_offset_us, clock_max_error_us; /* -1: unknown */
	bool clock_stepped;   /* the wall clock was set during the round */
	int64_t suspended_us; /* so long the host slept during it; mostly 0 */
	int64_t
	    attacked; /* addresses whose replies somebody forged; mostly 0 */
	char boot_id[40];
	struct addr address[BATCH_ADDRESSES]; /* the vantage point's own */
	size_t address_count;
	char version[LIMIT_VERSION];
	struct prefix allow_special[BATCH_ALLOWED];
	size_t allow_special_count;
};

/* --- writing --- */

struct batch_writer; /* compresses records as they come */
struct batch_writer *batch_writer_new(const struct batch_head *);
/* 0; -1 with EFBIG at a limit of limits.h, the record then left out. */
int batch_writer_add(struct batch_writer *, const struct record *);
/* Replace the head by what is known at the round's end (questions, clock
 * stepped); costs one pass over the body. 0, or -1. */
int batch_writer_set_head(struct batch_writer *, const struct batch_head *);
/* Finish: the whole file's bytes, which the caller frees. line->bytes,
 * records, sha256 and keyid are filled in here; the other fields are the
 * caller's. 0, or -1. */
int batch_writer_finish(struct batch_writer *, struct batch_line *,
    const struct sign_key *, uint8_t **file, size_t *file_len);
void batch_writer_free(struct batch_writer *);

/* Sign the same body again under another spool and number (after a 409); the
 * same fields of line are filled in. */
int batch_resign(const uint8_t *file, size_t file_len, struct batch_line *,
    const struct sign_key *, uint8_t **out, size_t *out_len);

/* --- reading: verify, then decompress, then parse --- */

enum batch_error {
	BATCH_OK,
	BATCH_BAD_LINE,      /* line 1 is no such line */
	BATCH_BAD_VERSION,   /* a version that this program does not know */
	BATCH_BAD_SIGNATURE, /* or a signature line that is none */
	BATCH_BAD_BODY,      /* length or SHA-256 differs from line 1 */
	BATCH_TOO_BIG,       /* a limit of limits.h */
	BATCH_BAD_CODEC,     /* not exactly one zstd frame */
	BATCH_BAD_RECORD,    /* head or record refused; error names the line */
	BATCH_NO_MEMORY,     /* nothing is wrong with the batch: try later */
};
const char *batch_error_name(enum batch_error);

/* Parse the clear line (without or with its newline). */
enum batch_error batch_line_parse(
    struct batch_line *, const char *text, size_t len);
int batch_line_format(const struct batch_line *, char *text, size_t size);

/* Find the pieces of a file: the line, the signature's text and the body,
 * which borrow from file. Checks lengths and the body's SHA-256. */
struct batch_pieces {
	struct batch_line line;
	const char *line_text;
	size_t line_len; /* without newline: what is signed */
	char signature[SIGN_SIGNATURE_TEXT];
	const uint8_t *body;
	size_t body_len;
};
enum batch_error batch_split(
    struct batch_pieces *, const uint8_t *file, size_t file_len);
/* The signature over line 1, with the key that the caller found for keyid. */
enum batch_error batch_verify(
    const struct batch_pieces *, const struct sign_key *);

/* Decompress (bounded) and read the head, then each record in turn. */
struct batch_reader;
enum batch_error batch_reader_new(struct batch_reader **,
    const struct batch_pieces *, struct batch_head *, char *error,
    size_t error_size);
/* 1: a record; 0: the end, and as many as line 1 says; -1: error. The times
 * of all records lie within LIMIT_BATCH_SPAN_S of each other. json borrows
 * the line (not NUL-terminated). */
int batch_reader_next(struct batch_reader *, struct record *, const char **json,
    size_t *json_len, char *error, size_t error_size);
/* Which one it was, after a -1. */
enum batch_error batch_reader_error(const struct batch_reader *);
void batch_reader_free(struct batch_reader *);

#endif
