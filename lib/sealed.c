#include "lib/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/sign.h"

/* The lines between the first and the last, which must be right. NULL: it is
 * damaged. */
static char *
body_of(const struct sealed *sealed, char *text, size_t len)
{
	size_t head = strlen(sealed->head);
	char sha256[SIGN_SHA256_TEXT];
	char *last;

	if (len < head + SIGN_SHA256_TEXT ||
	    strncmp(text, sealed->head, head) != 0)
		return NULL;
	last = text + len - SIGN_SHA256_TEXT;
	sha256_text(sha256, text, (size_t)(last - text));
	if (strncmp(last, sha256, SIGN_SHA256_TEXT - 1) != 0)
		return NULL;
	*last = '\0';
	return text + head;
}

static char *
take(const struct sealed *sealed, char *text, size_t len, const char **fault)
{
	char *body = body_of(sealed, text, len);

	if (body == NULL) {
		*fault = "damaged";
		free(text);
		return NULL;
	}
	return memmove(text, body, strlen(body) + 1);
}

char *
sealed_read(const struct sealed *sealed, const char **fault)
{
	struct file_checked file = { .name = sealed->name,
		.max = sealed->max,
		.checks = FILE_TRUSTED | FILE_PLAIN };
	char *body = NULL;

	*fault = NULL;
	file.dirfd = open(sealed->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file.dirfd == -1)
		return NULL;
	if (file_read_checked(&file) == 0)
		body = take(sealed, (char *)file.bytes, file.len, fault);
	else if (errno != ENOENT)
		*fault =
		    file.distrust == NULL ? strerror(errno) : file.distrust;
	(void)close(file.dirfd);
	return body;
}

size_t
sealed_lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

int
sealed_begin(struct sealed *sealed)
{
	sealed->text = NULL;
	sealed->len = 0;
	sealed->out = open_memstream(&sealed->text, &sealed->len);
	if (sealed->out == NULL)
		return -1;
	(void)fputs(sealed->head, sealed->out);
	return 0;
}

static int
publish(const struct sealed *sealed)
{
	int dirfd = open(sealed->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status, saved;

	if (dirfd == -1)
		return -1;
	status =
	    file_publish(dirfd, sealed->name, sealed->text, sealed->len, 0600);
	saved = errno;
	(void)close(dirfd);
	errno = saved;
	return status;
}

int
sealed_publish(struct sealed *sealed)
{
	char sha256[SIGN_SHA256_TEXT];
	int status = -1;

	if (fflush(sealed->out) == 0) {
		sha256_text(sha256, sealed->text, sealed->len);
		(void)fprintf(sealed->out, "%s\n", sha256);
	}
	if (fclose(sealed->out) == 0)
		status = publish(sealed);
	free(sealed->text);
	return status;
}
