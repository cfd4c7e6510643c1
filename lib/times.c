#include "lib/times.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "lib/text.h"

#define NS_PER_US 1000
#define NS_PER_S 1000000000LL
#define DAY_S 86400
#define SPAN_MAX_S (100.0 * 366 * DAY_S)

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	/* Cannot fail for these clocks on Linux. */
	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a proleptic Gregorian date: years are counted
 * from March, so that the leap day is a year's last. */
static int64_t
days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_divide(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - 719468;
}

struct date {
	int year, month, day;
};

/* The other way round. gmtime_r reads the time zone's file first. */
static struct date
date_from_days(int64_t days)
{
	int64_t since = days + 719468; /* 0000-03-01 */
	int64_t era = floor_divide(since, 146097);
	int64_t day = since - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int month;

	day -= 365 * year + year / 4 - year / 100;
	month = (int)((5 * day + 2) / 153); /* from March */
	return (struct date){ (int)(year + era * 400 + (month >= 10)),
		month < 10 ? month + 3 : month - 9,
		(int)(day - (153 * month + 2) / 5 + 1) };
}

static bool
is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && is_leap_year(year));
}

/* Exactly count digits at *p, which moves behind them; -1: there are none. */
static int
take_digits(const char **p, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return -1;
		value = value * 10 + ((*p)[i] - '0');
	}
	*p += count;
	return value;
}

static bool
take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int
take_date(const char **p, int64_t *days)
{
	int year, month, day;

	if ((year = take_digits(p, 4)) == -1 || !take_char(p, '-') ||
	    (month = take_digits(p, 2)) == -1 || !take_char(p, '-') ||
	    (day = take_digits(p, 2)) == -1)
		return -1;
	if (month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month))
		return -1;
	*days = days_from_date(year, month, day);
	return 0;
}

static int
take_fraction(const char **p, int64_t *ns)
{
	int64_t unit = NS_PER_S;

	*ns = 0;
	if (!take_char(p, '.'))
		return 0;
	if (!isdigit((unsigned char)**p))
		return -1;
	while (isdigit((unsigned char)**p)) {
		if ((unit /= 10) == 0)
			return -1;
		*ns += (**p - '0') * unit;
		(*p)++;
	}
	return 0;
}

static int
take_clock_time(const char **p, int64_t *ns)
{
	int hour, minute, second;
	int64_t fraction;

	if ((hour = take_digits(p, 2)) == -1 || !take_char(p, ':') ||
	    (minute = take_digits(p, 2)) == -1 || !take_char(p, ':') ||
	    (second = take_digits(p, 2)) == -1 ||
	    take_fraction(p, &fraction) == -1)
		return -1;
	if (hour > 23 || minute > 59 || second > 59)
		return -1;
	*ns = (hour * 3600LL + minute * 60LL + second) * NS_PER_S + fraction;
	return 0;
}

static int
take_offset(const char **p, int64_t *ns)
{
	int64_t sign = **p == '-' ? -1 : 1;
	int hour, minute;

	*ns = 0;
	if (take_char(p, 'Z') || take_char(p, 'z') || **p == '\0')
		return 0;
	if (!take_char(p, '+') && !take_char(p, '-'))
		return -1;
	if ((hour = take_digits(p, 2)) == -1 || !take_char(p, ':') ||
	    (minute = take_digits(p, 2)) == -1 || hour > 23 || minute > 59)
		return -1;
	*ns = sign * (hour * 3600LL + minute * 60LL) * NS_PER_S;
	return 0;
}

struct mono
mono_now(void)
{
	return (struct mono){ clock_ns(CLOCK_MONOTONIC) };
}

struct mono
boot_now(void)
{
	return (struct mono){ clock_ns(CLOCK_BOOTTIME) };
}

struct wall
wall_now(void)
{
	return (struct wall){ clock_ns(CLOCK_REALTIME) };
}

struct mono
mono_add(struct mono t, struct span d)
{
	return (struct mono){ t.ns + d.ns };
}

struct wall
wall_add(struct wall t, struct span d)
{
	return (struct wall){ t.ns + d.ns };
}

struct span
mono_since(struct mono later, struct mono earlier)
{
	return (struct span){ later.ns - earlier.ns };
}

struct span
wall_since(struct wall later, struct wall earlier)
{
	return (struct span){ later.ns - earlier.ns };
}

bool
mono_before(struct mono a, struct mono b)
{
	return a.ns < b.ns;
}

struct span
span_ms(int64_t ms)
{
	return (struct span){ ms * 1000 * NS_PER_US };
}

struct span
span_us(int64_t us)
{
	return (struct span){ us * NS_PER_US };
}

struct span
span_s(double seconds)
{
	double ns = seconds * (double)NS_PER_S;

	return (struct span){ (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5) };
}

int64_t
span_to_us(struct span d)
{
	int64_t half = d.ns < 0 ? -NS_PER_US / 2 : NS_PER_US / 2;

	return (d.ns + half) / NS_PER_US;
}

struct wall
wall_from_us(int64_t us)
{
	return (struct wall){ us * NS_PER_US };
}

int64_t
wall_to_us(struct wall t)
{
	return floor_divide(t.ns, NS_PER_US);
}

/* printf and strftime would be a tenth of a record's cost. */
static char *
put_digits(char *text, int value, int digits, char end)
{
	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + value % 10);
		value /= 10;
	}
	text[digits] = end;
	return text + digits + 1;
}

void
wall_format(char *text, struct wall t, int digits)
{
	int64_t seconds = floor_divide(t.ns, NS_PER_S);
	int64_t us = floor_divide(t.ns - seconds * NS_PER_S, NS_PER_US);
	int64_t days = floor_divide(seconds, DAY_S);
	int rest = (int)(seconds - days * DAY_S);
	struct date date = date_from_days(days);

	/* The year has four digits: from 1678 to 2261. */
	text = put_digits(text, date.year, 4, '-');
	text = put_digits(text, date.month, 2, '-');
	text = put_digits(text, date.day, 2, 'T');
	text = put_digits(text, rest / 3600, 2, ':');
	text = put_digits(text, rest / 60 % 60, 2, ':');
	text = put_digits(text, rest % 60, 2, digits == 0 ? 'Z' : '.');
	if (digits != 0)
		text = put_digits(text, (int)us, 6, 'Z');
	*text = '\0';
}

int
wall_parse(struct wall *t, const char *text)
{
	const char *p = text;
	int64_t days, day_ns = 0, offset_ns = 0;

	if (take_date(&p, &days) == -1)
		return -1;
	/* A struct wall reaches from 1678 to 2261. */
	if (days < -106000 || days > 106000)
		return -1;
	if (take_char(&p, 'T') || take_char(&p, 't') || take_char(&p, ' ')) {
		if (take_clock_time(&p, &day_ns) == -1 ||
		    take_offset(&p, &offset_ns) == -1)
			return -1;
	}
	if (*p != '\0')
		return -1;
	t->ns = days * DAY_S * NS_PER_S + day_ns - offset_ns;
	return 0;
}

int
span_parse(struct span *d, const char *text)
{
	static const struct {
		char suffix;
		double seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY_S },
		{ 'w', 7.0 * DAY_S } };
	char number[32];
	double scale = 1, value;
	size_t len;

	if (text_copy(number, sizeof(number), text) == -1 ||
	    !isdigit((unsigned char)number[0]))
		return -1;
	for (len = 0; number[len] != '\0'; len++)
		;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (number[len - 1] == units[i].suffix) {
			scale = units[i].seconds;
			number[len - 1] = '\0';
			break;
		}
	}
	if (text_double(&value, number, 0, SPAN_MAX_S / scale) == -1)
		return -1;
	*d = span_s(value * scale);
	return 0;
}
