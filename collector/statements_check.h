/*
 * The statements of `accollect check`, and of how `backup` looks at its copy.
 */
#ifndef COLLECTOR_STATEMENTS_CHECK_H
#define COLLECTOR_STATEMENTS_CHECK_H

/* Names of all views, in order. */
extern const char check_views[];
/* "SELECT columns FROM view ORDER BY them", for the view ?1; its content. */
extern const char check_view_query[];

/* A fault per row: a text. */
struct check_query {
	const char *what; /* what is true when there is no row */
	const char *sql;
};
extern const struct check_query check_queries[]; /* ends with NULL */
/* The same for what was settled anew in temporary tables. */
extern const struct check_query check_settled[];

extern const char check_hours[]; /* (vp, hour) that have all raw rows */
/* Into the temporary tables: what cannot be settled anew for lack of them. */
extern const char check_seed[];
extern const char
    check_unsettled[]; /* how many vantage points are passed over */

/* (type, name, table, SQL) of everything in a store but what ANALYZE makes,
 * views where ?1; the same of what is called ?1. */
extern const char check_schema_objects[];
extern const char check_schema_object[];

/* (table, id, hash, text), and (table, id, bytes, text). */
extern const char check_hashed[];
extern const char check_escaped[];
/* For each table whose rows have a sum: what gives those with a wrong one. */
extern const char check_summed_tables[];
/* Batches that have rows: (first and last row, what of it was pruned, the sums
 * of row_sum, what to call it). */
extern const char check_summed_batches[];
/* A temporary table of what the archive holds; a row of it (vantage point,
 * spool, number, digest as hex); which stored batches are not there. */
extern const char check_archived_table[];
extern const char check_note_archived[];
extern const char check_note_import[]; /* of an import's title */
extern const char check_archived[];
/* An act (?2: its JSON; ?1: its kind where that does not say it), and those
 * that have no row in the store. */
extern const char check_note_act[];
extern const char check_acts[];

/* What is wrong with a copy's pages, row by row; how to write one that is
 * flushed as a whole. */
extern const char backup_check[];
extern const char backup_settings[];

#endif
