/*
 * A report is columns and then rows of cells, written as they come in one of
 * the formats of a table: a new format is one file and one line.
 */
#ifndef ANALYSIS_REPORT_H
#define ANALYSIS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_COLUMNS 64 /* the most that a report has */

enum column_type {
	COLUMN_TEXT,
	COLUMN_INTEGER,
	COLUMN_COUNT,   /* hundredths: "3", or "2.50" where not whole */
	COLUMN_MS,      /* microseconds; three decimals */
	COLUMN_SECONDS, /* microseconds; three decimals */
	COLUMN_RATIO,   /* ten-thousandths; four decimals */
	COLUMN_PERCENT, /* hundredths of a percent; two decimals */
	COLUMN_TIME,    /* microseconds since 1970; RFC 3339, UTC */
	COLUMN_FLAG,    /* 0, 1: false, true */
	COLUMN_KM,      /* metres; three decimals */
	COLUMN_DEGREES, /* millionths; six decimals */
};

struct column {
	const char *name;
	enum column_type type;
};

/* Unknown: text NULL or "", or of a number known false. Texts are borrowed
 * until report_row returns; they may hold foreign bytes. */
struct tallies;
struct cell {
	const char *text;
	int64_t value;
	bool known;
	/* Of a text that lists what was counted: that, sorted. Borrowed as the
	 * text; NULL: it is no such list. */
	const struct tallies *parts;
};

#define REPORT_PICTURE 256 /* of a line of a table, with its end */

struct report_format;
struct report_check;
struct report {
	const char *name; /* "latency" */
	FILE *stream;
	const struct report_format *format;
	const struct column *columns;
	size_t count;
	size_t table_columns; /* that a table shows; 0: all */
	size_t width;         /* of the terminal in characters; 0: any */
	bool colour;
	/* Of a table on a terminal, NULL: none: what is drawn behind a row,
	 * under a name; "" nothing. asked of owner. */
	void (*draw)(const struct report *, const struct cell *,
	    char out[REPORT_PICTURE]);
	const char *drawn;          /* its name */
	bool full;                  /* --full: not only what may be shared */
	struct report_check *check; /* of report_check alone; borrowed */
	/* Of report_geojson alone (locate.h); NULL: nowhere. */
	bool (*locate)(const struct report *, const struct cell *, double *lat,
	    double *lon);
	const void *owner; /* whom locate and draw ask */
	size_t nowhere;    /* rows that locate did not find */
	size_t rows;       /* written so far */
	void *state;       /* the format's own */
};

/* 0, or -1 where a write failed (errno). */
struct report_format {
	const char *name;
	const char *suffix; /* of a file that asks for it */
	int (*begin)(struct report *);
	int (*row)(struct report *, const struct cell *);
	int (*end)(struct report *); /* frees state, whatever happened */
};

extern const struct report_format report_text;
extern const struct report_format report_csv;
extern const struct report_format report_json;
extern const struct report_format report_dot; /* of paths alone */
extern const struct report_format report_geojson;
extern const struct report_format report_openmetrics;

/* By name, or by the ending of a file's name; NULL where there is none. */
const struct report_format *report_format_find(const char *name);
const struct report_format *report_format_of_file(const char *path);

int report_begin(struct report *, const struct column *, size_t count);
int report_row(struct report *, const struct cell *);
int report_end(struct report *);

/* Where the column of a name is; report->count: nowhere. */
size_t report_column(const struct report *, const char *name);

struct cell cell_text(const char *);
struct cell cell_list(const char *, const struct tallies *);
struct cell cell_number(int64_t);
struct cell cell_number_if(bool known, int64_t);
struct cell cell_unknown(void);
/* Of a COLUMN_PERCENT; unknown where whole is not over 0. */
struct cell cell_percent(double part, double whole);

/* Whether a column says what a row is about: texts, but no remarks, and
 * numbers that are names. */
bool report_names_row(const struct column *);
/* Their texts with spaces between: "k-root 192.0.2.1 4 soa udp Europe". The
 * caller frees. */
char *report_row_name(const struct report *, const struct cell *);

bool cell_is_known(const struct cell *, enum column_type);

/* Of the microseconds of a COLUMN_SECONDS, as every format shows them: half
 * a millisecond rounded up. */
int64_t cell_milliseconds(const struct cell *);

/* A cell as text without quotes: printable ASCII, every other byte as \DDD
 * (what is in text form already stays as it is). "" for unknown. The length
 * that the whole text has, as snprintf. */
size_t cell_format(
    char *out, size_t size, enum column_type, const struct cell *);

#endif
