#include "probe/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "lib/file.h"
#include "lib/text.h"
#include "probe/config_private.h"

void
config_complain(struct reading *r, const char *key, const char *reason)
{
	if (!r->failed)
		conf_complain(r->section, key, r->error, r->error_size, reason);
	r->failed = true;
}

char *
config_copy(struct reading *r, const char *key, const char *text)
{
	char *made = strdup(text);

	if (made == NULL)
		config_complain(r, key, "out of memory");
	return made;
}

static void
read_all(struct reading *r, const struct conf *conf)
{
	struct config *config = r->config;
	size_t count = conf_section_count(conf);

	r->section = conf_top(conf);
	config_read_top(r);
	config->target = calloc(count + 1, sizeof(*config->target));
	if (config->target == NULL) {
		config_complain(r, "vp", "out of memory");
		return;
	}
	for (size_t i = 0; i < count && !r->failed; i++) {
		r->section = conf_section(conf, i);
		config_read_target(r, &config->target[config->target_count++]);
	}
	if (!r->failed)
		config_check_twice(r, conf);
}

static void
free_target(struct config_target *target)
{
	for (size_t i = 0; i < target->address_count; i++)
		free(target->address[i].host);
	for (size_t i = 0; i < target->question_count; i++)
		free(target->question[i]);
	free(target->address);
	free(target->zone);
}

/* root may read the key for the user that it will become. */
static int
read_key(const struct config *config, struct file_checked *file)
{
	const struct passwd *user = NULL;

	if (config->user != NULL)
		user = getpwnam(config->user);
	*file = (struct file_checked){ .dirfd = AT_FDCWD,
		.name = config->key,
		.max = LIMIT_KEY_FILE,
		.checks = FILE_PRIVATE,
		.owner = user == NULL ? 0 : user->pw_uid };
	return file_read_checked(file);
}

struct config *
config_read(
    const char *path, enum config_reader reader, char *error, size_t error_size)
{
	struct reading r = { .check_addresses = reader == CONFIG_PROBE,
		.error = error,
		.error_size = error_size };
	struct conf *conf;

	conf = conf_read(path, &config_schema, error, error_size);
	if (conf == NULL)
		return NULL;
	if ((r.config = calloc(1, sizeof(*r.config))) == NULL) {
		(void)text_print(error, error_size, "%s: out of memory", path);
		r.failed = true;
	} else {
		read_all(&r, conf);
	}
	conf_free(conf);
	if (!r.failed)
		return r.config;
	config_free(r.config);
	errno = EINVAL;
	return NULL;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->target_count; i++)
		free_target(&config->target[i]);
	free(config->target);
	free(config->key);
	free(config->spool);
	free(config->user);
	free(config->interface);
	free(config->blocklist);
	free(config->services);
	free(config->collector);
	free(config->ca);
	free(config->proxy);
	prefix_list_clear(&config->allow_special);
	free(config);
}

struct sign_key *
config_load_key(const struct config *config, char *error, size_t error_size)
{
	struct sign_key *key = NULL;
	struct file_checked file;
	int reason;

	if (read_key(config, &file) == -1) {
		reason = errno;
		(void)text_print(error, error_size, "key %s: %s", config->key,
		    file.distrust != NULL ? file.distrust : strerror(reason));
		errno = reason == EACCES || reason == ENOENT ? reason : EINVAL;
		return NULL;
	}
	key = sign_key_from_pem(file.bytes, file.len);
	explicit_bzero(file.bytes, file.len);
	free(file.bytes);
	if (key == NULL) {
		(void)text_print(error, error_size,
		    "key %s: no Ed25519 private key", config->key);
		errno = EINVAL;
	}
	return key;
}
