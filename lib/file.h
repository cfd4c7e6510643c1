/*
 * Files that must survive a power cut, and files that others must not have
 * touched. Every path is opened with O_CLOEXEC; nothing follows a symlink in
 * the last component where the header says so.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* For main, before it opens or writes anything. A file that may not grow any
 * more (ulimit -f) is an error of its write, EFBIG, as a full disk is, and not
 * the program's end. Standard input, output and error that the caller closed
 * stay closed (EBADF): no file that is opened later takes their place, to be
 * given what is printed. */
void file_init(void);

/* Write all len bytes, whatever signals or short writes. 0, or -1 (errno). */
int file_write_all(int fd, const void *bytes, size_t len);

/* The name of the folder that holds a path; "." where it names none. 0, or -1
 * (errno) where it is too long. */
int file_folder_of(char *folder, size_t size, const char *path);

/* Flush (fsync) a file or folder by its path, and the folder that holds a
 * path, so that a new name survives a power cut. 0, or -1 (errno). */
int file_sync(int dirfd, const char *path);
int file_sync_folder_of(const char *path);

/* Publish bytes as dir/name: written beside, flushed, renamed, the folder
 * flushed. After 0 it survives a power cut. An fsync that fails makes the
 * whole attempt fail: the temporary file is removed and never retried on the
 * same descriptor. dirfd is an open folder. 0, or -1 (errno). */
int file_publish(
    int dirfd, const char *name, const void *bytes, size_t len, unsigned mode);

/* The whole file, with a NUL behind it that is not counted. -1 with EFBIG
 * where it is over max bytes, EISDIR or EINVAL where it is no regular file.
 * The caller frees. */
int file_read(
    int dirfd, const char *name, size_t max, uint8_t **bytes, size_t *len);

/* The same with checks of what was opened. Where one fails: -1 with EPERM,
 * and distrust says why, a constant text. */
enum file_check {
	FILE_TRUSTED = 1, /* file_distrust */
	FILE_PRIVATE = 2, /* file_distrust with private_read */
	FILE_PLAIN = 4,   /* no symlink, exactly one name (planted files) */
};
struct file_checked {
	int dirfd; /* AT_FDCWD */
	const char *name;
	size_t max;
	unsigned checks;      /* of enum file_check */
	unsigned owner;       /* another uid that may own it; 0: none */
	uint8_t *bytes;       /* result, with a NUL behind; the caller frees */
	size_t len;           /* result */
	const char *distrust; /* result: NULL, or why it was refused */
};
int file_read_checked(struct file_checked *);

/* What is wrong with the owner or mode of an open file or folder that must
 * be ours (or root's) and not writable by others; with private_read set, not
 * readable by others either. NULL where nothing is; otherwise a constant
 * text such as "readable by others". */
const char *file_distrust(int fd, bool private_read);

/* Take the exclusive lock (flock) of a file, which is made where it is
 * missing (mode 0600). The descriptor; -1 with EWOULDBLOCK where another
 * holds it and wait is false. Close it to let go. */
int file_lock(int dirfd, const char *name, bool wait);

/* A report or export: stdout for "-", else a temporary file beside path that
 * file_output_done renames. A symlink at path is refused. */
struct file_output {
	FILE *stream;
	char path[4096];
	char temp[4096];
};
int file_output_open(struct file_output *, const char *path);
/* keep false: removed. 0, or -1 (errno) where flush, fsync or rename failed. */
int file_output_done(struct file_output *, bool keep);

#endif
