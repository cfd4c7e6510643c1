/*
 * The page: one file that shows a window of the store. Its numbers are made
 * by the other reports; what the store's strangers named is data in JSON, in
 * which nothing can end the element that holds it.
 */
#include "analysis/html.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/html_page.h"
#include "analysis/report_json.h"
#include "analysis/rounds.h"
#include "lib/log.h"

struct part {
	const char *name;
	int (*report)(struct run *);
	enum group_by by;
};

int64_t
html_first_us(const struct options *o, int64_t step_us)
{
	return o->since_us - o->since_us % step_us;
}

/* Run a report into part of the page. */
static int
capture(struct run *run, json_t *value, const struct part *part)
{
	const struct options *given = run->options;
	struct report kept = run->report;
	struct options options = *given;
	struct html_capture capture = { .format = html_rows, .value = value };
	int status;

	options.by = part->by;
	run->options = &options;
	run->report = (struct report){
		.format = &capture.format,
	};
	status = part->report(run);
	run->report = kept;
	run->options = given;
	return status;
}

/* Regions, or countries where none is known. */
static enum group_by
group_of(const struct run *run)
{
	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		const struct place *place = catalog_place(
		    &run->catalog.vps[i], run->options->until_us - 1);

		if (place != NULL &&
		    names_text(&run->catalog.names, place->region)[0] != '\0')
			return BY_REGION;
	}
	return BY_COUNTRY;
}

static int
add_reports(
    json_t *page, struct run *run, enum group_by group, struct names *texts)
{
	const struct part parts[] = {
		{ "catchment", catchment_report, BY_DEFAULT },
		{ "shares", catchment_report, BY_ALL },
		{ "shares_region", catchment_report, group },
		{ "events", events_report, BY_DEFAULT },
		{ "latency", latency_report, BY_SITE },
	};

	json_object_set_new(page, "group", json_string(options_by_name(group)));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *value = json_object();

		json_object_set_new(page, parts[i].name, value);
		if (capture(run, value, &parts[i]) == -1)
			return -1;
	}
	html_keep_compared(json_object_get(page, "latency"), run);
	html_bound_events(json_object_get(page, "events"), run);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		html_fold_texts(json_object_get(page, parts[i].name), texts);
	return 0;
}

static json_t *
text_of(const struct run *run, int32_t name)
{
	return json_string(names_text(&run->catalog.names, name));
}

/* A coordinate as it may be shared, to a tenth of a degree; else to one that
 * is ten metres. */
static json_t *
coordinate(const struct run *run, struct query_rows *rows, int column)
{
	const double unit = run->options->full ? 10000 : 10;

	return json_real(round(query_real(rows, column) * unit) / unit);
}

static json_t *
vantage_points(struct run *run)
{
	struct query_rows *rows = query_prepare(run->query,
	    "SELECT lat, lon FROM vp_place"
	    " WHERE vp = ?1 ORDER BY since > ?2, CASE WHEN since > ?2"
	    " THEN since ELSE -since END LIMIT 1");
	json_t *list = json_array();

	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		const struct vantage *vp = &run->catalog.vps[i];
		const struct place *place =
		    catalog_place(vp, run->options->until_us - 1);
		json_t *entry = json_array();

		json_array_append_new(entry, text_of(run, vp->name));
		json_array_append_new(
		    entry, text_of(run, place == NULL ? -1 : place->region));
		json_array_append_new(
		    entry, text_of(run, place == NULL ? -1 : place->country));
		query_bind(rows, 1, vp->id);
		query_bind(rows, 2, run->options->until_us - 1);
		if (query_next(rows) && !query_null(rows, 0) &&
		    !query_null(rows, 1)) {
			json_array_append_new(entry, coordinate(run, rows, 0));
			json_array_append_new(entry, coordinate(run, rows, 1));
		}
		query_reset(rows);
		json_array_append_new(list, entry);
	}
	query_finish(rows);
	return list;
}

static json_t *
services(struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->catalog.service_count; i++) {
		const struct service *service = &run->catalog.services[i];
		json_t *entry = json_array();

		json_array_append_new(entry, text_of(run, service->target));
		json_array_append_new(entry, text_of(run, service->address));
		json_array_append_new(entry, json_integer(service->af));
		json_array_append_new(list, entry);
	}
	return list;
}

/* "<" is only within texts. */
static int
put_data(const char *bytes, size_t len, void *stream)
{
	while (len > 0) {
		const char *sign = memchr(bytes, '<', len);
		const size_t plain =
		    sign == NULL ? len : (size_t)(sign - bytes);

		if (fwrite(bytes, 1, plain, stream) != plain ||
		    (sign != NULL && fputs("\\u003c", stream) == EOF))
			return -1;
		bytes += plain + (sign != NULL);
		len -= plain + (sign != NULL);
	}
	return 0;
}

int
html_put(const json_t *value, FILE *stream, size_t flags)
{
	return json_dump_callback(value, put_data, stream,
	    flags | JSON_COMPACT | JSON_ENSURE_ASCII |
		JSON_REAL_PRECISION(REPORT_JSON_DIGITS));
}

/* Not narrower than rounds are apart, but for a tenth: steps within a round
 * would have a part of the vantage points each. */
static int64_t
series_step_us(struct run *run)
{
	const struct options *o = run->options;
	int64_t apart_us =
	    rounds_apart_us(run->query, &run->catalog, o->until_us);

	return html_step_us(
	    o->until_us - o->since_us, apart_us - apart_us / 10);
}

/* Head, data and tail. */
static int
put_page(const json_t *page, struct html_series *series, FILE *stream)
{
	if (fputs(html_page_head, stream) == EOF || putc('{', stream) == EOF ||
	    html_put(page, stream, JSON_EMBED) == -1 ||
	    html_series_put(series, stream) == -1 || putc('}', stream) == EOF ||
	    fputs(html_page_tail, stream) == EOF)
		return -1;
	return 0;
}

int
html_report(struct run *run)
{
	const struct options *o = run->options;
	const enum group_by group = group_of(run);
	const int64_t step_us = series_step_us(run);
	struct html_series *series;
	struct names texts = { 0 };
	json_t *page = json_object();
	int status = -1;

	json_object_set_new(page, "since", json_integer(o->since_us / 1000));
	json_object_set_new(page, "until", json_integer(o->until_us / 1000));
	json_object_set_new(page, "series_step", json_integer(step_us / 1000));
	json_object_set_new(page, "series_first",
	    json_integer(html_first_us(o, step_us) / 1000));
	json_object_set_new(page, "services", services(run));
	json_object_set_new(page, "vps", vantage_points(run));
	html_add_strip(page, run);
	if (add_reports(page, run, group, &texts) == 0) {
		json_object_set_new(page, "texts", html_texts(&texts));
		series = html_series_read(run, group, step_us);
		status = put_page(page, series, run->report.stream);
		html_series_free(series);
	}
	json_decref(page);
	names_clear(&texts);
	return status;
}
