#include "probe/manners.h"

#include <errno.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/lines.h"
#include "lib/text.h"

const char *
manners_refuse(void *arg, const struct addr *addr)
{
	struct manners *m = arg;

	if (prefix_list_contains(&m->blocked, addr))
		return "on the blocklist";
	if (prefix_list_contains(&m->allowed, addr))
		return NULL;
	return addr_special(addr);
}

const char *
manners_allow(struct manners *m, const char *text)
{
	struct prefix prefix;

	if (prefix_parse(&prefix, text) == -1)
		return "not a prefix such as 203.0.113.0/24";
	if (!prefix_may_be_allowed(&prefix))
		return "such addresses are never probed";
	if (m->allowed.count >= LIMIT_PREFIXES)
		return "too many prefixes";
	return prefix_list_add(&m->allowed, &prefix) == 0 ? NULL
							  : "out of memory";
}

/* The first word of a line, ended where it ends; NULL: none. */
static char *
first_word(char *line)
{
	char *word = line + strspn(line, " \t\r");

	word[strcspn(word, " \t\r#")] = '\0';
	return *word == '\0' ? NULL : word;
}

int
manners_read_blocklist(
    struct manners *m, const char *path, char *error, size_t error_size)
{
	struct lines *lines = lines_open(path, 4096);
	struct prefix prefix;
	char *line, *word;
	size_t len;
	int status, saved, number = 0;

	if (lines == NULL) {
		(void)text_print(
		    error, error_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	while ((status = lines_next(lines, &line, &len)) == 1) {
		number++;
		if ((word = first_word(line)) == NULL)
			continue;
		if (prefix_parse(&prefix, word) == -1) {
			(void)text_print(error, error_size,
			    "%s:%d: not a prefix such as 192.0.2.0/24", path,
			    number);
			break;
		}
		if (m->blocked.count >= LIMIT_PREFIXES ||
		    prefix_list_add(&m->blocked, &prefix) == -1) {
			(void)text_print(error, error_size,
			    "%s:%d: more than %d prefixes", path, number,
			    LIMIT_PREFIXES);
			break;
		}
	}
	if (status == -1)
		(void)text_print(
		    error, error_size, "%s: %s", path, strerror(errno));
	else if (status == 1)
		errno = EINVAL;
	saved = errno;
	lines_close(lines);
	errno = saved;
	return status == 0 ? 0 : -1;
}

void
manners_clear(struct manners *m)
{
	prefix_list_clear(&m->allowed);
	prefix_list_clear(&m->blocked);
}
