/* Proves how files are published, read, distrusted, locked and put out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/file.h"
#include "tests/unit/temporary.h"

struct folder {
	char path[TEMPORARY_SIZE];
	int fd;
};

static int
make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	if (temporary_path(f->path, "file.XXXXXX") == -1 ||
	    mkdtemp(f->path) == NULL)
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	*state = f;
	return f->fd == -1 ? -1 : 0;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "a", "b", "link", "fifo", "lock" };
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(f->fd, names[i], 0);
	(void)close(f->fd);
	/* Fails, and with it the test, where a temporary file is left. */
	if (rmdir(f->path) == -1)
		return -1;
	free(f);
	return 0;
}

static void
what_is_published_is_read_back(void **state)
{
	const struct folder *f = *state;
	struct stat st;
	uint8_t *bytes;
	size_t len;

	assert_int_equal(file_publish(f->fd, "a", "one", 3, 0640), 0);
	assert_int_equal(file_publish(f->fd, "a", "second", 6, 0600), 0);
	assert_int_equal(file_read(f->fd, "a", 6, &bytes, &len), 0);
	assert_int_equal(len, 6);
	assert_string_equal((char *)bytes, "second");
	free(bytes);
	assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_dead_processs_temporary_file_is_no_obstacle(void **state)
{
	const struct folder *f = *state;
	char temp[64];
	int fd;

	(void)snprintf(temp, sizeof(temp), ".a.%ld.tmp", (long)getpid());
	fd = openat(f->fd, temp, O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(file_publish(f->fd, "a", "one", 3, 0600), 0);
	assert_int_equal(faccessat(f->fd, temp, F_OK, 0), -1);
}

static void
what_is_no_bounded_regular_file_is_not_read(void **state)
{
	const struct folder *f = *state;
	uint8_t *bytes;
	size_t len;

	assert_int_equal(file_publish(f->fd, "a", "four", 4, 0600), 0);
	assert_int_equal(file_read(f->fd, "a", 3, &bytes, &len), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(file_read(f->fd, "fifo", 3, &bytes, &len), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(file_read(f->fd, ".", 3, &bytes, &len), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_read(f->fd, "none", 3, &bytes, &len), -1);
	assert_int_equal(errno, ENOENT);
}

static void
planted_files_are_named_and_refused(void **state)
{
	const struct folder *f = *state;
	struct file_checked file = {
		.dirfd = f->fd, .max = 16, .checks = FILE_PLAIN | FILE_PRIVATE
	};

	assert_int_equal(file_publish(f->fd, "a", "one", 3, 0600), 0);
	file.name = "a";
	assert_int_equal(file_read_checked(&file), 0);
	assert_null(file.distrust);
	free(file.bytes);
	assert_int_equal(fchmodat(f->fd, "a", 0604, 0), 0);
	assert_int_equal(file_read_checked(&file), -1);
	assert_string_equal(file.distrust, "readable by others");
	assert_int_equal(fchmodat(f->fd, "a", 0620, 0), 0);
	assert_int_equal(file_read_checked(&file), -1);
	assert_string_equal(file.distrust, "writable by others");
	assert_int_equal(fchmodat(f->fd, "a", 0600, 0), 0);
	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	file.name = "link";
	assert_int_equal(file_read_checked(&file), -1);
	assert_string_equal(file.distrust, "a symbolic link");
	assert_int_equal(linkat(f->fd, "a", f->fd, "b", 0), 0);
	file.name = "b";
	assert_int_equal(file_read_checked(&file), -1);
	assert_string_equal(file.distrust, "a file of several names");
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	file.name = "fifo";
	assert_int_equal(file_read_checked(&file), -1);
	assert_string_equal(file.distrust, "not a regular file");
}

static void
another_users_file_is_distrusted(void **state)
{
	const struct folder *f = *state;
	int fd;

	if (geteuid() != 0)
		skip();
	assert_int_equal(file_publish(f->fd, "a", "one", 3, 0600), 0);
	fd = openat(f->fd, "a", O_RDONLY);
	assert_null(file_distrust(fd, true));
	assert_int_equal(fchown(fd, 65534, 65534), 0);
	assert_string_equal(file_distrust(fd, true), "owned by another user");
	(void)close(fd);
}

static void
a_lock_is_held_until_it_is_closed(void **state)
{
	const struct folder *f = *state;
	int fd = file_lock(f->fd, "lock", false);

	assert_int_not_equal(fd, -1);
	assert_int_equal(file_lock(f->fd, "lock", false), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	(void)close(fd);
	fd = file_lock(f->fd, "lock", false);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
an_output_appears_whole_or_not_at_all(void **state)
{
	const struct folder *f = *state;
	struct file_output out;
	char path[TEMPORARY_SIZE + 8];
	uint8_t *bytes;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/a", f->path);
	assert_int_equal(file_output_open(&out, path), 0);
	assert_true(fputs("report", out.stream) >= 0);
	assert_int_equal(faccessat(f->fd, "a", F_OK, 0), -1);
	assert_int_equal(file_output_done(&out, true), 0);
	assert_int_equal(file_output_open(&out, path), 0);
	assert_true(fputs("half a rep", out.stream) >= 0);
	assert_int_equal(file_output_done(&out, false), 0);
	assert_int_equal(file_read(f->fd, "a", 99, &bytes, &len), 0);
	assert_string_equal((char *)bytes, "report");
	free(bytes);
}

static void
an_output_follows_no_symlink_and_replaces_no_device(void **state)
{
	const struct folder *f = *state;
	struct file_output out;
	struct stat st;
	char path[TEMPORARY_SIZE + 8];

	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	(void)snprintf(path, sizeof(path), "%s/link", f->path);
	assert_int_equal(file_output_open(&out, path), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(file_output_open(&out, "/dev/null"), 0);
	assert_int_equal(file_output_done(&out, true), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(file_output_open(&out, "/dev/full"), 0);
	assert_true(fputs("report", out.stream) >= 0);
	assert_int_equal(file_output_done(&out, true), -1);
}

#define WITH_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_is_published_is_read_back),
		WITH_FOLDER(a_dead_processs_temporary_file_is_no_obstacle),
		WITH_FOLDER(what_is_no_bounded_regular_file_is_not_read),
		WITH_FOLDER(planted_files_are_named_and_refused),
		WITH_FOLDER(another_users_file_is_distrusted),
		WITH_FOLDER(a_lock_is_held_until_it_is_closed),
		WITH_FOLDER(an_output_appears_whole_or_not_at_all),
		WITH_FOLDER(
		    an_output_follows_no_symlink_and_replaces_no_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
