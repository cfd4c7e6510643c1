#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/text.h"

#define LOG_LINE 1024

/* Where lines begin and what is shown: the process's own, set once. */
static struct {
	char program[32];
	int verbose;
	FILE *kept; /* NULL: standard error */
} settings = { "", 0, NULL };

static size_t
append_byte(char *line, size_t len, unsigned char byte)
{
	char piece[5];

	/* The backslash stays: what is already in text form must not be
	 * escaped twice, and nobody decodes a log line. */
	if (byte >= 0x20 && byte <= 0x7e)
		(void)text_print(piece, sizeof(piece), "%c", byte);
	else
		(void)text_print(piece, sizeof(piece), "\\%03d", byte);
	if (len + strlen(piece) > LOG_LINE - 2)
		return len;
	memcpy(line + len, piece, strlen(piece));
	return len + strlen(piece);
}

static size_t
append(char *line, size_t len, const char *text)
{
	for (; *text != '\0'; text++)
		len = append_byte(line, len, (unsigned char)*text);
	return len;
}

static void log_line(const char *reason, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* One write for one line, so that lines of several processes do not mix. */
static void
log_line(const char *reason, const char *format, va_list args)
{
	char message[LOG_LINE], line[LOG_LINE];
	size_t len = 0;
	ssize_t written;

	(void)vsnprintf(message, sizeof(message), format, args);
	if (settings.program[0] != '\0' && settings.kept == NULL) {
		len = append(line, len, settings.program);
		len = append(line, len, ": ");
	}
	len = append(line, len, message);
	if (reason != NULL) {
		len = append(line, len, ": ");
		len = append(line, len, reason);
	}
	line[len++] = '\n';
	if (settings.kept != NULL) {
		(void)fwrite(line, 1, len, settings.kept);
		return;
	}
	(void)fflush(stdout);
	/* Nobody is left to tell where standard error itself fails. */
	written = write(STDERR_FILENO, line, len);
	(void)written;
}

/* 0, or -1 (errno). */
static int
output_taken(void)
{
	if (fflush(stdout) == EOF)
		return -1;
	if (!ferror(stdout))
		return 0;
	/* Why, is forgotten: what fails still fails. */
	if (putchar('\n') != EOF && fflush(stdout) == 0)
		errno = EIO;
	return -1;
}

int
log_exit_code(int error, int other)
{
	return error == EACCES || error == EPERM || error == EROFS
		   ? EXIT_PERMISSION
		   : other;
}

int
log_output_done(int code)
{
	if (code >= EXIT_BAD_USAGE || output_taken() == 0)
		return code;
	log_warn("standard output");
	return EXIT_STORAGE;
}

void
log_init(const char *program, int verbose)
{
	(void)text_copy(settings.program, sizeof(settings.program), program);
	settings.verbose = verbose;
}

void
log_keep(FILE *stream)
{
	settings.kept = stream;
}

void
log_warnx(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(NULL, format, args);
	va_end(args);
}

void
log_warn(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;

	va_start(args, format);
	log_line(reason, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	if (settings.verbose < 1)
		return;
	va_start(args, format);
	log_line(NULL, format, args);
	va_end(args);
}
