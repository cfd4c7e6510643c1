#include "collector/archive_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "lib/text.h"

#define MAGIC "acarc 1 "
#define SUFFIX ".acarc"
#define DIGITS 8
#define NUMBER_MAX 99999999

static unsigned
number_of(const char *name)
{
	char digits[DIGITS + 1];
	int64_t number;

	if (strlen(name) != DIGITS + strlen(SUFFIX) ||
	    strcmp(name + DIGITS, SUFFIX) != 0)
		return 0;
	memcpy(digits, name, DIGITS);
	digits[DIGITS] = '\0';
	if (strspn(digits, "0123456789") != DIGITS ||
	    text_int(&number, digits, 1, NUMBER_MAX) == -1)
		return 0;
	return (unsigned)number;
}

/* The next word of a line of words parted by single spaces. */
static int
take_word(char *word, size_t size, const char **text, const char *end)
{
	const char *space = memchr(*text, ' ', (size_t)(end - *text));
	const char *stop = space == NULL ? end : space;
	const size_t len = (size_t)(stop - *text);

	if (len == 0 || len >= size)
		return -1;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text = space == NULL ? end : space + 1;
	return 0;
}

void
archive_file_name(char name[ARCHIVE_NAME], unsigned number)
{
	(void)text_print(name, ARCHIVE_NAME, "%08u" SUFFIX, number);
}

int
archive_highest(int dirfd, unsigned *number)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	*number = 0;
	if (dir == NULL) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
		const unsigned n = number_of(entry->d_name);

		if (n > *number)
			*number = n;
	}
	if (errno != 0) {
		(void)closedir(dir);
		return -1;
	}
	return closedir(dir);
}

size_t
archive_line_format(
    char line[ARCHIVE_LINE], const char *kind, const void *bytes, size_t len)
{
	char digest[SIGN_SHA256_TEXT];

	sha256_text(digest, bytes, len);
	(void)text_print(
	    line, ARCHIVE_LINE, MAGIC "%s %zu %s\n", kind, len, digest);
	return strlen(line);
}

int
archive_line_parse(struct archive_line *line, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len), *at;
	char length[24];

	if (end == NULL || (size_t)(end - text) < strlen(MAGIC) ||
	    memcmp(text, MAGIC, strlen(MAGIC)) != 0)
		return -1;
	at = text + strlen(MAGIC);
	if (take_word(line->kind, sizeof(line->kind), &at, end) == -1 ||
	    take_word(length, sizeof(length), &at, end) == -1 ||
	    take_word(line->sha256, sizeof(line->sha256), &at, end) == -1 ||
	    at != end ||
	    text_int(&line->len, length, 0, LIMIT_ARCHIVE_ENTRY) == -1)
		return -1;
	line->line_len = (size_t)(end - text) + 1;
	return 0;
}
