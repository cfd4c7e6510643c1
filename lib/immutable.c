#include "lib/immutable.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>
#include "lib/text.h"

static bool
has_wal(const char *path)
{
	char name[4096];

	return text_print(name, sizeof(name), "%s-wal", path) == -1 ||
	       access(name, F_OK) == 0 || errno != ENOENT;
}

int
immutable_uri(char *uri, size_t size, const char *path)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 5;

	if (has_wal(path) || text_copy(uri, size, "file:") == -1)
		return -1;
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;

		if (len + 4 > size)
			return -1;
		uri[len++] = '%';
		uri[len++] = hex[c >> 4];
		uri[len++] = hex[c & 15];
	}
	return text_copy(uri + len, size - len, "?immutable=1");
}
