#include "lib/services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/lines.h"
#include "lib/services_item.h"
#include "lib/text.h"

#define LINE_MAX 4096

extern const char services_shipped[];

struct services {
	struct service *item;
	size_t count;
};

static const char *
read_addresses(struct service *service, char *list)
{
	char *word, *rest = list;
	struct addr *grown;

	while ((word = strsep(&rest, ",")) != NULL) {
		grown = reallocarray(service->address,
		    service->address_count + 1, sizeof(*grown));
		if (grown == NULL)
			return "out of memory";
		service->address = grown;
		if (addr_parse(&grown[service->address_count], word) == -1)
			return "not a list of addresses";
		service->address_count++;
	}
	return NULL;
}

/* METHOD, or METHOD=BEGINS. */
static const char *
read_method(struct service *service, char *word)
{
	size_t n = service->method_count;
	char *begins = strrchr(word, '=');
	struct dns_asked asked;

	if (n == SERVICE_METHODS)
		return "more than 8 methods";
	if (begins != NULL) {
		*begins++ = '\0';
		if (*begins == '\0' ||
		    text_copy(service->begins[n], SERVICE_BEGINS, begins) == -1)
			return "not 1 to 31 letters behind =";
	}
	if (strcmp(word, "nsid") == 0) {
		(void)text_copy(service->method[n], LIMIT_QUESTION, word);
	} else {
		if (dns_asked_from_text(&asked, word) == -1)
			return "neither nsid nor a question";
		(void)text_copy(service->method[n], LIMIT_QUESTION, asked.name);
	}
	service->method_count++;
	return NULL;
}

static const char *
read_methods(struct service *service, char *list)
{
	const char *fault = NULL;
	char *word, *rest = list;

	while (fault == NULL && (word = strsep(&rest, ",")) != NULL)
		fault = read_method(service, word);
	return fault;
}

/* The next word of a line; NULL: no more. */
static char *
next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t\r");
	while (word != NULL && *word == '\0');
	return word;
}

static const char *
read_service(struct service *service, char *name, char **rest)
{
	char *addresses = next_word(rest), *methods = next_word(rest);
	char *mark = next_word(rest);
	const char *fault;

	if (addresses == NULL || methods == NULL || next_word(rest) != NULL ||
	    (mark != NULL && strcmp(mark, "0x20") != 0))
		return "not SERVICE ADDRESSES METHODS [0x20]";
	service->echoes_case = mark != NULL;
	if (text_copy(service->name, sizeof(service->name), name) == -1)
		return "too long a name";
	if ((fault = read_addresses(service, addresses)) != NULL)
		return fault;
	return read_methods(service, methods);
}

/* NULL, or what is wrong with the line. */
static const char *
add_line(struct services *services, char *line)
{
	struct service *grown;
	char *name, *rest = line;

	line[strcspn(line, "#\n")] = '\0';
	if ((name = next_word(&rest)) == NULL)
		return NULL;
	grown =
	    reallocarray(services->item, services->count + 1, sizeof(*grown));
	if (grown == NULL)
		return "out of memory";
	services->item = grown;
	memset(&grown[services->count], 0, sizeof(*grown));
	return read_service(&grown[services->count++], name, &rest);
}

static int
add_file(
    struct services *services, const char *path, char *error, size_t error_size)
{
	struct lines *lines = lines_open(path, LINE_MAX);
	const char *fault = NULL;
	int status = 0, number = 0;
	size_t len;
	char *line;

	if (lines == NULL) {
		(void)text_print(
		    error, error_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	while (
	    fault == NULL && (status = lines_next(lines, &line, &len)) == 1) {
		number++;
		fault = add_line(services, line);
	}
	if (status == -1)
		fault = strerror(errno);
	lines_close(lines);
	if (fault == NULL)
		return 0;
	(void)text_print(error, error_size, "%s:%d: %s", path, number, fault);
	errno = EINVAL;
	return -1;
}

static int
add_shipped(struct services *services, char *error, size_t error_size)
{
	const char *from = services_shipped, *fault;
	char line[LINE_MAX];
	size_t len;

	for (; *from != '\0'; from += len + 1) {
		len = strcspn(from, "\n");
		if (len >= sizeof(line))
			len = sizeof(line) - 1;
		memcpy(line, from, len);
		line[len] = '\0';
		if ((fault = add_line(services, line)) == NULL)
			continue;
		(void)text_print(
		    error, error_size, "shipped services: %s", fault);
		errno = EINVAL;
		return -1;
	}
	return 0;
}

struct services *
services_read(const char *path, char *error, size_t error_size)
{
	struct services *services = calloc(1, sizeof(*services));

	if (services == NULL) {
		(void)text_print(error, error_size, "out of memory");
		return NULL;
	}
	if ((path == NULL ||
		add_file(services, path, error, error_size) == 0) &&
	    add_shipped(services, error, error_size) == 0)
		return services;
	services_free(services);
	return NULL;
}

void
services_free(struct services *services)
{
	size_t i;

	if (services == NULL)
		return;
	for (i = 0; i < services->count; i++)
		free(services->item[i].address);
	free(services->item);
	free(services);
}

bool
service_asks(const char *method)
{
	return strcmp(method, "nsid") != 0 && strcmp(method, "soa") != 0 &&
	       strcmp(method, "hostname.bind") != 0 &&
	       strcmp(method, "id.server") != 0;
}

const struct service *
services_find(const struct services *services, const struct addr *addr)
{
	size_t i, j;

	for (i = 0; i < services->count; i++) {
		for (j = 0; j < services->item[i].address_count; j++) {
			if (addr_equal(&services->item[i].address[j], addr))
				return &services->item[i];
		}
	}
	return NULL;
}

size_t
services_order(const struct services *services, const struct addr *addr,
    const char (**order)[LIMIT_QUESTION])
{
	const struct service *service = services_find(services, addr);

	if (service == NULL)
		return 0;
	*order = service->method;
	return service->method_count;
}

const char *
services_begins(const struct services *services, const struct addr *addr,
    const char *question)
{
	const struct service *service = services_find(services, addr);
	size_t i;

	for (i = 0; service != NULL && i < service->method_count; i++) {
		if (service->begins[i][0] != '\0' &&
		    strcmp(service->method[i], question) == 0)
			return service->begins[i];
	}
	return NULL;
}
