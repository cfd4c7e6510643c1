#include "collector/listen_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/times.h"

#define PEM_MAX (1 << 20) /* a chain of certificates */

static int
read_pem(const char *path, unsigned checks, uint8_t **pem, size_t *len)
{
	struct file_checked file = { .dirfd = AT_FDCWD,
		.name = path,
		.max = PEM_MAX,
		.checks = checks };
	int code;

	if (file_read_checked(&file) == 0) {
		*pem = file.bytes;
		*len = file.len;
		return EXIT_DONE;
	}
	if (file.distrust != NULL) {
		log_warnx("%s: %s", path, file.distrust);
		return EXIT_BAD_USAGE;
	}
	code = log_exit_code(errno, EXIT_BAD_USAGE);
	log_warn("%s", path);
	return code;
}

/* Who connects looks at the clock too, and goes away without saying why. */
static void
tell_times(const char *path, gnutls_x509_crt_t certificate)
{
	const time_t now = time(NULL);
	const time_t since = gnutls_x509_crt_get_activation_time(certificate);
	const time_t until = gnutls_x509_crt_get_expiration_time(certificate);
	char text[TIMES_TEXT];

	if (until != (time_t)-1 && until < now) {
		wall_format(text, wall_from_us((int64_t)until * 1000000), 0);
		log_warnx("%s: the certificate expired at %s", path, text);
	} else if (since != (time_t)-1 && since > now) {
		wall_format(text, wall_from_us((int64_t)since * 1000000), 0);
		log_warnx(
		    "%s: the certificate is not valid before %s", path, text);
	}
}

/* GNUTLS_E_SUCCESS, or what the library says. */
static int
check_chain(const struct listen_certificate *c)
{
	const gnutls_datum_t pem = { c->chain, (unsigned)c->chain_len };
	gnutls_x509_crt_t *chain;
	unsigned count;
	int status = gnutls_x509_crt_list_import2(
	    &chain, &count, &pem, GNUTLS_X509_FMT_PEM, 0);

	if (status < 0)
		return status;
	tell_times(c->chain_path, chain[0]);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return GNUTLS_E_SUCCESS;
}

static int
check_key(const struct listen_certificate *c)
{
	const gnutls_datum_t pem = { c->key, (unsigned)c->key_len };
	gnutls_x509_privkey_t key;
	int status = gnutls_x509_privkey_init(&key);

	if (status < 0)
		return status;
	status = gnutls_x509_privkey_import2(
	    key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_x509_privkey_deinit(key);
	return status;
}

/* A pair that the TLS library takes; it says more than the server would. */
static int
check_pair(const struct listen_certificate *c)
{
	const gnutls_datum_t chain = { c->chain, (unsigned)c->chain_len };
	const gnutls_datum_t key = { c->key, (unsigned)c->key_len };
	gnutls_certificate_credentials_t credentials;
	int status = gnutls_certificate_allocate_credentials(&credentials);

	if (status < 0)
		return status;
	status = gnutls_certificate_set_x509_key_mem(
	    credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return status;
}

static int
check(const struct listen_certificate *c)
{
	int status;

	if ((status = check_chain(c)) < 0)
		log_warnx("%s: holds no certificate as PEM: %s", c->chain_path,
		    gnutls_strerror(status));
	else if ((status = check_key(c)) < 0)
		log_warnx("%s: holds no private key as PEM: %s", c->key_path,
		    gnutls_strerror(status));
	else if ((status = check_pair(c)) < 0)
		log_warnx("certificate %s, key %s: %s", c->chain_path,
		    c->key_path, gnutls_strerror(status));
	return status < 0 ? EXIT_BAD_USAGE : EXIT_DONE;
}

int
listen_certificate_read(struct listen_certificate *c)
{
	int code = read_pem(c->chain_path, 0, &c->chain, &c->chain_len);

	if (code == EXIT_DONE)
		code = read_pem(c->key_path, FILE_TRUSTED | FILE_PRIVATE,
		    &c->key, &c->key_len);
	return code == EXIT_DONE ? check(c) : code;
}

void
listen_certificate_clear(struct listen_certificate *c)
{
	if (c->key != NULL)
		explicit_bzero(c->key, c->key_len);
	free(c->key);
	free(c->chain);
	c->chain = c->key = NULL;
}
