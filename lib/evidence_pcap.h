/*
 * libpcap, loaded when a capture is written or read and not before: it brings
 * eight shared libraries, which would cost every start of acprobe 1 to 3 ms.
 */
#ifndef LIB_EVIDENCE_PCAP_H
#define LIB_EVIDENCE_PCAP_H

#include <pcap/pcap.h>

#define EVIDENCE_PCAP "libpcap.so.0.8"

/* What of it is used, by the types that its header gives. */
struct evidence_pcap {
	__typeof__(pcap_open_dead_with_tstamp_precision) *open_dead;
	__typeof__(pcap_dump_fopen) *dump_fopen;
	__typeof__(pcap_dump) *dump;
	__typeof__(pcap_dump_flush) *dump_flush;
	__typeof__(pcap_dump_close) *dump_close;
	__typeof__(pcap_dump_file) *dump_file;
	__typeof__(pcap_fopen_offline_with_tstamp_precision) *fopen_offline;
	__typeof__(pcap_next_ex) *next_ex;
	__typeof__(pcap_datalink) *datalink;
	__typeof__(pcap_geterr) *geterr;
	__typeof__(pcap_close) *close;
};

/* 0; -1 with errno ELIBACC: it is not there, or too old. It stays loaded. */
int evidence_pcap_load(struct evidence_pcap *);

#endif
