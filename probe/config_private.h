/*
 * What the parts of the configuration's reader share.
 */
#ifndef PROBE_CONFIG_PRIVATE_H
#define PROBE_CONFIG_PRIVATE_H

#include "lib/conf.h"
#include "probe/config.h"

/* One reading. The first complaint stays. */
struct reading {
	struct config *config;
	const struct conf_section *section;
	bool check_addresses;
	bool failed;
	char *error;
	size_t error_size;
};

/* "FILE:LINE: KEY: reason" of the section that is read. */
void config_complain(struct reading *, const char *key, const char *reason);
/* A copy; NULL, complained of, when out of memory. */
char *config_copy(struct reading *, const char *key, const char *text);

extern const struct conf_schema config_schema;

void config_read_top(struct reading *);
void config_read_target(struct reading *, struct config_target *);
/* Refuse what stands twice among the addresses of all targets. */
void config_check_twice(struct reading *, const struct conf *);

#endif
