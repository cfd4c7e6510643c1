#include "lib/evidence_pcap.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/evidence.h"
#include "lib/log.h"

#define CALL(field, name)                                   \
	{                                                   \
		name, offsetof(struct evidence_pcap, field) \
	}

static const struct call {
	const char *name;
	size_t at;
} calls[] = {
	CALL(open_dead, "pcap_open_dead_with_tstamp_precision"),
	CALL(dump_fopen, "pcap_dump_fopen"),
	CALL(dump, "pcap_dump"),
	CALL(dump_flush, "pcap_dump_flush"),
	CALL(dump_close, "pcap_dump_close"),
	CALL(dump_file, "pcap_dump_file"),
	CALL(fopen_offline, "pcap_fopen_offline_with_tstamp_precision"),
	CALL(next_ex, "pcap_next_ex"),
	CALL(datalink, "pcap_datalink"),
	CALL(geterr, "pcap_geterr"),
	CALL(close, "pcap_close"),
};

int
evidence_pcap_load(struct evidence_pcap *pcap)
{
	void *library = dlopen(EVIDENCE_PCAP, RTLD_NOW | RTLD_LOCAL), *found;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		found = library == NULL ? NULL : dlsym(library, calls[i].name);
		if (found == NULL) {
			log_info("%s", dlerror());
			errno = ELIBACC;
			return -1;
		}
		/* C has no cast from an object's address to a function's. */
		memcpy((char *)pcap + calls[i].at, &found, sizeof(found));
	}
	return 0;
}

int
evidence_explain(const char *path, const struct evidence_reader *r)
{
	int error = errno;

	if (error == ELIBACC)
		log_warnx("%s: captures need " EVIDENCE_PCAP
			  " (Debian's libpcap0.8), which cannot be loaded",
		    path);
	else if (error == EINVAL && r != NULL)
		log_warnx("%s: not a capture file%s%s", path,
		    r->damage[0] == '\0' ? "" : ": ", r->damage);
	else
		log_warn("%s", path);
	if (error == EACCES)
		return EXIT_PERMISSION;
	if (error == ELIBACC || (r != NULL && error != ENOMEM))
		return EXIT_BAD_USAGE;
	return EXIT_STORAGE;
}
