#include "collector/statements_import.h"

const char import_places[] =
    "SELECT v.name, p.since, p.lat, p.lon, p.region, p.country, p.city, p.asn,"
    " p.tags FROM vp v LEFT JOIN vp_place p ON p.vp = v.id"
    " ORDER BY v.name, p.since";

const char import_keys[] =
    "SELECT v.name, k.keyid, k.public, k.since, k.until"
    " FROM vp_key k JOIN vp v ON v.id = k.vp ORDER BY v.name, k.keyid";

const char import_notes[] =
    "SELECT t, target, site, text FROM note ORDER BY t, id";

const char import_site_lists[] =
    "SELECT name, since, lines FROM site_list ORDER BY name, since";

const char import_batches[] =
    "SELECT v.name, s.name, b.number, b.sha256, b.t0, b.first_row, b.rows,"
    " w.head, b.keyid, b.too_late OR b.pruned & ?1"
    " FROM batch b CROSS JOIN vp v ON v.id = b.vp CROSS JOIN spool s"
    " ON s.id = b.spool CROSS JOIN v_batch w"
    " ON w.vp = v.name AND w.spool = s.name AND w.number = b.number"
    " ORDER BY b.id";

const char import_rows[] =
    "SELECT m.dt_us, l.target, l.address, l.port, l.proto, l.question,"
    " m.outcome, m.rtt_us, m.stamp, m.ttl, m.rcode, m.size, d.json, y.json,"
    " p.hops, tr.rtts, a.bytes"
    " FROM measurement m JOIN lane l ON l.id = m.lane"
    " LEFT JOIN detail d ON d.id = m.detail"
    " LEFT JOIN detail y ON y.id = m.reply"
    " LEFT JOIN trace tr ON tr.measurement = m.id"
    " LEFT JOIN path p ON p.id = tr.path"
    " LEFT JOIN answer_bytes a ON a.measurement = m.id"
    " WHERE m.id BETWEEN ?1 AND ?2 ORDER BY m.id";
