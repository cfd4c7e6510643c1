#include "collector/contested.h"

#include <stdlib.h>
#include <string.h>
#include "collector/import_batch.h"
#include "lib/batch.h"
#include "lib/text.h"

static int
read_batch(struct import_title *title, const struct archive_entry *entry)
{
	struct batch_pieces p = { 0 };

	if (batch_split(&p, entry->bytes, entry->len) != BATCH_OK)
		return -1;
	(void)text_copy(title->vp, sizeof(title->vp), p.line.vp);
	(void)text_copy(title->spool, sizeof(title->spool), p.line.spool);
	(void)text_copy(title->sha256, sizeof(title->sha256), p.line.sha256);
	title->number = p.line.number;
	return 0;
}

/* -1: it is no batch. */
static int
read_title(struct import_title *title, const struct archive_entry *entry)
{
	*title = (struct import_title){ 0 };
	if (strcmp(entry->kind, "batch") == 0)
		return read_batch(title, entry);
	if (strcmp(entry->kind, "import") == 0)
		return import_batch_title(
		    title, (const char *)entry->bytes, entry->len);
	return -1;
}

/* There are few: a crash leaves one transaction's. */
static struct import_title *
find(const struct contested *c, const struct import_title *title)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct import_title *t = &c->batches[i];

		if (t->number == title->number &&
		    strcmp(t->vp, title->vp) == 0 &&
		    strcmp(t->spool, title->spool) == 0)
			return &c->batches[i];
	}
	return NULL;
}

void
contested_again(struct contested *c, const struct archive_entry *entry)
{
	struct import_title *batch;
	struct import_title title;

	if (c->count > 0 && read_title(&title, entry) == 0 &&
	    (batch = find(c, &title)) != NULL)
		*batch = title;
}

int
contested_note(struct contested *c, const struct archive_entry *entry)
{
	struct import_title *more, *batch;
	struct import_title title;

	if (read_title(&title, entry) == -1)
		return 0;
	if ((batch = find(c, &title)) != NULL) {
		*batch = title;
		return 0;
	}
	more = reallocarray(c->batches, c->count + 1, sizeof(*more));
	if (more == NULL)
		return -1;
	c->batches = more;
	more[c->count++] = title;
	return 0;
}

bool
contested_is_older(const struct contested *c, const struct archive_entry *entry)
{
	const struct import_title *batch;
	struct import_title title;

	if (c->count == 0 || read_title(&title, entry) == -1)
		return false;
	batch = find(c, &title);
	return batch != NULL && strcmp(batch->sha256, title.sha256) != 0;
}

void
contested_clear(struct contested *c)
{
	free(c->batches);
	*c = (struct contested){ 0 };
}
