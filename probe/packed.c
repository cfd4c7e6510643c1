#include "probe/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define WORDS (sizeof(struct record) / WORD)
#define BLOCK 64 /* words; an empty name is a block */
#define LINE 8
#define PARTS 2
#define STRETCHES 160 /* two a hop, and what a record has before them */
#define ROUNDED 4     /* words: what was made for one fits others */

static_assert(sizeof(struct record) % WORD == 0, "a record is whole words");
static_assert(offsetof(struct record, dns) % WORD == 0, "so are its parts");
static_assert(offsetof(struct record, hop) % WORD == 0, "so are its parts");

/* Of a record that is not all zeros, in words. */
struct stretch {
	uint16_t at, count;
};

/* Such stretches, in order, from the first word on; then what is in them. */
struct packed {
	uint8_t type; /* enum record_type */
	uint8_t count;
	bool whole;
	uint16_t room; /* words */
	uint64_t word[];
};

struct stretches {
	struct stretch list[STRETCHES];
	size_t count, words;
};

/* Words of a record, from and up to. */
struct part {
	size_t from, end;
};

static_assert(WORDS + STRETCHES + ROUNDED <= UINT16_MAX, "a length fits");
static_assert(STRETCHES <= UINT8_MAX, "and so does their count");
static_assert(sizeof(struct stretch) * 2 == WORD, "two stretches a word");

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

/* What is kept of it; those that are not there are empty. */
static void
parts_of(struct part part[PARTS], enum record_type type, bool whole)
{
	size_t end = packed_extent(type) / WORD;

	part[0] = (struct part){ 0, end };
	part[1] = (struct part){ end, end };
	if (whole)
		return;
	part[0].from = offsetof(struct record, outcome) / WORD;
	part[0].end = offsetof(struct record, dns) / WORD;
	if (part[0].end < end)
		part[1].from = offsetof(struct record, dns.rcode) / WORD;
}

static uint64_t
word_at(const struct record *record, size_t at)
{
	uint64_t word;

	memcpy(&word, (const char *)record + at * WORD, WORD);
	return word;
}

static bool
is_zero(const struct record *record, size_t at, size_t words)
{
	static const uint64_t zeros[BLOCK];

	return memcmp((const char *)record + at * WORD, zeros, words * WORD) ==
	       0;
}

/* Most of a record is zeros: a block at a time, then a line of the cache. */
static size_t
next_not_zero(const struct record *record, size_t at, size_t end)
{
	while (at + BLOCK <= end && is_zero(record, at, BLOCK))
		at += BLOCK;
	while (at + LINE <= end && is_zero(record, at, LINE))
		at += LINE;
	while (at < end && word_at(record, at) == 0)
		at++;
	return at;
}

/* Find the stretches of a part; where there are too many in all, the last has
 * all the rest. */
static void
find_stretches(
    struct stretches *s, const struct record *record, struct part part)
{
	size_t at = part.from, from;
	struct stretch *last;

	while ((from = next_not_zero(record, at, part.end)) < part.end) {
		if (s->count == STRETCHES) {
			last = &s->list[STRETCHES - 1];
			s->words += part.end - last->at - last->count;
			last->count = (uint16_t)(part.end - last->at);
			return;
		}
		for (at = from; at < part.end && word_at(record, at) != 0; at++)
			;
		s->list[s->count++] =
		    (struct stretch){ (uint16_t)from, (uint16_t)(at - from) };
		s->words += at - from;
	}
}

/* Room for so many words: that of old, if it is enough. */
static struct packed *
room_for(size_t words, struct packed *old)
{
	struct packed *packed;

	if (old != NULL && old->room >= words)
		return old;
	words = (words + ROUNDED - 1) / ROUNDED * ROUNDED;
	if ((packed = malloc(sizeof(*packed) + words * WORD)) == NULL)
		return NULL;
	packed->room = (uint16_t)words;
	free(old);
	return packed;
}

/* That so many stretches take. */
static size_t
words_of_list(size_t count)
{
	return (count + 1) / 2;
}

static struct packed *
pack(const struct record *record, bool whole, struct packed *old)
{
	struct stretches s;
	struct part part[PARTS];
	struct packed *packed;
	uint64_t *to;
	size_t i;

	s.count = s.words = 0;
	parts_of(part, record->type, whole);
	for (i = 0; i < PARTS; i++)
		find_stretches(&s, record, part[i]);
	packed = room_for(words_of_list(s.count) + s.words, old);
	if (packed == NULL)
		return NULL;
	packed->type = (uint8_t)record->type;
	packed->count = (uint8_t)s.count;
	packed->whole = whole;
	memcpy(packed->word, s.list, s.count * sizeof(s.list[0]));
	to = packed->word + words_of_list(s.count);
	for (i = 0; i < s.count; i++) {
		memcpy(to, (const char *)record + s.list[i].at * WORD,
		    s.list[i].count * WORD);
		to += s.list[i].count;
	}
	return packed;
}

struct packed *
packed_new(const struct record *record)
{
	return pack(record, true, NULL);
}

struct packed *
packed_outcome(const struct record *record, struct packed *old)
{
	return pack(record, false, old);
}

void
packed_restore(struct record *record, const struct packed *packed)
{
	const uint64_t *from = packed->word + words_of_list(packed->count);
	struct part part[PARTS];
	struct stretch stretch;
	size_t i;

	parts_of(part, (enum record_type)packed->type, packed->whole);
	for (i = 0; i < PARTS; i++)
		memset((char *)record + part[i].from * WORD, 0,
		    (part[i].end - part[i].from) * WORD);
	for (i = 0; i < packed->count; i++) {
		memcpy(&stretch,
		    (const char *)packed->word + i * sizeof(stretch),
		    sizeof(stretch));
		memcpy((char *)record + stretch.at * WORD, from,
		    stretch.count * WORD);
		from += stretch.count;
	}
}

size_t
packed_size(const struct packed *packed)
{
	return sizeof(*packed) + packed->room * WORD;
}
