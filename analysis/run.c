#include "analysis/run.h"

struct cell
run_text(const struct run *run, int32_t name)
{
	return cell_text(names_text(&run->catalog.names, name));
}

struct cell
run_site(const struct run *run, int32_t site)
{
	return cell_text(names_text(&run->catalog.sites, site));
}

struct cell
run_region(const struct run *run, const struct place *place)
{
	return run_text(run, place == NULL ? -1 : place->region);
}

struct cell
run_country(const struct run *run, const struct place *place)
{
	return run_text(run, place == NULL ? -1 : place->country);
}

struct cell
run_asn(const struct place *place)
{
	const bool known = place != NULL && place->asn >= 0;

	return cell_number_if(known, known ? place->asn : 0);
}

struct cell
run_median(struct values *values)
{
	if (values->count == 0)
		return cell_unknown();
	quantile_sort(values->items, values->count);
	return cell_number(quantile_median(values->items, values->count));
}

int64_t
run_patience_us(struct run *run, int32_t vp, int64_t before_us)
{
	if (run->options->max_age_us >= 0)
		return run->options->max_age_us;
	return samples_patience_us(
	    samples_every_s(&run->sampler, vp, before_us));
}
