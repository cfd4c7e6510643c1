#include "probe/keygen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sign.h"
#include "lib/text.h"

static int
write_new(const char *path, const char *text, mode_t mode)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int status = -1;

	if (fd == -1)
		return -1;
	if (fchmod(fd, mode) == 0 &&
	    file_write_all(fd, text, strlen(text)) == 0 && fsync(fd) == 0)
		status = 0;
	if (close(fd) == -1)
		status = -1;
	if (status == -1)
		(void)unlink(path);
	return status;
}

int
keygen(const char *path)
{
	char secret[LIMIT_KEY_FILE], public[LIMIT_KEY_FILE], public_path[4096];
	int code = EXIT_STORAGE;

	if (text_print(public_path, sizeof(public_path), "%s.pub", path) ==
	    -1) {
		log_warnx("keygen: the file name is too long");
		return EXIT_BAD_USAGE;
	}
	if (sign_generate(secret, sizeof(secret), public, sizeof(public)) ==
	    -1) {
		log_warnx("keygen: no key could be made");
	} else if (write_new(path, secret, 0600) == -1) {
		log_warn("%s", path);
	} else if (write_new(public_path, public, 0644) == -1) {
		log_warn("%s", public_path);
		(void)unlink(path);
	} else {
		code = EXIT_DONE;
	}
	explicit_bzero(secret, sizeof(secret));
	return code;
}
