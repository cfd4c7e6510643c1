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
	size_t len; /* words */
	uint64_t word[];
};

struct stretch {
	size_t at, count;
};

/* The part of the struct that a record of this type uses, in words. */
static size_t
extent(const struct record *record)
{
	switch (record->type) {
	case RECORD_ECHO:
		return offsetof(struct record, dns) / WORD;
	case RECORD_DNS:
		return offsetof(struct record, hop) / WORD;
	case RECORD_TRACE:
		break;
	}
	return WORDS;
}

static uint64_t
word_at(const struct record *record, size_t at)
{
	uint64_t word;

	memcpy(&word, (const char *)record + at * WORD, WORD);
	return word;
}

/* Find the stretches; where there are too many, the last has all the rest. */
static size_t
find_stretches(struct stretch *s, const struct record *record)
{
	size_t at = 0, end = extent(record), count = 0;

	while (count < STRETCHES) {
		while (at < end && word_at(record, at) == 0)
			at++;
		if (at == end)
			return count;
		s[count].at = at;
		while (at < end && word_at(record, at) != 0)
			at++;
		s[count].count = at - s[count].at;
		count++;
	}
	s[count - 1].count = end - s[count - 1].at;
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
	packed->len = len;
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

	memset(record, 0, sizeof(*record));
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
