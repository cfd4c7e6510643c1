#include "collector/listing.h"

#include <stdio.h>
#include <string.h>
#include "collector/statements_list.h"
#include "collector/store_private.h"
#include "lib/escape.h"
#include "lib/log.h"

#define COLUMNS_MAX 32
#define FIELD_TEXT 4096

#define LISTING_FORMAT OPTION_OWN

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "format", required_argument, NULL, LISTING_FORMAT },
	{ NULL, 0, NULL, 0 },
};

struct column {
	size_t width;
	bool number;
};

static struct query
ask(struct store *s, const struct listing *list, const char *sql)
{
	struct query q = query_once(s, sql);

	if (q.rc == SQLITE_OK && sqlite3_bind_parameter_count(q.stmt) > 0)
		query_text(&q, list->parameter);
	return q;
}

static size_t
count_columns(const struct query *q)
{
	const int count = sqlite3_column_count(q->stmt);

	return count < COLUMNS_MAX ? (size_t)count : COLUMNS_MAX;
}

static bool
is_number(const struct query *q, size_t i)
{
	const int type = sqlite3_column_type(q->stmt, (int)i);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

static enum store_result
print_csv(struct store *s, const struct listing *list)
{
	struct query q = ask(s, list, list->sql);
	const size_t count = count_columns(&q);
	char field[FIELD_TEXT];

	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s", i == 0 ? "" : ",",
		    sqlite3_column_name(q.stmt, (int)i));
	(void)printf("\n");
	while (query_row(&q)) {
		for (size_t i = 0; i < count; i++) {
			const char *text = query_column_text(&q, (int)i);

			if (!is_number(&q, i)) {
				(void)escape_csv(field, sizeof(field), text);
				text = field;
			}
			(void)printf("%s%s", i == 0 ? "" : ",", text);
		}
		(void)printf("\n");
	}
	return query_end(&q);
}

/* What takes long is asked once, and is the same in both passes. */
static enum store_result
keep_rows(struct store *s, const struct listing *list)
{
	char *sql = sqlite3_mprintf(listing_keep, list->sql);
	struct query q;

	if (sql == NULL)
		return STORE_BROKEN;
	q = ask(s, list, sql);
	sqlite3_free(sql);
	return query_run(&q);
}

/* Two passes over the rows: widths, then text. */
static enum store_result
measure(struct store *s, struct column *columns)
{
	struct query q = query_once(s, listing_kept);
	const size_t count = count_columns(&q);

	for (size_t i = 0; i < count; i++)
		columns[i].width = strlen(sqlite3_column_name(q.stmt, (int)i));
	while (query_row(&q)) {
		for (size_t i = 0; i < count; i++) {
			const size_t len =
			    strlen(query_column_text(&q, (int)i));

			if (len > columns[i].width)
				columns[i].width = len;
			columns[i].number |= is_number(&q, i);
		}
	}
	return query_end(&q);
}

static void
print_cell(const struct column *column, const char *text, bool last)
{
	const int width = (int)column->width;

	if (column->number)
		(void)printf("%*s", width, text);
	else
		(void)printf("%-*s", last ? 0 : width, text);
	(void)printf(last ? "\n" : "  ");
}

static enum store_result
print_table(struct store *s, const struct listing *list)
{
	struct column columns[COLUMNS_MAX] = { 0 };
	enum store_result result = keep_rows(s, list);
	struct query q;
	size_t count;

	if (result == STORE_OK)
		result = measure(s, columns);
	if (result != STORE_OK)
		return result;
	q = query_once(s, listing_kept);
	count = count_columns(&q);
	for (size_t i = 0; i < count; i++)
		print_cell(&columns[i], sqlite3_column_name(q.stmt, (int)i),
		    i + 1 == count);
	while (query_row(&q)) {
		for (size_t i = 0; i < count; i++)
			print_cell(&columns[i], query_column_text(&q, (int)i),
			    i + 1 == count);
	}
	return query_end(&q);
}

static int
take_format(struct listing *list)
{
	list->csv = strcmp(optarg, "csv") == 0;
	return list->csv || strcmp(optarg, "table") == 0
		   ? EXIT_DONE
		   : command_usage("--format %s: table or csv", optarg);
}

int
listing_options(
    struct listing *list, struct command *command, int argc, char **argv)
{
	int option, code = EXIT_DONE;

	while (
	    code == EXIT_DONE && (option = getopt_long(argc, argv,
				      COMMAND_LETTERS, options, NULL)) != -1) {
		if (option == LISTING_FORMAT)
			code = take_format(list);
		else if (command_option(command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	return code;
}

int
listing_print(const struct listing *list, struct command *command)
{
	enum store_result result;
	struct store *s;
	int code;

	if ((code = command_locate(command)) != EXIT_DONE)
		return code;
	if ((s = store_open_shadow(command->db, &code)) == NULL)
		return code;
	result = list->csv ? print_csv(s, list) : print_table(s, list);
	store_close(s);
	return command_result(result, command->db);
}
