#include "probe/ship.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include "lib/text.h"

#define CONNECT_TIMEOUT_S 10L
#define TOTAL_TIMEOUT_S 120L
/* Slower than this for so long is no connection worth keeping. */
#define LOW_SPEED_BYTES 500L
#define LOW_SPEED_S 20L
#define URL_SIZE 2048

struct shipper {
	CURL *curl;
	const struct config *config;
	/* Of the upload that runs. */
	const struct ship_file *file;
	size_t sent;
	char body[LIMIT_RECEIPT_BYTES];
	size_t body_len;
	bool body_cut;
	char error[CURL_ERROR_SIZE];
};

static size_t
read_file(char *buffer, size_t size, size_t count, void *data)
{
	struct shipper *shipper = data;
	size_t len = shipper->file->len - shipper->sent;

	if (len > size * count)
		len = size * count;
	memcpy(buffer, &shipper->file->bytes[shipper->sent], len);
	shipper->sent += len;
	return len;
}

static int
seek_file(void *data, curl_off_t offset, int origin)
{
	struct shipper *shipper = data;

	if (origin != SEEK_SET || offset < 0 ||
	    (size_t)offset > shipper->file->len)
		return CURL_SEEKFUNC_FAIL;
	shipper->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* A receipt is 200 bytes. Whoever sends more is cut off. */
static size_t
keep_body(char *bytes, size_t size, size_t count, void *data)
{
	struct shipper *shipper = data;
	size_t len = size * count;

	if (len > sizeof(shipper->body) - shipper->body_len) {
		shipper->body_cut = true;
		return 0;
	}
	memcpy(&shipper->body[shipper->body_len], bytes, len);
	shipper->body_len += len;
	return len;
}

/* No other protocol, redirect, proxy or authority than what is configured,
 * whatever the environment says. */
static bool
set_trust(CURL *curl, const struct config *config)
{
	const char *proxy = config->proxy == NULL ? "" : config->proxy;

	if (curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") !=
		CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_PROXY, proxy) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) !=
		CURLE_OK)
		return false;
	if (config->ca == NULL)
		return true;
	/* The system's folder would be trusted beside the file. */
	return curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool
set_limits(CURL *curl)
{
	return curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
		   CONNECT_TIMEOUT_S) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_TIMEOUT_S) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT,
		   LOW_SPEED_BYTES) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_S) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
		   (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(
		   curl, CURLOPT_USERAGENT, "acship/" AC_VERSION) == CURLE_OK;
}

static bool
set_callbacks(CURL *curl, struct shipper *shipper)
{
	return curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_file) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READDATA, shipper) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_file) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SEEKDATA, shipper) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, shipper) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, shipper->error) ==
		   CURLE_OK;
}

/* The two clear lines, so that the collector can refuse before the body. */
static struct curl_slist *
make_headers(const struct batch_pieces *pieces)
{
	char line[LIMIT_BATCH_LINE + 16], signature[SIGN_SIGNATURE_TEXT + 32];
	const char *const headers[] = {
		"Content-Type: application/octet-stream",
		"Expect: 100-continue", line, signature
	};
	struct curl_slist *list = NULL;

	(void)text_print(line, sizeof(line), "Acbatch: %.*s",
	    (int)pieces->line_len, pieces->line_text);
	(void)text_print(signature, sizeof(signature), "Acbatch-Signature: %s",
	    pieces->signature);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct curl_slist *longer = curl_slist_append(list, headers[i]);

		if (longer == NULL) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = longer;
	}
	return list;
}

static CURLcode
perform(struct shipper *shipper)
{
	const struct batch_line *line = &shipper->file->pieces->line;
	struct curl_slist *headers = make_headers(shipper->file->pieces);
	CURL *curl = shipper->curl;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	char url[URL_SIZE];

	if (headers != NULL &&
	    text_print(url, sizeof(url), "%s/v1/batch/%s/%s/%lld",
		shipper->config->collector, line->vp, line->spool,
		(long long)line->number) == 0 &&
	    curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
		(curl_off_t)shipper->file->len) == CURLE_OK)
		code = curl_easy_perform(curl);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return code;
}

/* A certificate that is not valid is as often a clock that is wrong. */
static void
explain(struct shipper *shipper, CURLcode code, struct ship_answer *answer)
{
	const char *text = shipper->error[0] != '\0' ? shipper->error
						     : curl_easy_strerror(code);
	char now[TIMES_TEXT];

	*answer = (struct ship_answer){ .verdict = SHIP_UNREACHED };
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		wall_format(now, wall_now(), 0);
		(void)text_print(answer->reason, sizeof(answer->reason),
		    "%.300s (the certificate, ca, or this host's clock, which "
		    "says %s)",
		    text, now);
		return;
	}
	(void)text_copy(answer->reason, sizeof(answer->reason), text);
}

struct shipper *
shipper_new(const struct config *config, char *error, size_t error_size)
{
	struct shipper *shipper = calloc(1, sizeof(*shipper));

	if (shipper == NULL ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)text_print(error, error_size, "libcurl cannot start");
		free(shipper);
		return NULL;
	}
	shipper->config = config;
	shipper->curl = curl_easy_init();
	if (shipper->curl != NULL && set_trust(shipper->curl, config) &&
	    set_limits(shipper->curl) && set_callbacks(shipper->curl, shipper))
		return shipper;
	(void)text_print(
	    error, error_size, "libcurl refuses what the configuration says");
	shipper_free(shipper);
	return NULL;
}

void
shipper_free(struct shipper *shipper)
{
	if (shipper == NULL)
		return;
	curl_easy_cleanup(shipper->curl);
	curl_global_cleanup();
	free(shipper);
}

void
ship_upload(struct shipper *shipper, const struct ship_file *file,
    struct ship_answer *answer)
{
	struct ship_reply reply = { 0 };
	curl_off_t retry_after = 0;
	CURLcode code;

	shipper->file = file;
	shipper->sent = shipper->body_len = 0;
	shipper->body_cut = false;
	shipper->error[0] = '\0';
	code = perform(shipper);
	(void)curl_easy_getinfo(
	    shipper->curl, CURLINFO_RESPONSE_CODE, &reply.status);
	/* A status whose body broke off is no answer, but for one that was
	 * cut because it was too long. */
	if ((code != CURLE_OK && !shipper->body_cut) || reply.status < 200) {
		explain(shipper, code, answer);
		return;
	}
	(void)curl_easy_getinfo(
	    shipper->curl, CURLINFO_RETRY_AFTER, &retry_after);
	reply.complete = !shipper->body_cut;
	reply.body = shipper->body;
	reply.len = shipper->body_len;
	reply.retry_after_s = retry_after;
	ship_judge(&file->pieces->line, &reply, answer);
}
