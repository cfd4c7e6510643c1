#include "lib/regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/text.h"

#define LETTERS 26
#define COUNTRIES (LETTERS * LETTERS)

struct regions {
	char names[COUNTRIES][LIMIT_REGION + 1];
};

extern const char regions_shipped[];

/* -1: no two capital letters. */
static int
index_of(const char *country)
{
	if (country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
	    country[1] > 'Z' || country[2] != '\0')
		return -1;
	return (country[0] - 'A') * LETTERS + country[1] - 'A';
}

/* NULL, or what is wrong with a line. */
static const char *
read_line(struct regions *regions, char *line)
{
	char *country, *region;
	size_t len;
	int index;

	line[strcspn(line, "#")] = '\0';
	for (len = strlen(line); len > 0 && strchr(" \t\r", line[len - 1]);)
		line[--len] = '\0';
	country = line + strspn(line, " \t");
	if (country[0] == '\0')
		return NULL;
	region = country + strcspn(country, " \t");
	if (region[0] == '\0')
		return "a country and its region, please";
	*region++ = '\0';
	region += strspn(region, " \t");
	if ((index = index_of(country)) == -1)
		return "a country is two capital letters (ISO 3166)";
	if (!text_is_printable(region, LIMIT_REGION))
		return "a region is 1 to 64 printable ASCII characters";
	(void)text_copy(
	    regions->names[index], sizeof(regions->names[index]), region);
	return NULL;
}

/* 0, or -1 with a line in error. text is cut into pieces. */
static int
read_text(struct regions *regions, char *text, const char *path, char *error,
    size_t size)
{
	int number = 0;

	while (text != NULL) {
		char *line = strsep(&text, "\n");
		const char *wrong = read_line(regions, line);

		number++;
		if (wrong != NULL) {
			(void)text_print(
			    error, size, "%s:%d: %s", path, number, wrong);
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}

static int
read_file(struct regions *regions, const char *path, char *error, size_t size)
{
	uint8_t *bytes;
	size_t len;
	int status;

	if (file_read(AT_FDCWD, path, LIMIT_CONF_BYTES, &bytes, &len) == -1) {
		(void)text_print(error, size, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (strlen((char *)bytes) != len) {
		(void)text_print(error, size, "%s: holds a NUL byte", path);
		errno = EINVAL;
		status = -1;
	} else {
		status = read_text(regions,
		    (char *)bytes + text_bom((char *)bytes, len), path, error,
		    size);
	}
	free(bytes);
	return status;
}

struct regions *
regions_read(const char *path, char *error, size_t size)
{
	struct regions *regions = calloc(1, sizeof(*regions));
	char *shipped = strdup(regions_shipped);
	int status = -1;

	if (regions == NULL || shipped == NULL)
		(void)text_print(error, size, "regions: out of memory");
	else if ((status = read_text(
		      regions, shipped, "regions", error, size)) == 0 &&
		 path != NULL)
		status = read_file(regions, path, error, size);
	free(shipped);
	if (status == 0)
		return regions;
	free(regions);
	return NULL;
}

void
regions_free(struct regions *regions)
{
	free(regions);
}

const char *
regions_of(const struct regions *regions, const char *country)
{
	const int index = index_of(country);

	return regions == NULL || index == -1 ? "" : regions->names[index];
}

size_t
regions_countries(const struct regions *regions, const char *region, char *text)
{
	size_t count = 0;

	*text = '\0';
	for (size_t i = 0; i < COUNTRIES && region[0] != '\0'; i++) {
		if (strcmp(regions->names[i], region) != 0)
			continue;
		if (count++ > 0)
			*text++ = ',';
		*text++ = (char)('A' + i / LETTERS);
		*text++ = (char)('A' + i % LETTERS);
		*text = '\0';
	}
	return count;
}
