#include "lib/addr.h"

enum reach {
	REACH_GLOBAL, /* the registry says: globally reachable */
	REACH_LOCAL,  /* it does not; allow_special may open it */
	REACH_NEVER,  /* and nothing opens it */
};

struct special {
	struct prefix prefix;
	enum reach reach;
	const char *text;
};

/* clang-format off */
/* The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and
 * what they leave out: multicast and the forms that embed an IPv4 address.
 * An entry whose reachability the registry gives as N/A (deprecated) counts
 * as not reachable. */
static const struct special specials[] = {
	{{{4, {0}}, 8}, REACH_NEVER, "this network (0.0.0.0/8)"},
	{{{4, {10}}, 8}, REACH_LOCAL, "private-use (10.0.0.0/8)"},
	{{{4, {100, 64}}, 10}, REACH_LOCAL,
	    "shared address space (100.64.0.0/10)"},
	{{{4, {127}}, 8}, REACH_LOCAL, "loopback (127.0.0.0/8)"},
	{{{4, {169, 254}}, 16}, REACH_LOCAL, "link-local (169.254.0.0/16)"},
	{{{4, {172, 16}}, 12}, REACH_LOCAL, "private-use (172.16.0.0/12)"},
	{{{4, {192, 0, 0}}, 24}, REACH_LOCAL,
	    "IETF protocol assignments (192.0.0.0/24)"},
	{{{4, {192, 0, 0, 9}}, 32}, REACH_GLOBAL, "PCP anycast"},
	{{{4, {192, 0, 0, 10}}, 32}, REACH_GLOBAL, "TURN anycast"},
	{{{4, {192, 0, 2}}, 24}, REACH_LOCAL, "documentation (192.0.2.0/24)"},
	{{{4, {192, 31, 196}}, 24}, REACH_GLOBAL, "AS112-v4"},
	{{{4, {192, 52, 193}}, 24}, REACH_GLOBAL, "AMT"},
	{{{4, {192, 88, 99}}, 24}, REACH_LOCAL,
	    "deprecated 6to4 relay anycast (192.88.99.0/24)"},
	{{{4, {192, 168}}, 16}, REACH_LOCAL, "private-use (192.168.0.0/16)"},
	{{{4, {192, 175, 48}}, 24}, REACH_GLOBAL, "AS112 direct delegation"},
	{{{4, {198, 18}}, 15}, REACH_LOCAL, "benchmarking (198.18.0.0/15)"},
	{{{4, {198, 51, 100}}, 24}, REACH_LOCAL,
	    "documentation (198.51.100.0/24)"},
	{{{4, {203, 0, 113}}, 24}, REACH_LOCAL,
	    "documentation (203.0.113.0/24)"},
	{{{4, {224}}, 4}, REACH_NEVER, "multicast (224.0.0.0/4)"},
	{{{4, {240}}, 4}, REACH_NEVER, "reserved (240.0.0.0/4)"},
	{{{4, {255, 255, 255, 255}}, 32}, REACH_NEVER,
	    "limited broadcast (255.255.255.255/32)"},

	{{{6, {0}}, 96}, REACH_NEVER, "IPv4-compatible (::/96)"},
	{{{6, {0}}, 128}, REACH_NEVER, "unspecified (::/128)"},
	{{{6, {[15] = 1}}, 128}, REACH_LOCAL, "loopback (::1/128)"},
	{{{6, {[10] = 0xff, [11] = 0xff}}, 96}, REACH_NEVER,
	    "IPv4-mapped (::ffff:0:0/96)"},
	{{{6, {[8] = 0xff, [9] = 0xff}}, 96}, REACH_NEVER,
	    "IPv4-translated (::ffff:0:0:0/96)"},
	/* Reachable by the registry, but it carries an IPv4 address. */
	{{{6, {0x00, 0x64, 0xff, 0x9b}}, 96}, REACH_NEVER,
	    "IPv4-IPv6 translation (64:ff9b::/96)"},
	{{{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, 48}, REACH_NEVER,
	    "IPv4-IPv6 translation (64:ff9b:1::/48)"},
	{{{6, {0x01, 0x00}}, 64}, REACH_LOCAL, "discard-only (100::/64)"},
	{{{6, {0x01, 0x00, [7] = 1}}, 64}, REACH_LOCAL,
	    "dummy prefix (100:0:0:1::/64)"},
	{{{6, {0x20, 0x01}}, 23}, REACH_LOCAL,
	    "IETF protocol assignments (2001::/23)"},
	{{{6, {0x20, 0x01}}, 32}, REACH_NEVER, "Teredo (2001::/32)"},
	{{{6, {0x20, 0x01, 0, 1, [15] = 1}}, 128}, REACH_GLOBAL,
	    "PCP anycast"},
	{{{6, {0x20, 0x01, 0, 1, [15] = 2}}, 128}, REACH_GLOBAL,
	    "TURN anycast"},
	{{{6, {0x20, 0x01, 0, 1, [15] = 3}}, 128}, REACH_GLOBAL,
	    "DNS-SD SRP anycast"},
	{{{6, {0x20, 0x01, 0, 2}}, 48}, REACH_LOCAL,
	    "benchmarking (2001:2::/48)"},
	{{{6, {0x20, 0x01, 0, 3}}, 32}, REACH_GLOBAL, "AMT"},
	{{{6, {0x20, 0x01, 0, 4, 0x01, 0x12}}, 48}, REACH_GLOBAL, "AS112-v6"},
	{{{6, {0x20, 0x01, 0, 0x10}}, 28}, REACH_LOCAL,
	    "deprecated ORCHID (2001:10::/28)"},
	{{{6, {0x20, 0x01, 0, 0x20}}, 28}, REACH_GLOBAL, "ORCHIDv2"},
	{{{6, {0x20, 0x01, 0, 0x30}}, 28}, REACH_GLOBAL,
	    "drone remote identification"},
	{{{6, {0x20, 0x01, 0x0d, 0xb8}}, 32}, REACH_LOCAL,
	    "documentation (2001:db8::/32)"},
	{{{6, {0x20, 0x02}}, 16}, REACH_NEVER, "6to4 (2002::/16)"},
	{{{6, {0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}}, 48}, REACH_GLOBAL,
	    "AS112 direct delegation"},
	{{{6, {0x3f, 0xff}}, 20}, REACH_LOCAL, "documentation (3fff::/20)"},
	{{{6, {0x5f, 0x00}}, 16}, REACH_LOCAL, "SRv6 SIDs (5f00::/16)"},
	{{{6, {0xfc}}, 7}, REACH_LOCAL, "unique-local (fc00::/7)"},
	{{{6, {0xfe, 0x80}}, 10}, REACH_LOCAL, "link-local (fe80::/10)"},
	{{{6, {0xff}}, 8}, REACH_NEVER, "multicast (ff00::/8)"},
};
/* clang-format on */

#define SPECIAL_COUNT (sizeof(specials) / sizeof(specials[0]))

static bool
prefix_covers(const struct prefix *wide, const struct prefix *narrow)
{
	return wide->len <= narrow->len && prefix_contains(wide, &narrow->addr);
}

/* The most specific entry that covers the whole prefix, or NULL. */
static const struct special *
special_find(const struct prefix *p)
{
	const struct special *best = NULL;
	size_t i;

	for (i = 0; i < SPECIAL_COUNT; i++) {
		if (!prefix_covers(&specials[i].prefix, p))
			continue;
		if (best == NULL || specials[i].prefix.len > best->prefix.len)
			best = &specials[i];
	}
	return best;
}

const char *
addr_special(const struct addr *a)
{
	struct prefix whole = { *a, a->af == 4 ? 32 : 128 };
	const struct special *best;

	if (!addr_is_set(a))
		return "no address";
	best = special_find(&whole);
	if (best == NULL || best->reach == REACH_GLOBAL)
		return NULL;
	return best->text;
}

bool
prefix_may_be_allowed(const struct prefix *p)
{
	const struct special *best = special_find(p);
	size_t i;

	if (best != NULL && best->reach == REACH_NEVER)
		return false;
	for (i = 0; i < SPECIAL_COUNT; i++)
		if (specials[i].reach == REACH_NEVER &&
		    prefix_covers(p, &specials[i].prefix))
			return false;
	return true;
}
