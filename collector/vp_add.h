/*
 * `accollect vp add`: a vantage point, its place and its key, from options; or
 * any number of them, from the lines of a CSV file, in one transaction.
 */
#ifndef COLLECTOR_VP_ADD_H
#define COLLECTOR_VP_ADD_H

int vp_add(int argc, char **argv); /* the exit code */

#endif
