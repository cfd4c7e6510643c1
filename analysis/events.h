/*
 * Events: changes and silences of many vantage points, put together into
 * what happened to a service.
 */
#ifndef ANALYSIS_EVENTS_H
#define ANALYSIS_EVENTS_H

#include "analysis/kept_paths.h"
#include "analysis/stays.h"

struct seen;

enum event_kind {
	EVENT_SITE_LOST,   /* nobody sees the site afterwards */
	EVENT_SITE_GAINED, /* nobody saw it before */
	EVENT_SHIFT,       /* from or to a site that others keep */
	EVENT_FLAP,        /* lanes that go to and fro */
	EVENT_OUTAGE,      /* no answers, and then the same site, or none */
	EVENT_PATH_ONLY,   /* another path to the same site */
};

/* Another path to the same site. */
struct move {
	const struct kept_lane *traced;
	size_t trace; /* the first on the new path */
	int32_t site; /* -1: unknown */
	struct parting parting;
};

/* A change (stay: where it went, stay - 1: from where), a silence, or another
 * path. */
struct member {
	int32_t service, lane, vp;
	size_t stay; /* index of stays.items */
	const struct silence *silence;
	const struct move *move;
	int64_t last_us, first_us; /* last sight of the old, first of the new */
	bool brief;                /* no more than the lane's patience apart */
	size_t cluster;
};

struct event {
	enum event_kind kind;
	int32_t service, site; /* -1: several */
	struct member *members;
	size_t count;
	int64_t start_us, start_after_us; /* it began in between */
	int64_t end_us, end_after_us;
};

struct events {
	struct run *run;
	struct walk walk;
	struct stays stays;
	size_t *by_site;      /* the stays by service and site */
	struct seen *seen;    /* events_seen.c */
	int64_t *patience_us; /* by vantage point; -1: not asked yet */
	struct member *members;
	size_t member_count, member_room;
	struct kept_paths paths;
	struct move *moves;
	size_t move_count, move_room;
	struct member *move_members;
	struct event *items;
	size_t count, room;
};

/* Find the events of the run's window, in the order of start. */
void events_find(struct events *, struct run *);
void events_clear(struct events *);

/* The stay of a lane at a time, given one of its stays; -1: none yet. */
int64_t events_stay_at(const struct events *, size_t stay, int64_t t_us);

/* The patience of a vantage point, asked once. */
int64_t events_patience_us(struct events *, int32_t vp);

#endif
