/*
 * The names and files of the spool's folder.
 */
#include "probe/spool_private.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/file.h"
#include "lib/text.h"

#define DIGITS 20

static bool
parse_name(const char *name, struct spool_entry *entry)
{
	char digits[DIGITS + 1];

	if (strspn(name, "0123456789") != DIGITS)
		return false;
	memcpy(digits, name, DIGITS);
	digits[DIGITS] = '\0';
	if (text_int(&entry->place, digits, 1, INT64_MAX / 2) == -1)
		return false;
	entry->sent = strcmp(&name[DIGITS], ".sent") == 0;
	return entry->sent || strcmp(&name[DIGITS], ".acb") == 0;
}

static int
compare_entries(const void *left, const void *right)
{
	const struct spool_entry *a = left, *b = right;

	return a->place < b->place ? -1 : a->place > b->place;
}

static int
add_entry(struct spool_entries *entries, const struct spool_entry *entry)
{
	struct spool_entry *items = entries->items;

	/* Doubled at powers of two. */
	if ((entries->count & (entries->count - 1)) == 0) {
		items =
		    reallocarray(items, entries->count * 2 + 1, sizeof(*items));
		if (items == NULL)
			return -1;
		entries->items = items;
	}
	items[entries->count++] = *entry;
	return 0;
}

static DIR *
open_folder(int dirfd)
{
	/* Not a copy of dirfd: those share one reading position. */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd == -1)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		(void)close(fd);
	return dir;
}

static bool
is_leftover(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '.' && len > 5 && strcmp(&name[len - 4], ".tmp") == 0;
}

int
spool_scan(int dirfd, struct spool_entries *entries)
{
	DIR *dir = open_folder(dirfd);
	const struct dirent *file;
	int status = 0;

	*entries = (struct spool_entries){ 0 };
	if (dir == NULL)
		return -1;
	while (status == 0 && (errno = 0, file = readdir(dir)) != NULL) {
		struct spool_entry entry;
		struct stat st;

		if (!parse_name(file->d_name, &entry) ||
		    fstatat(dirfd, file->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			-1)
			continue;
		entry.bytes = st.st_size;
		entry.mtime_s = st.st_mtime;
		status = add_entry(entries, &entry);
	}
	if (file == NULL && errno != 0)
		status = -1;
	(void)closedir(dir);
	if (status == -1) {
		free(entries->items);
		return -1;
	}
	if (entries->count > 0)
		qsort(entries->items, entries->count, sizeof(*entries->items),
		    compare_entries);
	return 0;
}

int
spool_sweep(int dirfd)
{
	DIR *dir = open_folder(dirfd);
	const struct dirent *file;

	if (dir == NULL)
		return -1;
	while ((file = readdir(dir)) != NULL) {
		if (is_leftover(file->d_name))
			(void)unlinkat(dirfd, file->d_name, 0);
	}
	return closedir(dir);
}

void
spool_name(char name[SPOOL_NAME], int64_t place, bool sent)
{
	(void)text_print(name, SPOOL_NAME, "%020lld.%s", (long long)place,
	    sent ? "sent" : "acb");
}

int
spool_read(int dirfd, const char *name, struct batch_pieces *pieces,
    uint8_t **file, size_t *len, const char **fault)
{
	struct file_checked checked = { .dirfd = dirfd,
		.name = name,
		.max = SPOOL_FILE_BYTES,
		.checks = FILE_PLAIN | FILE_PRIVATE };
	enum batch_error error;

	*fault = NULL;
	if (file_read_checked(&checked) == -1) {
		*fault = checked.distrust;
		return -1;
	}
	error = batch_split(pieces, checked.bytes, checked.len);
	if (error != BATCH_OK) {
		*fault = batch_error_name(error);
		free(checked.bytes);
		return -1;
	}
	*file = checked.bytes;
	*len = checked.len;
	return 0;
}
