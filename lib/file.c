#include "lib/file.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/text.h"

/* Close and keep the errno that tells what went wrong. */
static void
close_quietly(int fd)
{
	int saved = errno;

	if (fd != -1)
		(void)close(fd);
	errno = saved;
}

static void
unlink_quietly(int dirfd, const char *name)
{
	int saved = errno;

	(void)unlinkat(dirfd, name, 0);
	errno = saved;
}

/* Make a file that was not there. One that a killed process of the same
 * number left behind is in nobody's use. */
static int
create_temp(int dirfd, const char *temp, mode_t mode)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, temp, flags, mode);

	if (fd != -1 || errno != EEXIST)
		return fd;
	if (unlinkat(dirfd, temp, 0) == -1)
		return -1;
	return openat(dirfd, temp, flags, mode);
}

static int
write_temp(
    int dirfd, const char *temp, const void *bytes, size_t len, mode_t mode)
{
	int fd = create_temp(dirfd, temp, mode);

	if (fd == -1)
		return -1;
	if (fchmod(fd, mode) == -1 || file_write_all(fd, bytes, len) == -1 ||
	    fsync(fd) == -1) {
		close_quietly(fd);
		return -1;
	}
	/* Network and quota file systems report late errors here. */
	return close(fd);
}

static int
read_whole(int fd, size_t size, uint8_t **bytes, size_t *len)
{
	uint8_t *buffer = malloc(size + 1);
	size_t have = 0;

	if (buffer == NULL)
		return -1;
	while (have < size) {
		ssize_t n = read(fd, buffer + have, size - have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			free(buffer);
			return -1;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	buffer[have] = '\0';
	*bytes = buffer;
	*len = have;
	return 0;
}

static const char *
distrust(const struct stat *st, uid_t other_owner, bool private_read)
{
	if (st->st_uid != geteuid() && st->st_uid != 0 &&
	    st->st_uid != other_owner)
		return "owned by another user";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "writable by others";
	if (private_read && (st->st_mode & (S_IRWXG | S_IRWXO)))
		return "readable by others";
	return NULL;
}

static const char *
find_fault(const struct file_checked *file, const struct stat *st)
{
	if ((file->checks & FILE_PLAIN) && !S_ISREG(st->st_mode))
		return "not a regular file";
	if ((file->checks & FILE_PLAIN) && st->st_nlink != 1)
		return "a file of several names";
	if (file->checks & (FILE_TRUSTED | FILE_PRIVATE))
		return distrust(
		    st, file->owner, (file->checks & FILE_PRIVATE) != 0);
	return NULL;
}

void
file_init(void)
{
	int fd;

	(void)signal(SIGXFSZ, SIG_IGN);
	/* The lowest that is free is taken; with O_PATH nothing can be read
	 * from it or written to it. */
	do
		fd = open("/", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close_quietly(fd);
}

int
file_write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
file_sync(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	int status;

	if (fd == -1)
		return -1;
	status = fsync(fd);
	close_quietly(fd);
	return status;
}

int
file_folder_of(char *folder, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');
	const int len = slash == NULL ? 1 : (int)(slash - path + 1);

	if (text_print(folder, size, "%.*s", len, slash == NULL ? "." : path) ==
	    -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
file_sync_folder_of(const char *path)
{
	char folder[4096];

	if (file_folder_of(folder, sizeof(folder), path) == -1)
		return -1;
	return file_sync(AT_FDCWD, folder);
}

int
file_publish(
    int dirfd, const char *name, const void *bytes, size_t len, unsigned mode)
{
	char temp[512];

	if (text_print(temp, sizeof(temp), ".%s.%ld.tmp", name,
		(long)getpid()) == -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (write_temp(dirfd, temp, bytes, len, mode) == -1 ||
	    renameat(dirfd, temp, dirfd, name) == -1) {
		unlink_quietly(dirfd, temp);
		return -1;
	}
	return fsync(dirfd);
}

int
file_read(int dirfd, const char *name, size_t max, uint8_t **bytes, size_t *len)
{
	struct file_checked file = { .dirfd = dirfd, .name = name, .max = max };

	if (file_read_checked(&file) == -1)
		return -1;
	*bytes = file.bytes;
	*len = file.len;
	return 0;
}

int
file_read_checked(struct file_checked *file)
{
	/* O_NONBLOCK: a fifo must be refused, not waited for. */
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd, status = -1;

	file->bytes = NULL;
	file->distrust = NULL;
	if (file->checks & FILE_PLAIN)
		flags |= O_NOFOLLOW;
	if ((fd = openat(file->dirfd, file->name, flags)) == -1) {
		if ((file->checks & FILE_PLAIN) && errno == ELOOP)
			file->distrust = "a symbolic link";
		return -1;
	}
	if (fstat(fd, &st) == -1)
		goto out;
	errno = EPERM;
	if ((file->distrust = find_fault(file, &st)) != NULL)
		goto out;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(st.st_mode))
		goto out;
	errno = EFBIG;
	if (st.st_size < 0 || (uintmax_t)st.st_size > file->max)
		goto out;
	status = read_whole(fd, (size_t)st.st_size, &file->bytes, &file->len);
out:
	close_quietly(fd);
	return status;
}

const char *
file_distrust(int fd, bool private_read)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return "cannot be examined";
	return distrust(&st, 0, private_read);
}

int
file_lock(int dirfd, const char *name, bool wait)
{
	int fd = openat(
	    dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int status;

	if (fd == -1)
		return -1;
	do {
		status = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	} while (status == -1 && errno == EINTR);
	if (status == -1) {
		close_quietly(fd);
		return -1;
	}
	return fd;
}

int
file_output_open(struct file_output *output, const char *path)
{
	struct stat st;
	int fd;

	memset(output, 0, sizeof(*output));
	if (strcmp(path, "-") == 0) {
		output->stream = stdout;
		return 0;
	}
	if (text_copy(output->path, sizeof(output->path), path) == -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	/* A device or fifo is written to, never replaced. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		output->stream = fopen(path, "we");
		return output->stream == NULL ? -1 : 0;
	}
	if (text_print(output->temp, sizeof(output->temp), "%s.%ld.tmp", path,
		(long)getpid()) == -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((fd = create_temp(AT_FDCWD, output->temp, 0666)) == -1)
		return -1;
	if ((output->stream = fdopen(fd, "w")) == NULL) {
		close_quietly(fd);
		unlink_quietly(AT_FDCWD, output->temp);
		return -1;
	}
	return 0;
}

int
file_output_done(struct file_output *output, bool keep)
{
	bool whole_file = output->temp[0] != '\0';
	int status = 0;

	if (output->stream == NULL)
		return 0;
	if (fflush(output->stream) == EOF || ferror(output->stream))
		status = -1;
	if (status == 0 && keep && whole_file &&
	    fsync(fileno(output->stream)) == -1)
		status = -1;
	if (output->stream != stdout && fclose(output->stream) == EOF)
		status = -1;
	output->stream = NULL;
	if (!whole_file)
		return status;
	if (status == 0 && keep && rename(output->temp, output->path) == 0)
		return file_sync_folder_of(output->path);
	unlink_quietly(AT_FDCWD, output->temp);
	return keep ? -1 : status;
}
