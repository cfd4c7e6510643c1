/*
 * How well a proportion is known: the score interval of E. B. Wilson (1927)
 * at 95 %, which stays within 0 and 1 and has a width at 0 and at n of n.
 */
#ifndef ANALYSIS_PROPORTION_H
#define ANALYSIS_PROPORTION_H

struct proportion {
	double low, high;
};

/* Of part of whole; whole > 0. */
struct proportion proportion_interval(double part, double whole);

#endif
