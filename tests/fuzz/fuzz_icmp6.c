/*
 * Any bytes as an ICMP message of IPv6, and as a packet with its header: no
 * fault, and all that is borrowed lies within.
 */
#include "tests/fuzz/icmp_target.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	check_icmp(6, bytes, len);
	check_ip(bytes, len);
	return 0;
}
