#include "lib/icmp.h"

#define TUNING_LEN 2

/* Big-endian words; an odd last byte stands for one with a zero behind it. */
uint32_t
checksum_add(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	uint64_t all = sum; /* what it carries is folded at the end */
	size_t i;

	for (i = 0; i + 2 <= len; i += 2)
		all += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (i < len)
		all += (uint32_t)b[i] << 8;
	while (all >> 16 != 0)
		all = (all & 0xffff) + (all >> 16);
	return (uint32_t)all;
}

uint16_t
checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t
checksum_pseudo6(const struct addr *src, const struct addr *dst,
    uint32_t upper_len, uint8_t next_header)
{
	uint32_t sum = (upper_len >> 16) + (upper_len & 0xffff) + next_header;

	sum = checksum_add(sum, src->bytes, 16);
	return checksum_add(sum, dst->bytes, 16);
}

/* The sum of all words of a right message, its checksum included, is ffff:
 * so the two last bytes are what the others leave to that. */
void
icmp_echo_write(struct writer *w, const struct icmp_echo *echo)
{
	bool six = echo->af == 6;
	uint8_t type = six ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST;
	size_t len = ICMP_ECHO_HEADER + echo->payload_len + TUNING_LEN;
	uint32_t sum = (uint32_t)type << 8;

	if (echo->payload_len % 2 != 0) {
		w->failed = true;
		return;
	}
	sum += (uint32_t)echo->id + echo->seq + echo->cksum;
	if (six)
		sum +=
		    checksum_pseudo6(echo->src, echo->dst, (uint32_t)len, 58);
	sum = checksum_add(sum, echo->payload, echo->payload_len);
	writer_u8(w, type);
	writer_u8(w, 0);
	writer_u16(w, echo->cksum);
	writer_u16(w, echo->id);
	writer_u16(w, echo->seq);
	writer_bytes(w, echo->payload, echo->payload_len);
	writer_u16(w, checksum_fold(sum));
}
