#include "probe/host.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "lib/text.h"

static void
read_clock(struct batch_head *head)
{
	struct timex timex = { 0 };
	int state = adjtimex(&timex);

	head->clock = CLOCK_UNKNOWN;
	head->clock_offset_us = head->clock_max_error_us = -1;
	if (state == -1)
		return;
	head->clock = state == TIME_ERROR || (timex.status & STA_UNSYNC) != 0
			  ? CLOCK_UNSYNCED
			  : CLOCK_SYNCED;
	head->clock_max_error_us = timex.maxerror;
	if ((timex.status & STA_NANO) != 0)
		timex.offset /= 1000;
	head->clock_offset_us = timex.offset;
}

static void
read_boot_id(struct batch_head *head)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file == NULL)
		return;
	if (fgets(head->boot_id, sizeof(head->boot_id), file) == NULL)
		head->boot_id[0] = '\0';
	head->boot_id[strcspn(head->boot_id, "\n")] = '\0';
	(void)fclose(file);
}

static bool
is_link_local(const struct addr *addr)
{
	return addr->af == 6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

static void
read_addresses(struct batch_head *head)
{
	struct ifaddrs *list, *item;
	struct addr addr;
	uint16_t port;

	if (getifaddrs(&list) == -1)
		return;
	for (item = list; item != NULL; item = item->ifa_next) {
		if (item->ifa_addr == NULL ||
		    (item->ifa_flags & IFF_LOOPBACK) != 0 ||
		    addr_from_sockaddr(&addr, &port, item->ifa_addr) == -1 ||
		    is_link_local(&addr) ||
		    head->address_count == BATCH_ADDRESSES)
			continue;
		head->address[head->address_count++] = addr;
	}
	freeifaddrs(list);
}

void
host_describe(struct batch_head *head)
{
	read_clock(head);
	read_boot_id(head);
	read_addresses(head);
	(void)text_copy(head->version, sizeof(head->version), AC_VERSION);
}
