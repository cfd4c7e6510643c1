#include "collector/import_manycastr.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/import_writer.h"
#include "collector/settle.h"
#include "collector/sites_csv.h"
#include "lib/dns.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

#define PREFIX_4 24 /* what is announced alone, at most */
#define PREFIX_6 48
#define QUESTION "verfploeter"
#define SOURCE "src IP: "

enum column {
	RX,
	ADDR,
	TTL,
	RTT,
	RX_TIME,
	TX_TIME,
	COLUMNS,
};

static const char *const columns[] = {
	[RX] = "rx",
	[ADDR] = "addr",
	[TTL] = "ttl",
	[RTT] = "rtt",
	[RX_TIME] = "rx_time",
	[TX_TIME] = "tx_time",
	[COLUMNS] = NULL,
};
#define REQUIRED RTT /* the columns before it */

enum row_fault {
	ROW_OK,
	ROW_NO_SITE,
	ROW_BAD_ADDRESS,
	ROW_BAD_TTL,
	ROW_NO_TIME,
	ROW_TOO_MANY,
	ROW_FAULTS
};

struct row {
	struct addr addr;
	int64_t t_us;
	int32_t rtt_us; /* -1: not known */
	int16_t ttl;
	uint32_t site; /* index of names */
};

struct names {
	char **texts;
	size_t count;
};

struct import {
	struct import_writer writer;
	const struct manycastr_options *options;
	struct addr address; /* of the service, for the file being read */
	enum proto proto;
	struct names sites;
	struct row *rows;
	size_t row_count, row_size;
	uint64_t read, unread[ROW_FAULTS];
};

static const char *
fault_name(enum row_fault fault)
{
	static const char *const names[] = {
		[ROW_OK] = "read",
		[ROW_NO_SITE] = "no receiving site",
		[ROW_BAD_ADDRESS] = "addr is no address",
		[ROW_BAD_TTL] = "ttl is no TTL",
		[ROW_NO_TIME] = "no time in the row and no --at",
		[ROW_TOO_MANY] = "more of one prefix than an hour can have",
	};

	return names[fault];
}

/* --- what stands before the header --- */

/* The one address that all "src IP: " name. 0, or -1: none, or several. */
static int
source_address(struct addr *address, const char *comments)
{
	char text[ADDR_TEXT];
	struct addr one;
	size_t len;

	*address = (struct addr){ 0 };
	for (const char *p = comments; (p = strstr(p, SOURCE)) != NULL;) {
		p += strlen(SOURCE);
		len = strcspn(p, ", \r\n");
		if (len >= sizeof(text))
			return -1;
		memcpy(text, p, len);
		text[len] = '\0';
		if (addr_parse(&one, text) == -1 ||
		    (addr_is_set(address) && !addr_equal(address, &one)))
			return -1;
		*address = one;
	}
	return addr_is_set(address) ? 0 : -1;
}

static enum proto
protocol(const char *comments)
{
	if (strstr(comments, "Protocol used: TCP") != NULL)
		return PROTO_TCP;
	return strstr(comments, "Protocol used: ") == NULL ||
		       strstr(comments, "Protocol used: ICMP") != NULL
		   ? PROTO_ICMP
		   : PROTO_UDP;
}

/* --- rows --- */

/* The index of a name, or -1: no memory. There are as many as sites. */
static int64_t
intern(struct names *names, const char *text)
{
	char **longer;

	for (size_t i = names->count; i > 0; i--)
		if (strcmp(names->texts[i - 1], text) == 0)
			return (int64_t)i - 1;
	longer = reallocarray(names->texts, names->count + 1, sizeof(*longer));
	if (longer == NULL)
		return -1;
	names->texts = longer;
	if ((longer[names->count] = strdup(text)) == NULL)
		return -1;
	return (int64_t)names->count++;
}

/* Microseconds since 1970, of the query or else of the reply. TCP's wrapped
 * milliseconds are none. */
static bool
time_read(
    struct row *row, const struct import *im, const char *const fields[COLUMNS])
{
	if (text_int(&row->t_us, fields[TX_TIME], LIMIT_TIME_MIN_US,
		LIMIT_TIME_MAX_US) == 0 ||
	    text_int(&row->t_us, fields[RX_TIME], LIMIT_TIME_MIN_US,
		LIMIT_TIME_MAX_US) == 0)
		return true;
	row->t_us = wall_to_us(im->options->time);
	return im->options->has_time;
}

static enum row_fault
row_read(
    struct row *row, const struct import *im, const char *const fields[COLUMNS])
{
	int64_t ttl;
	double rtt_ms;

	if (!text_is_printable(fields[RX], LIMIT_IDENTITY))
		return ROW_NO_SITE;
	if (addr_parse(&row->addr, fields[ADDR]) == -1)
		return ROW_BAD_ADDRESS;
	if (text_int(&ttl, fields[TTL], 0, UINT8_MAX) == -1)
		return ROW_BAD_TTL;
	row->ttl = (int16_t)ttl;
	row->rtt_us = -1;
	if (text_double(&rtt_ms, fields[RTT], 0, INT32_MAX / 1000) == 0)
		row->rtt_us = (int32_t)(rtt_ms * 1000 + 0.5);
	return time_read(row, im, fields) ? ROW_OK : ROW_NO_TIME;
}

static int
no_memory(void)
{
	log_warnx("import: no memory");
	return EXIT_STORAGE;
}

static int
row_add(struct import *im, const struct row *row)
{
	struct row *longer;
	const size_t size = im->row_size == 0 ? 4096 : 2 * im->row_size;

	if (im->row_count == LIMIT_IMPORT_ROWS) {
		log_warnx(
		    "import: more than %d rows in a file", LIMIT_IMPORT_ROWS);
		return EXIT_BAD_USAGE;
	}
	if (im->row_count == im->row_size) {
		longer = reallocarray(im->rows, size, sizeof(*longer));
		if (longer == NULL)
			return no_memory();
		im->rows = longer;
		im->row_size = size;
	}
	im->rows[im->row_count++] = *row;
	return 0;
}

static int
take_row(struct import *im, const char *const fields[COLUMNS])
{
	struct row row;
	enum row_fault fault = row_read(&row, im, fields);
	int64_t site;

	im->read++;
	if (fault != ROW_OK) {
		im->unread[fault]++;
		return 0;
	}
	if ((site = intern(&im->sites, fields[RX])) == -1)
		return no_memory();
	row.site = (uint32_t)site;
	return row_add(im, &row);
}

/* --- batches --- */

static int
prefix_len(const struct addr *addr)
{
	return addr->af == 4 ? PREFIX_4 : PREFIX_6;
}

static struct addr
prefix_of(const struct addr *addr)
{
	uint8_t bytes[16] = { 0 };

	memcpy(bytes, addr->bytes, (size_t)prefix_len(addr) / 8);
	return addr_from_bytes(addr->af, bytes);
}

static int
compare_rows(const void *a, const void *b, void *names)
{
	const struct row *x = a, *y = b;
	const struct names *sites = names;
	const struct addr px = prefix_of(&x->addr), py = prefix_of(&y->addr);
	int order = addr_compare(&px, &py);

	if (order != 0)
		return order;
	if (x->t_us != y->t_us)
		return x->t_us < y->t_us ? -1 : 1;
	if ((order = addr_compare(&x->addr, &y->addr)) != 0)
		return order;
	if (x->ttl != y->ttl)
		return x->ttl - y->ttl;
	if (x->rtt_us != y->rtt_us)
		return x->rtt_us < y->rtt_us ? -1 : 1;
	return strcmp(sites->texts[x->site], sites->texts[y->site]);
}

static void
vp_name(char name[LIMIT_VP_NAME + 1], const struct addr *addr)
{
	const struct addr prefix = prefix_of(addr);
	char text[ADDR_TEXT];

	(void)addr_format(text, &prefix);
	for (char *p = text; *p != '\0'; p++)
		if (*p == ':')
			*p = '-';
	(void)text_print(
	    name, LIMIT_VP_NAME + 1, "%s-%d", text, prefix_len(addr));
}

static void
fill_record(
    struct record *record, const struct import *im, const struct row *row)
{
	const char *site = im->sites.texts[row->site];
	struct record_dns *dns = &record->dns;
	char address[ADDR_TEXT];

	record_init(record);
	record->type = RECORD_DNS;
	record->t = wall_from_us(row->t_us);
	record->addr = im->address;
	record->proto = im->proto;
	record->outcome = OUTCOME_ANSWERED;
	record->rtt_us = row->rtt_us;
	record->stamp = row->rtt_us == -1 ? STAMP_NONE : STAMP_USER;
	record->reply_ttl = row->ttl;
	record->flow.src = row->addr;
	(void)text_copy(record->target, sizeof(record->target),
	    im->options->target != NULL ? im->options->target
					: addr_format(address, &im->address));
	(void)text_copy(record->question, sizeof(record->question), QUESTION);
	(void)text_copy(dns->qname, sizeof(dns->qname), QUESTION ".");
	dns->qtype = DNS_TYPE_TXT;
	dns->qclass = DNS_CLASS_IN;
	dns->rcode = 0;
	dns->answer_count = 1;
	dns->answer[0].present = true;
	dns->answer[0].len = (uint16_t)strlen(site);
	memcpy(dns->answer[0].bytes, site, dns->answer[0].len);
}

/* Over what the rows say, not over how the file spells it. */
static int
digest_rows(uint8_t sha[SIGN_SHA256_LEN], const struct import *im,
    const struct row *rows, size_t count)
{
	char *text = NULL, addr[ADDR_TEXT];
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	if (stream == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		(void)fprintf(stream, "%" PRId64 " %s %d %" PRId32 " %s\n",
		    rows[i].t_us, addr_format(addr, &rows[i].addr), rows[i].ttl,
		    rows[i].rtt_us, im->sites.texts[rows[i].site]);
	if (fclose(stream) != 0 || text == NULL) {
		free(text);
		return -1;
	}
	sha256(sha, text, len);
	free(text);
	return 0;
}

static enum store_result
add_records(const struct import *im, const struct store_batch *batch,
    const struct row *rows, size_t count)
{
	struct record *records = calloc(count, sizeof(*records));
	enum store_result result;

	if (records == NULL)
		return STORE_BROKEN;
	for (size_t i = 0; i < count; i++)
		fill_record(&records[i], im, &rows[i]);
	result = store_add_batch(im->writer.store, batch, records, count);
	free(records);
	return result;
}

static enum store_result
add_batch(const struct import *im, const struct row *rows, size_t count)
{
	struct batch_head head = { .round_at = wall_from_us(rows[0].t_us),
		.questions = (int64_t)count,
		.clock_offset_us = -1,
		.clock_max_error_us = -1 };
	struct store_batch batch = { .number = rows[0].t_us / 1000000,
		.head = &head };
	char name[LIMIT_VP_NAME + 1], spool[sizeof("manycastr:") + ADDR_TEXT],
	    address[ADDR_TEXT];
	enum store_result result;

	(void)text_copy(head.version, sizeof(head.version), "manycastr");
	(void)text_print(spool, sizeof(spool), "manycastr:%s",
	    addr_format(address, &im->address));
	batch.spool = spool;
	if (digest_rows(batch.sha256, im, rows, count) == -1)
		return STORE_BROKEN;
	vp_name(name, &rows[0].addr);
	result = store_vp(im->writer.store, name, true, &batch.vp);
	return result == STORE_OK ? add_records(im, &batch, rows, count)
				  : result;
}

/* How many rows from the first are its prefix's within the hour. */
static size_t
batch_size(const struct row *rows, size_t count)
{
	const struct addr prefix = prefix_of(&rows[0].addr);
	struct addr other;
	size_t n;

	for (n = 1; n < count; n++) {
		other = prefix_of(&rows[n].addr);
		if (!addr_equal(&prefix, &other) ||
		    rows[n].t_us - rows[0].t_us >= LIMIT_BATCH_SPAN_US)
			break;
	}
	return n;
}

static int
store_rows(struct import *im)
{
	size_t i = 0, n, kept;
	int code = 0;

	qsort_r(im->rows, im->row_count, sizeof(*im->rows), compare_rows,
	    &im->sites);
	while (code == 0 && i < im->row_count) {
		n = batch_size(im->rows + i, im->row_count - i);
		kept =
		    n < LIMIT_IMPORT_BATCH_ROWS ? n : LIMIT_IMPORT_BATCH_ROWS;
		im->unread[ROW_TOO_MANY] += n - kept;
		if ((code = import_begin(&im->writer)) != 0)
			break;
		code = import_added(
		    &im->writer, add_batch(im, im->rows + i, kept));
		if (code == 0)
			code = import_commit_full(&im->writer);
		i += n;
	}
	return code;
}

/* --- files --- */

static int
read_rows(struct import *im, struct sites_csv *csv, const char *path)
{
	const char *fields[COLUMNS];
	int status, code = 0;

	im->row_count = 0;
	while (code == 0 && (status = sites_csv_next(csv, fields)) == 1)
		code = take_row(im, fields);
	if (code != 0 || status == -1)
		return code != 0 ? code : EXIT_BAD_USAGE;
	if (im->row_count == 0) {
		log_warnx("%s: no row in it that can be read", path);
		return EXIT_BAD_USAGE;
	}
	return 0;
}

static int
import_file(struct import *im, const char *path)
{
	const char *comments;
	struct sites_csv *csv;
	int code;

	if ((csv = sites_csv_open(path, columns, REQUIRED, &code)) == NULL)
		return code;
	comments = sites_csv_comments(csv);
	im->address = im->options->address;
	im->proto = protocol(comments);
	if (!addr_is_set(&im->address) &&
	    source_address(&im->address, comments) == -1) {
		log_warnx("%s: its comments do not name one source address: "
			  "--address is needed",
		    path);
		code = EXIT_BAD_USAGE;
	} else if ((code = read_rows(im, csv, path)) == 0) {
		code = store_rows(im);
	}
	sites_csv_close(csv);
	return code;
}

static void
print_summary(const struct import *im)
{
	const struct import_writer *w = &im->writer;

	printf("%" PRIu64 " rows, %zu sites; of prefixes: %" PRIu64
	       " stored, %" PRIu64 " stored before, %" PRIu64 " in conflict\n",
	    im->read, im->sites.count, w->stored, w->duplicates, w->conflicts);
	for (int i = ROW_OK + 1; i < ROW_FAULTS; i++)
		if (im->unread[i] > 0)
			printf("rows not read: %" PRIu64 " (%s)\n",
			    im->unread[i], fault_name((enum row_fault)i));
}

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

static int
finish(struct import *im)
{
	const struct wall always = { INT64_MAX };
	enum store_result result;
	int64_t left;
	int code;

	if ((code = import_commit(&im->writer)) != 0)
		return code;
	result = settle_marked(im->writer.store, 0, always, &left);
	return result == STORE_OK ? 0 : import_failed(&im->writer, result);
}

int
import_manycastr(struct store *store, const struct manycastr_options *options)
{
	struct import im = { .writer = { .store = store }, .options = options };
	int code = 0;

	for (size_t i = 0; i < options->file_count && !im.writer.failed; i++)
		code = worse(code, import_file(&im, options->files[i]));
	if (!im.writer.failed)
		code = worse(code, finish(&im));
	print_summary(&im);
	for (size_t i = 0; i < im.sites.count; i++)
		free(im.sites.texts[i]);
	free(im.sites.texts);
	free(im.rows);
	return code;
}
