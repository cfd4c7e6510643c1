/*
 * Groups of vantage points by what --by says: which one, and how it is
 * written. A group is a text; "" is unknown, or of BY_ALL everybody.
 */
#ifndef ANALYSIS_GROUPS_H
#define ANALYSIS_GROUPS_H

#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/names.h"
#include "analysis/options.h"
#include "analysis/report.h"

/* The group of a vantage point (index) at a time, as a number of names (which
 * it is put into). */
struct group_of {
	enum group_by by; /* no sites: those are not of vantage points */
	int32_t vp;
	int64_t t_us;
};
int32_t group_put(struct names *, const struct catalog *, struct group_of);

/* The column of groups, and the cell. */
struct column group_column(enum group_by);
struct cell group_cell(enum group_by, const char *group);

/* As strcmp: numbers as numbers, and the unknown one last. */
int group_compare(enum group_by, const char *, const char *);

#endif
