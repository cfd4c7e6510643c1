#include "analysis/bars.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#define CELLS 20
#define EIGHTHS 8

/* U+2588 to U+258F, from the left; U+2581 to U+2588, from below. */
static const char *const left_blocks[EIGHTHS + 1] = { "", "\u258f", "\u258e",
	"\u258d", "\u258c", "\u258b", "\u258a", "\u2589", "\u2588" };
static const char *const low_blocks[EIGHTHS] = { "\u2581", "\u2582", "\u2583",
	"\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
static const char *const low_signs[EIGHTHS] = { "_", ".", "-", "~", "=", "+",
	"*", "#" };

bool
bars_are_blocks(void)
{
	return setlocale(LC_CTYPE, "") != NULL &&
	       strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static char *
put(char *end, const char *sign)
{
	const size_t len = strlen(sign);

	memcpy(end, sign, len + 1);
	return end + len;
}

void
bars_share(char out[BARS_TEXT], double share, bool blocks)
{
	const double whole = fmin(fmax(share, 0), 1) * CELLS;
	const long eighths = lround(whole * EIGHTHS);
	char *end = put(out, "");

	if (!blocks) {
		for (long i = 0; i < lround(whole); i++)
			end = put(end, "#");
		return;
	}
	for (long i = 0; i < eighths / EIGHTHS; i++)
		end = put(end, left_blocks[EIGHTHS]);
	(void)put(end, left_blocks[eighths % EIGHTHS]);
}

void
bars_spark(char out[BARS_TEXT], const double *values, size_t count, bool blocks)
{
	const char *const *signs = blocks ? low_blocks : low_signs;
	double least = INFINITY, most = -INFINITY;
	char *end = put(out, "");

	while (count > 0 && isnan(values[count - 1]))
		count--;
	for (size_t i = 0; i < count; i++) {
		least = fmin(least, values[i]);
		most = fmax(most, values[i]);
	}
	for (size_t i = 0; i < count; i++) {
		const double height =
		    most > least ? (values[i] - least) / (most - least) : 0;

		end = put(end, isnan(values[i])
				   ? " "
				   : signs[lround(height * (EIGHTHS - 1))]);
	}
}
