#include "analysis/proportion.h"

#include <math.h>

#define Z 1.959963984540054 /* of the normal distribution, two-sided 95 % */

struct proportion
proportion_interval(double part, double whole)
{
	double p = part / whole;
	double middle = p + Z * Z / (2 * whole);
	double reach =
	    Z * sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole));
	double scale = 1 + Z * Z / whole;
	struct proportion interval = {
		.low = (middle - reach) / scale,
		.high = (middle + reach) / scale,
	};

	/* What rounding leaves of 0 and 1. */
	if (part <= 0)
		interval.low = 0;
	if (part >= whole)
		interval.high = 1;
	return interval;
}
