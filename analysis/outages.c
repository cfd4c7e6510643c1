#include "analysis/outages.h"

#define FAILURES 3

void
outages_add(struct outages *o, struct failures *f, int64_t t_us)
{
	int64_t length_us;

	if (f->count++ == 0)
		f->first_us = t_us;
	length_us = t_us - f->first_us;
	if (f->count == FAILURES) {
		o->count++;
		o->length_us += length_us;
	} else if (f->count > FAILURES) {
		o->length_us += t_us - f->last_us;
	}
	if (f->count >= FAILURES && length_us > o->longest_us)
		o->longest_us = length_us;
	f->last_us = t_us;
}
