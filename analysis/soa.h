/*
 * Answers to the timed question, with what they say of the zone: round by
 * round, as reports of publication and of RSSAC047 need them. From raw rows
 * only.
 */
#ifndef ANALYSIS_SOA_H
#define ANALYSIS_SOA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/batch_rows.h"
#include "analysis/reports.h"

/* One question of the kind "soa". */
struct soa {
	int64_t t_us, round_us; /* its own time; of its round, the batch's */
	int32_t lane, instance; /* indexes; -1: no name, or not answered */
	bool sent, served;      /* served: answered without an error */
	int64_t total_us;       /* with the connection; -1: not answered */
	int64_t serial;         /* -1: none */
};

struct soas {
	struct soa *items;
	size_t count, room;
};

/* What replies say is read once. */
struct soa_reader {
	struct run *run;
	struct batch_rows rows;
	struct query_rows *reply;
	struct soa_reply {
		int64_t id, serial, connect_us;
	} * replies; /* open addressing by id; 0: free */
	size_t reply_count, reply_room;
	int32_t question; /* number of catalog.names; -1: nobody asks it */
	/* at hand: the lanes (by index) of a vantage point that ask it */
	bool *wanted;
	struct soas *soas;
};

void soa_reader_init(struct soa_reader *, struct run *);
void soa_reader_clear(struct soa_reader *);

/* Replace soas by those of a vantage point (index) in the run's window, in no
 * order. What somebody else answered (judge.h) is as if it had not been
 * asked. */
void soa_read(struct soa_reader *, struct soas *, int32_t vp);

/* RFC 1982: whether a comes after b. */
bool soa_serial_after(int64_t a, int64_t b);

#endif
