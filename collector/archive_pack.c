#include "collector/archive_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "lib/limits.h"
#include "lib/text.h"

#define LEVEL 3
#define TITLE_TEXT (LIMIT_ARCHIVE_KIND + 24)
#define PLAIN_MAX \
	((size_t)LIMIT_ARCHIVE_ENTRY + ARCHIVE_PACK_FULL + TITLE_TEXT + 1)

static int
make_room(struct archive_pack *pack, size_t size)
{
	uint8_t *more;

	if (size <= pack->size)
		return 0;
	if (size < 2 * pack->size)
		size = 2 * pack->size;
	if ((more = realloc(pack->bytes, size)) == NULL)
		return -1;
	pack->bytes = more;
	pack->size = size;
	return 0;
}

static void
put(struct archive_pack *pack, const void *bytes, size_t len)
{
	memcpy(pack->bytes + pack->len, bytes, len);
	pack->len += len;
}

int
archive_pack_add(
    struct archive_pack *pack, const char *kind, const void *bytes, size_t len)
{
	char title[TITLE_TEXT];

	(void)text_print(title, sizeof(title), "%s %zu\n", kind, len);
	if (make_room(pack, pack->len + strlen(title) + len + 1) == -1)
		return -1;
	put(pack, title, strlen(title));
	put(pack, bytes, len);
	put(pack, "\n", 1);
	return 0;
}

int
archive_pack_close(struct archive_pack *pack, uint8_t **frame, size_t *len)
{
	const size_t bound = ZSTD_compressBound(pack->len);

	if ((*frame = malloc(bound)) == NULL)
		return -1;
	*len = ZSTD_compress(*frame, bound, pack->bytes, pack->len, LEVEL);
	pack->len = 0;
	if (!ZSTD_isError(*len))
		return 0;
	free(*frame);
	errno = ENOMEM; /* nothing else can fail where the bound is kept */
	return -1;
}

static int
is_none(void)
{
	errno = EBADMSG;
	return -1;
}

int
archive_pack_open(struct archive_pack *pack, const uint8_t *frame, size_t len)
{
	const unsigned long long plain = ZSTD_getFrameContentSize(frame, len);
	size_t got;

	pack->len = pack->at = 0;
	if (plain == ZSTD_CONTENTSIZE_UNKNOWN ||
	    plain == ZSTD_CONTENTSIZE_ERROR || plain > PLAIN_MAX)
		return is_none();
	if (make_room(pack, (size_t)plain + 1) == -1)
		return -1;
	got = ZSTD_decompress(pack->bytes, (size_t)plain, frame, len);
	if (ZSTD_isError(got) || got != plain)
		return is_none();
	pack->len = got;
	return 0;
}

/* Kind and length of the next entry; the length of that line, or 0. */
static size_t
read_title(
    const struct archive_pack *pack, char kind[LIMIT_ARCHIVE_KIND], size_t *len)
{
	char title[TITLE_TEXT] = "", *space;
	const uint8_t *from = pack->bytes + pack->at;
	const size_t left = pack->len - pack->at;
	const uint8_t *newline = memchr(from, '\n', left);
	int64_t length;

	if (newline == NULL || (size_t)(newline - from) >= sizeof(title))
		return 0;
	memcpy(title, from, (size_t)(newline - from));
	if ((space = strchr(title, ' ')) == NULL)
		return 0;
	*space = '\0';
	if (text_copy(kind, LIMIT_ARCHIVE_KIND, title) == -1 ||
	    text_int(&length, space + 1, 0, LIMIT_ARCHIVE_ENTRY) == -1)
		return 0;
	*len = (size_t)length;
	return (size_t)(newline - from) + 1;
}

int
archive_pack_next(struct archive_pack *pack, struct archive_entry *entry)
{
	size_t title;
	uint8_t *end;

	if (pack->at == pack->len)
		return 0;
	if ((title = read_title(pack, entry->kind, &entry->len)) == 0 ||
	    entry->len + 1 > pack->len - pack->at - title)
		return is_none();
	entry->bytes = pack->bytes + pack->at + title;
	end = pack->bytes + pack->at + title + entry->len;
	if (*end != '\n')
		return is_none();
	*end = '\0';
	pack->at += title + entry->len + 1;
	return 1;
}

void
archive_pack_clear(struct archive_pack *pack)
{
	free(pack->bytes);
	*pack = (struct archive_pack){ 0 };
}
