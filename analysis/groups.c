#include "analysis/groups.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "lib/text.h"

#define ASN_TEXT 24

static int32_t
put_asn(struct names *groups, int64_t asn)
{
	char text[ASN_TEXT] = "";

	if (asn >= 0)
		(void)text_print(text, sizeof(text), "%" PRId64, asn);
	return names_put(groups, text);
}

int32_t
group_put(struct names *groups, const struct catalog *c, struct group_of of)
{
	const struct names *names = &c->names;
	const struct vantage *vantage = &c->vps[of.vp];
	const struct place *place;

	if (of.by == BY_ALL)
		return names_put(groups, "");
	if (of.by == BY_VP)
		return names_put(groups, names_text(names, vantage->name));
	if ((place = catalog_place(vantage, of.t_us)) == NULL)
		return names_put(groups, "");
	if (of.by == BY_ASN)
		return put_asn(groups, place->asn);
	return names_put(
	    groups, names_text(names,
			of.by == BY_COUNTRY ? place->country : place->region));
}

struct column
group_column(enum group_by by)
{
	return (struct column){ options_by_name(by),
		by == BY_ASN ? COLUMN_INTEGER : COLUMN_TEXT };
}

struct cell
group_cell(enum group_by by, const char *group)
{
	if (by != BY_ASN)
		return cell_text(group);
	return cell_number_if(group[0] != '\0', strtoll(group, NULL, 10));
}

int
group_compare(enum group_by by, const char *a, const char *b)
{
	const size_t a_len = strlen(a), b_len = strlen(b);

	if ((a_len == 0) != (b_len == 0))
		return a_len == 0 ? 1 : -1;
	/* Without leading zeros the shorter is the smaller. */
	if (by == BY_ASN && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strcmp(a, b);
}
