#include "lib/icmp.h"

#define TUNING_LEN 2

/* Big-endian words; an odd last byte stands for one with a zero behind it. */
uint32_t
checksum_add(uint32_t sum, const void *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);

	while (cursor_left(&c) >= 2) {
		sum += cursor_u16(&c);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (cursor_left(&c) > 0)
		sum += (uint32_t)cursor_u8(&c) << 8;
	return (sum & 0xffff) + (sum >> 16);
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
