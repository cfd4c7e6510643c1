/*
 * Every maximum of the toolkit, each with its reason. A number that bounds
 * foreign bytes, memory, time or traffic stands here and nowhere else.
 */
#ifndef LIB_LIMITS_H
#define LIB_LIMITS_H

/* Names: vantage points are path components and certificate-like labels. */
#define LIMIT_VP_NAME \
	64 /* bytes without NUL; [a-z0-9] first, then [a-z0-9._-] */
#define LIMIT_TARGET_NAME 128 /* bytes without NUL; printable ASCII */
#define LIMIT_QUESTION 256    /* a DNS name as text fits */
#define LIMIT_REASON 64       /* our own words, bounded for columns */
#define LIMIT_REGION 64
#define LIMIT_NOTE 500 /* bytes of an operator's note */
#define LIMIT_VERSION 32

/* DNS (RFC 1035 section 2.3.4, RFC 6891). */
#define LIMIT_DNS_NAME 255       /* wire bytes */
#define LIMIT_DNS_NAME_TEXT 1024 /* every byte as \DDD, and dots */
#define LIMIT_DNS_JUMPS 127   /* pointers of one name: a label needs 2 bytes */
#define LIMIT_DNS_RECORDS 512 /* records read of one message; more: counted */
#define LIMIT_DNS_OPTIONS 64  /* EDNS options looked at (CVE-2026-41292) */
#define LIMIT_DNS_MESSAGE 65535
#define LIMIT_DNS_COOKIE 32 /* of a server (RFC 7873 section 4) */
#define LIMIT_EDE 4 /* extended errors kept of one reply; real ones: 1-2 */
#define LIMIT_EDE_TEXT 128 /* bytes kept of each one's text */
#define LIMIT_DNS_UDP_SIZE \
	1232 /* what we advertise: no fragments (flag day 2020) */
#define LIMIT_DNS_UDP_SIZE_MIN 512 /* RFC 6891 section 6.2.3 */
#define LIMIT_IDENTITY \
	512             /* bytes kept of an NSID or TXT name; real ones: < 64 */
#define LIMIT_ANSWERS 8 /* answer strings kept of one reply */
#define LIMIT_RAW_REPLY 512 /* bytes of a reply kept as evidence */

/* Traceroute. */
#define LIMIT_HOPS 64 /* records of one trace: 32 TTLs, one retry each */
#define LIMIT_TTL 32  /* farthest hop asked: real paths are < 30 */
#define LIMIT_TRACE_IN_FLIGHT 8 /* hops of one trace at once (DESIGN.md 10) */
#define LIMIT_MPLS 8            /* label stack entries kept of one hop */
#define LIMIT_ICMP_OBJECTS 16   /* extension objects looked at (RFC 4884) */

/* Manners (DESIGN.md 10). */
#define LIMIT_ADDRESSES 10000  /* addresses of one configuration */
#define LIMIT_FLOWS 64         /* flows of one address */
#define LIMIT_COUNT 1000       /* -c of a look */
#define LIMIT_BUCKET 64        /* packets that may burst to one address */
#define LIMIT_ADDRESS_RATE 5   /* packets per second to one address */
#define LIMIT_RATE 100         /* packets per second of a vantage point */
#define LIMIT_RATE_HARD 10000  /* --rate goes no higher */
#define LIMIT_UNWANTED 1000000 /* counters stop here */
#define LIMIT_PREFIXES 1000    /* allow_special and blocklist entries */

/* Evidence (acprobe --write, --read). */
#define LIMIT_EVIDENCE_BYTES (256LL << 20) /* a capture is read as a whole */
#define LIMIT_EVIDENCE_WAITING \
	256 /* packets kept back until the kernel told when the first left */

/* Batch and spool (DESIGN.md 8). */
#define LIMIT_BATCH_LINE 512 /* line 1 of a batch, newline included */
#define LIMIT_BATCH_BYTES \
	(8 << 20) /* compressed body: 10,000 addresses fit 4 times */
#define LIMIT_BATCH_PLAIN (64 << 20) /* decompressed body */
/* Plain / compressed: 30-60 with answers, 300 where no address had a route;
 * bombs reach 30,000. */
#define LIMIT_BATCH_RATIO 1000
#define LIMIT_BATCH_RECORDS 200000
#define LIMIT_BATCH_SPAN_S 3600 /* settle relies on it */
#define LIMIT_BATCH_SPAN_US (LIMIT_BATCH_SPAN_S * 1000000LL)
#define LIMIT_RECORD_LINE 65536         /* a trace of 64 hops is 12 kB */
#define LIMIT_SPOOL_BYTES (512LL << 20) /* a week of 200 targets */
#define LIMIT_SPOOL_AGE_S (30LL * 86400)
#define LIMIT_RECEIPT_BYTES 65536 /* a collector's answer; ours: 200 */

/* Receiving uploads (DESIGN.md 8). */
#define LIMIT_HTTP_HEAD 32768 /* bytes of a request's head; ours has 1 kB */
#define LIMIT_HTTP_CONNECTIONS 2048 /* 60 kB each; 503 above three quarters */
#define LIMIT_HTTP_PER_ADDRESS 64   /* vantage points behind one address */
#define LIMIT_HTTP_HEAD_S 10        /* TLS handshake and head, over any link */
#define LIMIT_HTTP_IDLE_S 30
#define LIMIT_HTTP_RATE 8192 /* bytes/s a body must come with: 64 kbit/s */
#define LIMIT_METRICS_CONNECTIONS 8 /* one monitor, and a person */
#define LIMIT_HTTP_STOP_S 5         /* uploads under way at SIGTERM */
#define LIMIT_RETRY_AFTER_S 600 /* spreads 10,000 clients to 17 per second */

#define LIMIT_BACKLOG_BYTES \
	(64 << 20) /* of bodies that wait: 2 million records, some 15 s */
#define LIMIT_PARSED_BYTES (32 << 20) /* in memory before they are stored */

/* The collector's archive and memory. */
#define LIMIT_ARCHIVE_FILE (64 << 20) /* then the next: one copy, one tape */
#define LIMIT_ARCHIVE_KIND 16 /* bytes of an entry's kind, NUL included */
#define LIMIT_ARCHIVE_ENTRY (256 << 20) /* an import's JSON, uncompressed */
#define LIMIT_CONFLICTS_KEPT 16      /* of a vantage point: evidence, 128 MB */
#define LIMIT_NAMES_BYTES (64 << 20) /* of each cache: 500,000 names */

/* Imports. */
#define LIMIT_ATLAS_RESULT (1 << 20) /* bytes of one result's JSON */
#define LIMIT_ATLAS_ANSWERS 64       /* of one result: resolvers of a probe */
#define LIMIT_IMPORT_PER_COMMIT                                               \
	500                          /* batches: a few ms of the store's lock \
				      */
#define LIMIT_IMPORT_ROWS 20000000   /* of one CSV file: 48 bytes each */
#define LIMIT_IMPORT_BATCH_ROWS 4096 /* of one prefix and hour */

/* Files that people write. */
#define LIMIT_CONF_BYTES (4 << 20)
#define LIMIT_SITE_MAP_RULES 100000
#define LIMIT_SITE_LIST 40  /* bytes of a kept list's name: a rule's label */
#define LIMIT_SITE_LISTS 64 /* a list for each service or publisher */
#define LIMIT_SITE_LIST_BYTES (16 << 20) /* all root servers: 300 kB */
#define LIMIT_KEY_FILE 4096

/* Databases of addresses (MaxMind DB File Format 2.0). */
#define LIMIT_MMDB_METADATA (128 << 10) /* metadata lie in the last 128 KiB */
#define LIMIT_MMDB_FILES 16
#define LIMIT_AS_NAME 128

/* Times (µs since 1970): a record outside is refused. 2001-09-09 .. 2100. */
#define LIMIT_TIME_MIN_US 1000000000000000LL
#define LIMIT_TIME_MAX_US 4102444800000000LL
#define LIMIT_RTT_US 3600000000LL

#endif
