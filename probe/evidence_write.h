/*
 * Evidence of a run (--write): every packet that was sent and taken, as a
 * capture. It stands before another link and looks on.
 */
#ifndef PROBE_EVIDENCE_WRITE_H
#define PROBE_EVIDENCE_WRITE_H

#include "probe/link.h"

/* A link that does what inner does and saves it in the file, made anew. inner
 * is borrowed. Times are the kernel's where it gave them. The kernel keeps some
 * of a packet to itself, and that is made up: IPv4 identification, flags and
 * options; the default TTL (64); TCP's numbers, windows and empty segments. A
 * TTL of 0 in what was taken says that it is not known; an error with it was
 * told by the error queue, and its headers are made up. NULL: the file cannot
 * be opened (evidence_create's errno). */
struct link *evidence_write(struct link *inner, const char *path);

/* The first packet is about to leave: the file is made anew. -1 after a line:
 * nothing is saved. */
int evidence_write_start(struct link *);

/* The last packets, and a line about any that could not be saved. The
 * measurement is none the worse for it. -1: the disk took not all of them; 0
 * also where the file has its largest size, or for NULL. */
int evidence_write_done(struct link *);

#endif
