/*
 * Time as types, so that the compiler tells clocks apart. All hold integer
 * nanoseconds. Outside the program a time is microseconds or RFC 3339 text.
 */
#ifndef LIB_TIMES_H
#define LIB_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC: for differences on this host, within one boot. */
struct mono {
	int64_t ns;
};

/* CLOCK_REALTIME: nanoseconds since 1970-01-01 00:00:00 UTC. */
struct wall {
	int64_t ns;
};

/* A difference of two times of one kind, or a length. */
struct span {
	int64_t ns;
};

/* Lengths in microseconds, the unit of the store and of reports. */
#define SECOND_US 1000000LL
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

#define TIMES_TEXT 32 /* fits every text that times_format writes */

struct mono mono_now(void);
/* CLOCK_BOOTTIME: as mono_now, but it goes on while the host is suspended. */
struct mono boot_now(void);
struct wall wall_now(void);
struct mono mono_add(struct mono, struct span);
struct wall wall_add(struct wall, struct span);
struct span mono_since(struct mono later, struct mono earlier);
struct span wall_since(struct wall later, struct wall earlier);
bool mono_before(struct mono a, struct mono b); /* a < b */

struct span span_ms(int64_t ms);
struct span span_us(int64_t us);
struct span span_s(double seconds);
int64_t span_to_us(struct span); /* rounded to the nearest, half away from 0 */
struct wall wall_from_us(int64_t us);
int64_t wall_to_us(struct wall); /* rounded down */

/* Write "2026-11-23T05:31:02.123456Z" (RFC 3339, always UTC, always six
 * digits) into text, which holds TIMES_TEXT bytes. With digits 0 no fraction
 * is written. */
void wall_format(char *text, struct wall, int digits);

/* Read an RFC 3339 time: a date, or date and time with optional fraction (up
 * to nine digits) and an offset; a missing offset means UTC. 0, or -1 where
 * text is anything else (leap second 60 included). */
int wall_parse(struct wall *, const char *text);

/* Read a length such as "5m", "90s", "1.5h", "7d", "2w"; a bare number is
 * seconds. 0, or -1 where text is anything else, negative or over 100 years. */
int span_parse(struct span *, const char *text);

#endif
