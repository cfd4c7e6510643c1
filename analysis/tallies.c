#include "analysis/tallies.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/text.h"

#define COUNT_TEXT 24

void
list_begin(struct list *list)
{
	list->len = 0;
	if (list->room > 0)
		list->text[0] = '\0';
}

void
list_add(struct list *list, const char *gap, const char *text)
{
	const size_t more = strlen(gap) + strlen(text);

	while (list->len + more + 1 > list->room)
		list->text = memory_grow(list->text, &list->room, 1);
	(void)text_print(list->text + list->len, list->room - list->len, "%s%s",
	    list->len > 0 ? gap : "", text);
	list->len += strlen(list->text + list->len);
}

void
tallies_add(struct tallies *t, int32_t name)
{
	if (name < 0)
		return;
	for (size_t i = 0; i < t->count; i++) {
		if (t->items[i].name == name) {
			t->items[i].count++;
			return;
		}
	}
	if (t->count == t->room)
		t->items = memory_grow(t->items, &t->room, sizeof(*t->items));
	t->items[t->count++] = (struct tally){ name, 1 };
}

static int
compare(const void *left, const void *right, void *names)
{
	const struct tally *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(names_text(names, a->name), names_text(names, b->name));
}

void
tallies_sort(struct tallies *t, struct names *names)
{
	if (t->count > 1)
		qsort_r(t->items, t->count, sizeof(*t->items), compare, names);
}

void
tallies_list(struct list *list, struct tallies *t, struct names *names)
{
	char count[COUNT_TEXT];

	tallies_sort(t, names);
	for (size_t i = 0; i < t->count; i++) {
		(void)text_print(
		    count, sizeof(count), "%zu", t->items[i].count);
		list_add(list, ", ", names_text(names, t->items[i].name));
		list_add(list, " ", count);
	}
}
