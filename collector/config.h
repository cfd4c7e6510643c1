/*
 * The collector's configuration: accollect.conf(5).
 */
#ifndef COLLECTOR_CONFIG_H
#define COLLECTOR_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include "collector/prune.h"

#define CONFIG_DAYS_MAX 36500
#define CONFIG_BYTES_MAX 1000000000000000

struct config {
	char *db;      /* file */
	char *archive; /* folder; NULL: nothing is archived */
	char *listen;  /* NULL: not said */
	char *metrics; /* NULL: not said */
	char *certificate, *certificate_key; /* files; NULL: not said */
	struct prune_limits keep;
	int64_t records_per_day, bytes_per_day;       /* of each; 0: any */
	int64_t connections, connections_per_address; /* 0: the limits */
};

/* 0; or -1 with one line in error, and the exit code in *code. config_clear
 * frees either way. */
int config_read(struct config *, const char *path, char *error,
    size_t error_size, int *code);
void config_clear(struct config *);

#endif
