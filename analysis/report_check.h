/*
 * A report as a monitoring plugin answers (Monitoring Plugins Development
 * Guidelines): one line with the state, the worst row, and perfdata of all.
 * Warning and critical are ranges of one column, in the unit it is printed in.
 */
#ifndef ANALYSIS_REPORT_CHECK_H
#define ANALYSIS_REPORT_CHECK_H

#include "analysis/report.h"

/* Their values are a plugin's exit codes. */
enum check_state {
	CHECK_OK,
	CHECK_WARNING,
	CHECK_CRITICAL,
	CHECK_UNKNOWN, /* no row where there should be, or none with a value; or
			  no report at all */
};

/* "80": alert below 0 and above 80. "99.9:": alert below. "~:10": above, and
 * "@5:9": from the one to the other. The text stays borrowed. */
struct check_range {
	const char *text; /* NULL: none was given, nothing alerts */
	double low, high;
	bool inside;
};

struct report_check {
	const char *column; /* its name */
	bool quiet;         /* no row is as it should be */
	struct check_range warn, crit;
	enum check_state state; /* after report_end */
};

/* 0, or -1 where the text is no range. */
int check_range_parse(struct check_range *, const char *text);

/* Takes report->check, which the caller fills. */
extern const struct report_format report_check;

#endif
