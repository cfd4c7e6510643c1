/*
 * What a report can be printed as beside table, CSV and JSON.
 */
#ifndef ANALYSIS_REPORT_FITS_H
#define ANALYSIS_REPORT_FITS_H

#include "analysis/options.h"

/* Settles the column of --check where none was given. 0, or -1 after one line
 * where the report cannot be what is asked for. o->by is settled. */
int report_fits(struct options *o);

#endif
