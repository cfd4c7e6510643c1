/* JSON: an array with one object a line; null is unknown, numbers are
 * numbers, times are RFC 3339 text. */
#include "analysis/report_json.h"

#include <stdlib.h>
#include "analysis/memory.h"

json_t *
report_json_text(const struct cell *cell, enum column_type type)
{
	size_t len = cell_format(NULL, 0, type, cell);
	char *text = memory_zeroed(1, len + 1);
	json_t *value;

	(void)cell_format(text, len + 1, type, cell);
	value = json_stringn(text, len);
	free(text);
	return value;
}

json_t *
report_json_value(const struct cell *cell, enum column_type type)
{
	if (!cell_is_known(cell, type))
		return json_null();
	switch (type) {
	case COLUMN_TEXT:
	case COLUMN_TIME:
		return report_json_text(cell, type);
	case COLUMN_MS:
	case COLUMN_KM:
		return json_real((double)cell->value / 1000.0);
	case COLUMN_DEGREES:
		return json_real((double)cell->value / 1000000.0);
	case COLUMN_SECONDS:
		return json_real((double)cell_milliseconds(cell) / 1000.0);
	case COLUMN_RATIO:
		return json_real((double)cell->value / 10000.0);
	case COLUMN_PERCENT:
		return json_real((double)cell->value / 100.0);
	case COLUMN_COUNT:
		if (cell->value % 100 == 0)
			return json_integer(cell->value / 100);
		return json_real((double)cell->value / 100.0);
	case COLUMN_FLAG:
		return json_boolean(cell->value != 0);
	default:
		return json_integer(cell->value);
	}
}

static int
begin(struct report *report)
{
	return fputs("[", report->stream) == EOF ? -1 : 0;
}

static int
row(struct report *report, const struct cell *cells)
{
	json_t *object = json_object();
	int status = -1;

	for (size_t i = 0; i < report->count; i++) {
		if (json_object_set_new(object, report->columns[i].name,
			report_json_value(
			    &cells[i], report->columns[i].type)) == -1)
			goto out;
	}
	if (fputs(report->rows == 0 ? "\n" : ",\n", report->stream) == EOF)
		goto out;
	status = json_dumpf(object, report->stream,
	    JSON_COMPACT | JSON_ENSURE_ASCII |
		JSON_REAL_PRECISION(REPORT_JSON_DIGITS));
out:
	json_decref(object);
	return status;
}

static int
end(struct report *report)
{
	return fputs(report->rows == 0 ? "]\n" : "\n]\n", report->stream) == EOF
		   ? -1
		   : 0;
}

const struct report_format report_json = { "json", ".json", begin, row, end };
