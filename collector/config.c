#include "collector/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/conf.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

static const struct conf_key keys[] = {
	{ .name = "db", .kind = CONF_STRING, .required = true },
	{ .name = "archive", .kind = CONF_STRING },
	{ .name = "listen", .kind = CONF_STRING },
	{ .name = "metrics", .kind = CONF_STRING },
	{ .name = "certificate", .kind = CONF_STRING },
	{ .name = "certificate_key", .kind = CONF_STRING },
	{ .name = "connections", .kind = CONF_INT, .min = 1, .max = 100000 },
	{ .name = "connections_per_address",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = 100000 },
	{ .name = "vp_records_per_day",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = 1e15 },
	{ .name = "vp_bytes_per_day", .kind = CONF_INT, .min = 1, .max = 1e15 },
	{ .name = "keep_replies_days",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_DAYS_MAX },
	{ .name = "keep_replies_bytes",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_BYTES_MAX },
	{ .name = "keep_paths_days",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_DAYS_MAX },
	{ .name = "keep_paths_bytes",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_BYTES_MAX },
	{ .name = "keep_raw_days",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_DAYS_MAX },
	{ .name = "keep_raw_bytes",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_BYTES_MAX },
	{ .name = "keep_runs_days",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_DAYS_MAX },
	{ .name = "keep_runs_bytes",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_BYTES_MAX },
	{ .name = "keep_intervals_days",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_DAYS_MAX },
	{ .name = "keep_intervals_bytes",
	    .kind = CONF_INT,
	    .min = 1,
	    .max = CONFIG_BYTES_MAX },
	{ .name = NULL },
};

static const struct conf_schema schema = { .keys = keys };

/* A key that is not there stays NULL. */
static int
take_string(char **value, const struct conf_section *top, const char *key)
{
	const char *text = conf_string(top, key, NULL);

	if (text == NULL)
		return 0;
	*value = strdup(text);
	return *value == NULL ? -1 : 0;
}

static int
take_all(struct config *config, const struct conf_section *top)
{
	if (take_string(&config->db, top, "db") == -1 ||
	    take_string(&config->archive, top, "archive") == -1 ||
	    take_string(&config->listen, top, "listen") == -1 ||
	    take_string(&config->metrics, top, "metrics") == -1 ||
	    take_string(&config->certificate, top, "certificate") == -1 ||
	    take_string(&config->certificate_key, top, "certificate_key") == -1)
		return -1;
	config->connections = conf_int(top, "connections", 0);
	config->connections_per_address =
	    conf_int(top, "connections_per_address", 0);
	config->records_per_day = conf_int(top, "vp_records_per_day", 0);
	config->bytes_per_day = conf_int(top, "vp_bytes_per_day", 0);
	config->keep = (struct prune_limits){
		.replies = { conf_int(top, "keep_replies_days", 0),
		    conf_int(top, "keep_replies_bytes", 0) },
		.paths = { conf_int(top, "keep_paths_days", 0),
		    conf_int(top, "keep_paths_bytes", 0) },
		.raw = { conf_int(top, "keep_raw_days", 0),
		    conf_int(top, "keep_raw_bytes", 0) },
		.runs = { conf_int(top, "keep_runs_days", 0),
		    conf_int(top, "keep_runs_bytes", 0) },
		.intervals = { conf_int(top, "keep_intervals_days", 0),
		    conf_int(top, "keep_intervals_bytes", 0) },
	};
	return 0;
}

static const char *const not_empty[] = { "db", "archive", "listen", "metrics",
	"certificate", "certificate_key" };

int
config_read(struct config *config, const char *path, char *error,
    size_t error_size, int *code)
{
	struct conf *conf = conf_read(path, &schema, error, error_size);
	const struct conf_section *top;
	int status = -1;

	*config = (struct config){ 0 };
	*code = EXIT_BAD_USAGE;
	if (conf == NULL) {
		*code = log_exit_code(errno, EXIT_BAD_USAGE);
		return -1;
	}
	top = conf_top(conf);
	for (size_t i = 0; i < sizeof(not_empty) / sizeof(not_empty[0]); i++) {
		const char *text = conf_string(top, not_empty[i], NULL);

		if (text != NULL && text[0] == '\0') {
			conf_complain(
			    top, not_empty[i], error, error_size, "is empty");
			goto out;
		}
	}
	if ((status = take_all(config, top)) == -1)
		(void)text_print(error, error_size, "%s: out of memory", path);
out:
	conf_free(conf);
	return status;
}

void
config_clear(struct config *config)
{
	free(config->db);
	free(config->archive);
	free(config->listen);
	free(config->metrics);
	free(config->certificate);
	free(config->certificate_key);
	*config = (struct config){ 0 };
}
