#include "probe/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define WORDS (sizeof(struct record) / WORD)
#define STRETCHES 160 /* two a hop, and what a record has before them */

static_assert(sizeof(struct record) % WORD == 0, "a record is whole words");
static_assert(offsetof(struct record, dns) % WORD == 0, "so are its parts");
static_assert(offsetof(struct record, hop) % WORD == 0, "so are its parts");

/* Stretches of a record that are not all zeros, in order: a word that tells
 * place and length, and the words themselves. */
struct packed {
	enum record_type type;
	uint32_t len; /* words */
	uint64_t word[];
};

struct stretch {
	uint16_t at, count;
};

static_assert(WORDS <= UINT16_MAX, "a place in a record fits");

size_t
packed_extent(enum record_type type)
{
	switch (type) {
	case RECORD_ECHO:
		return offsetof(struct record, dns);
	case RECORD_DNS:
		return offsetof(struct record, hop);
	case RECORD_TRACE:
		break;
	}
	return sizeof(struct record);
}

static uint64_t
word_at(const struct record *record, size_t at)
{
	uint64_t word;

	memcpy(&word, (const char *)record + at * WORD, WORD);
	return word;
}

/* Most of a record is zeros: a line of the cache at a time. */
static size_t
next_not_zero(const struct record *record, size_t at, size_t end)
{
	uint64_t line[8];

	for (; at + 8 <= end; at += 8) {
		memcpy(line, (const char *)record + at * WORD, sizeof(line));
		if ((line[0] | line[1] | line[2] | line[3] | line[4] | line[5] |
			line[6] | line[7]) != 0)
			break;
	}
	while (at < end && word_at(record, at) == 0)
		at++;
	return at;
}

/* Find the stretches; where there are too many, the last has all the rest. */
static size_t
find_stretches(struct stretch *s, const struct record *record)
{
	size_t at = 0, end = packed_extent(record->type) / WORD, count = 0;

	while (count < STRETCHES) {
		at = next_not_zero(record, at, end);
		if (at == end)
			return count;
		s[count].at = (uint16_t)at;
		while (at < end && word_at(record, at) != 0)
			at++;
		s[count].count = (uint16_t)(at - s[count].at);
		count++;
	}
	s[count - 1].count = (uint16_t)(end - s[count - 1].at);
	return count;
}

struct packed *
packed_new(const struct record *record)
{
	struct stretch stretch[STRETCHES];
	size_t i, count = find_stretches(stretch, record), len = count;
	struct packed *packed;
	uint64_t *to;

	for (i = 0; i < count; i++)
		len += stretch[i].count;
	if ((packed = malloc(sizeof(*packed) + len * WORD)) == NULL)
		return NULL;
	packed->type = record->type;
	packed->len = (uint32_t)len;
	to = packed->word;
	for (i = 0; i < count; i++) {
		*to++ = (uint64_t)stretch[i].at << 32 | stretch[i].count;
		memcpy(to, (const char *)record + stretch[i].at * WORD,
		    stretch[i].count * WORD);
		to += stretch[i].count;
	}
	return packed;
}

void
packed_restore(struct record *record, const struct packed *packed)
{
	const uint64_t *from = packed->word, *end = from + packed->len;
	size_t at, count;

	memset(record, 0, packed_extent(packed->type));
	while (from < end) {
		at = (size_t)(*from >> 32);
		count = (size_t)(*from++ & UINT32_MAX);
		memcpy((char *)record + at * WORD, from, count * WORD);
		from += count;
	}
}

size_t
packed_size(const struct packed *packed)
{
	return sizeof(*packed) + packed->len * WORD;
}
