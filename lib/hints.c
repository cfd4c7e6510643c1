#include "lib/hints.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include "lib/sphere.h"
#include "lib/text.h"

#define WORDS_MAX 32
#define COUNTRIES_MAX 8
#define MARGIN 10 /* a guess this near to another is no better than it */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A run of letters. */
struct word {
	const char *text; /* into the name; len letters */
	size_t len;
	bool glued; /* a digit stands before it: "r3yyz" */
};

struct words {
	struct word list[WORDS_MAX];
	size_t count;
	char countries[COUNTRIES_MAX][3];
	size_t country_count;
};

/* Codes of airports that in a server's name mean something else. */
static const char *const not_codes[] = { "ace", "all", "any", "aut", "bot",
	"box", "cur", "dns", "her", "mid", "run", "see", "doh", "doq", "dot",
	"log", "med", "mem", "nat", "net", "pop", "pos", "pri", "pro", "pub",
	"rec", "res", "sec", "srv", "sub", "tls", "vip", "web" };
/* Countries likewise: Cloudflare, mail, load balancer, gateway. */
static const char *const not_countries[] = { "ad", "as", "cf", "gw", "io", "lb",
	"mx" };
/* States of the US and provinces of Canada whose code is no country's, and
 * hardly a word: London, ON. */
static const struct {
	char code[3], country[3];
} states[] = { { "ab", "CA" }, { "bc", "CA" }, { "on", "CA" }, { "qc", "CA" },
	{ "ak", "US" }, { "ct", "US" }, { "fl", "US" }, { "hi", "US" },
	{ "ia", "US" }, { "ks", "US" }, { "nd", "US" }, { "nh", "US" },
	{ "nj", "US" }, { "nv", "US" }, { "ny", "US" }, { "oh", "US" },
	{ "ok", "US" }, { "or", "US" }, { "ri", "US" }, { "tx", "US" },
	{ "ut", "US" }, { "va", "US" }, { "wa", "US" }, { "wi", "US" },
	{ "wv", "US" }, { "wy", "US" } };
/* Towns of four letters that are words first. */
static const char *const not_towns[] = { "bale", "male", "nice" };
/* With which names of several words begin: san-jose is not San Diego. */
static const char *const beginnings[] = { "den", "las", "los", "new", "rio",
	"san", "sao", "sta", "ste", "tel" };
static const char *const domains[] = { "arpa", "biz", "com", "edu", "gov",
	"info", "int", "mil", "net", "org" };

static bool
is_one_of(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* The end of what may hold a place: a host name's registered domain is the
 * operator's, not the site's ("dns.th2.nic.fr": only dns.th2). */
static const char *
end_of_site(const char *name)
{
	const char *end = name + strlen(name);
	const char *last = strrchr(name, '.');
	const char *dot = NULL;
	char country[3];
	size_t labels = 1;

	for (const char *p = name; (p = strchr(p, '.')) != NULL; p++)
		labels++;
	if (labels < 3 || last == NULL ||
	    (!is_one_of(domains, COUNT(domains), last + 1) &&
		!gazetteer_country(country, last + 1)))
		return end;
	for (dot = last - 1; dot > name && *dot != '.'; dot--)
		;
	return dot;
}

static void
copy_word(char *out, size_t size, const struct word *word)
{
	if (text_print(out, size, "%.*s", (int)word->len, word->text) == -1)
		out[0] = '\0';
}

static void
note_country(struct words *words, const struct word *word)
{
	char text[3];

	if (word->len != 2 || words->country_count == COUNTRIES_MAX)
		return;
	copy_word(text, sizeof(text), word);
	for (size_t i = 0; i < COUNT(states); i++) {
		if (strcmp(states[i].code, text) == 0) {
			memcpy(words->countries[words->country_count++],
			    states[i].country, 3);
			return;
		}
	}
	if (!is_one_of(not_countries, COUNT(not_countries), text) &&
	    gazetteer_country(words->countries[words->country_count], text))
		words->country_count++;
}

static void
split(struct words *words, const char *name)
{
	const char *end = end_of_site(name);

	words->count = words->country_count = 0;
	for (const char *p = name; p < end && words->count < WORDS_MAX;) {
		struct word *word = &words->list[words->count];

		if (*p == '\\' && end - p >= 4) { /* \DDD: no letter */
			p += 4;
			continue;
		}
		if (!isalpha((unsigned char)*p)) {
			p++;
			continue;
		}
		word->text = p;
		word->glued = p > name && isdigit((unsigned char)p[-1]);
		while (p < end && isalpha((unsigned char)*p))
			p++;
		word->len = (size_t)(p - word->text);
		words->count++;
		note_country(words, word);
	}
}

static struct hint *
add(struct hints *hints, const char *code, const char *kind, int confidence)
{
	struct hint *hint;

	if (hints->count == HINTS_MAX)
		return NULL;
	hint = &hints->found[hints->count];
	memset(hint, 0, sizeof(*hint));
	(void)text_copy(hint->code, sizeof(hint->code), code);
	hint->kind = kind;
	hint->confidence = confidence;
	return hint;
}

/* A code, or a town's abbreviation, in a country that stands beside it. */
static bool
in_country(struct gazetteer_place *place, const char *code, const char *letters)
{
	char country[3];

	if (!gazetteer_country(country, letters))
		return false;
	return gazetteer_code(place, code, country);
}

/* Two words with one sign between them: "de-fra", "fra-de". */
static void
read_pair(struct hints *hints, const struct word *a, const struct word *b)
{
	char first[4], second[4], code[HINT_CODE];
	struct hint *hint;
	const bool country_first = a->len == 2 && b->len == 3;

	if (b->text != a->text + a->len + 1 ||
	    (*(b->text - 1) != '-' && *(b->text - 1) != '_' &&
		*(b->text - 1) != '.') ||
	    (!country_first && (a->len != 3 || b->len != 2)))
		return;
	copy_word(first, sizeof(first), a);
	copy_word(second, sizeof(second), b);
	(void)text_print(code, sizeof(code), "%s-%s",
	    country_first ? first : second, country_first ? second : first);
	if ((hint = add(hints, code, "country+code", HINT_CONFIDENCE)) ==
		NULL ||
	    !in_country(&hint->place, code + 3, country_first ? first : second))
		return;
	hints->count++;
}

/* "nlams", "usnyc": a country and a code in it. */
static void
read_joined(struct hints *hints, const struct word *word)
{
	char text[6], letters[3];
	struct hint *hint;

	if (word->len != 5)
		return;
	copy_word(text, sizeof(text), word);
	(void)text_print(letters, sizeof(letters), "%.2s", text);
	if ((hint = add(hints, text, "country+code", HINT_CONFIDENCE - 5)) !=
		NULL &&
	    in_country(&hint->place, text + 2, letters))
		hints->count++;
}

/* "newyork", "praguecz". */
static void
read_town(struct hints *hints, const struct word *word)
{
	char text[HINT_CODE], country[3];
	struct hint *hint;

	if (word->len < 4)
		return;
	copy_word(text, sizeof(text), word);
	if (text[0] == '\0' || is_one_of(not_towns, COUNT(not_towns), text) ||
	    (hint = add(hints, text, "town", HINT_CONFIDENCE - 5)) == NULL)
		return;
	if (gazetteer_town(&hint->place, text, "", false) &&
	    hint->place.major) {
		hints->count++;
		return;
	}
	if (word->len >= 6 &&
	    gazetteer_country(country, text + word->len - 2)) {
		text[word->len - 2] = '\0';
		if (gazetteer_town(&hint->place, text, country, false) &&
		    hint->place.confidence >= 70)
			hints->count++;
	}
}

static bool
are_joined(const struct word *a, const struct word *b)
{
	return b->text == a->text + a->len + 1 &&
	       (a->text[a->len] == '-' || a->text[a->len] == '_');
}

/* "san-francisco", "salt-lake-city": what the words from here on say. */
static void
read_long_town(struct hints *hints, const struct words *words, size_t first)
{
	char text[HINT_CODE];
	struct hint *hint;
	size_t len = 0;

	for (size_t i = first; i < words->count && i < first + 4; i++) {
		const struct word *word = &words->list[i];

		if ((i > first && !are_joined(word - 1, word)) ||
		    len + word->len >= sizeof(text))
			return;
		memcpy(text + len, word->text, word->len);
		len += word->len;
		text[len] = '\0';
		if (i == first || len < 6 ||
		    (hint = add(hints, text, "town", HINT_CONFIDENCE - 5)) ==
			NULL)
			continue;
		if (gazetteer_town(&hint->place, text, "", false) &&
		    hint->place.major)
			hints->count++;
	}
}

static bool
says_country(const struct words *words, const char *country)
{
	for (size_t i = 0; i < words->country_count; i++)
		if (strcmp(words->countries[i], country) == 0)
			return true;
	return false;
}

/* The beginning of a town's name, and not a code. */
static bool
begins_town(const struct words *words, const struct word *word)
{
	char text[4];

	copy_word(text, sizeof(text), word);
	return is_one_of(beginnings, COUNT(beginnings), text) &&
	       word + 1 < words->list + words->count &&
	       are_joined(word, word + 1) && word[1].len >= 4;
}

/* A bare code: of a place that is known, or in a country that the name says.
 */
static void
read_code(
    struct hints *hints, const struct words *words, const struct word *word)
{
	char text[4];
	struct hint *hint;

	if (word->len != 3 || word->glued || begins_town(words, word))
		return;
	copy_word(text, sizeof(text), word);
	if (is_one_of(not_codes, COUNT(not_codes), text) ||
	    (hint = add(hints, text, "code", HINT_CONFIDENCE - 15)) == NULL ||
	    !gazetteer_code(&hint->place, text, ""))
		return;
	if (!hint->place.major && !says_country(words, hint->place.country))
		hint->refused = "a small airport, and nothing beside it says "
				"that a place is meant";
	hints->count++;
}

/* Whether a state stands in the name in which the town is: "chicago-il" is not
 * in Israel. */
static bool
says_state(const struct words *words, const struct hint *hint)
{
	struct gazetteer_place place;
	char area[3];

	for (size_t i = 0; i < words->count; i++) {
		if (words->list[i].len != 2)
			continue;
		copy_word(area, sizeof(area), &words->list[i]);
		area[0] = (char)toupper((unsigned char)area[0]);
		area[1] = (char)toupper((unsigned char)area[1]);
		if (gazetteer_town(&place, hint->code, area, true) &&
		    strcmp(place.country, hint->place.country) == 0)
			return true;
	}
	return false;
}

/* Never against a country that stands in the name. */
static bool
is_elsewhere(const struct words *words, const struct hint *hint)
{
	return words->country_count > 0 &&
	       !says_country(words, hint->place.country) &&
	       strcmp(hint->kind, "country+code") != 0 &&
	       (strcmp(hint->kind, "town") != 0 || !says_state(words, hint));
}

static void
judge(struct hints *hints, const struct words *words)
{
	for (size_t i = 0; i < hints->count; i++) {
		struct hint *hint = &hints->found[i];

		if (hint->refused == NULL && is_elsewhere(words, hint))
			hint->refused = "the name says another country";
		if (hint->refused == NULL &&
		    (hints->chosen == -1 ||
			hint->confidence >
			    hints->found[hints->chosen].confidence))
			hints->chosen = (int)i;
	}
}

static void
settle_rivals(struct hints *hints)
{
	const struct hint *best;

	if (hints->chosen == -1) {
		hints->why = hints->count == 0 ? "nothing in it sounds like a "
						 "place"
					       : "no reading of it counts";
		return;
	}
	best = &hints->found[hints->chosen];
	for (size_t i = 0; i < hints->count; i++) {
		const struct hint *hint = &hints->found[i];

		if (hint->refused == NULL &&
		    hint->confidence + MARGIN > best->confidence &&
		    sphere_km((struct sphere_point){ hint->place.lat,
				  hint->place.lon },
			(struct sphere_point){ best->place.lat,
			    best->place.lon }) > GAZETTEER_NEAR_KM) {
			hints->chosen = -1;
			hints->why = "it could be two places";
			return;
		}
	}
}

void
hints_read(struct hints *hints, const char *name)
{
	struct words words;

	hints->count = 0;
	hints->chosen = -1;
	hints->why = NULL;
	split(&words, name);
	for (size_t i = 0; i < words.count; i++) {
		if (i + 1 < words.count)
			read_pair(hints, &words.list[i], &words.list[i + 1]);
		read_joined(hints, &words.list[i]);
		read_town(hints, &words.list[i]);
		read_long_town(hints, &words, i);
		read_code(hints, &words, &words.list[i]);
	}
	judge(hints, &words);
	settle_rivals(hints);
}
