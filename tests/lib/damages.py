"""Damage to a store, for store_damage.py: what each kind is, and which step of
check finds it."""

# What is damaged, by SQL of a row drawn by :r, and what check must say.
ROWS = (
    ("a round trip", "UPDATE measurement SET rtt_us = rtt_us * 2 WHERE id = "
     "(SELECT id FROM measurement WHERE rtt_us > 0 ORDER BY id * :r % 997"
     " LIMIT 1)", "runs are"),
    ("an outcome", "UPDATE measurement SET outcome = 3, rtt_us = NULL,"
     " instance = NULL WHERE id = (SELECT id FROM measurement WHERE outcome ="
     " 0 ORDER BY id * :r % 997 LIMIT 1)", "runs are"),
    ("an instance of a row", "UPDATE measurement SET instance = 1 + (instance"
     " = 1) WHERE id = (SELECT id FROM measurement WHERE instance > 1"
     " ORDER BY id * :r % 997 LIMIT 1)", "runs are"),
    ("a row's time", "UPDATE measurement SET dt_us = dt_us + 70000000000 WHERE"
     " id = (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every batch has its"),
    ("a row that is gone", "DELETE FROM measurement WHERE id = (SELECT id FROM"
     " measurement ORDER BY id * :r % 997 LIMIT 1)", "every batch has its"),
    ("a row too many", "INSERT INTO measurement(id, lane, dt_us, outcome,"
     " rtt_us, instance, ttl, rcode, stamp, size, detail, reply)"
     " SELECT 1000000 + id, lane, dt_us, outcome, rtt_us, instance, ttl, rcode,"
     " stamp, size, detail,"
     " reply FROM measurement ORDER BY id * :r % 997 LIMIT 1",
     "no measurement belongs"),
    ("a lane of nobody", "UPDATE measurement SET lane = 99999 WHERE id ="
     " (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every measurement has"),
    ("a detail of nobody", "UPDATE measurement SET detail = 99999 WHERE id ="
     " (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every measurement has"),
    ("an instance of nobody", "UPDATE measurement SET instance = 99999 WHERE"
     " id = (SELECT id FROM measurement WHERE instance > 1 ORDER BY id * :r %"
     " 997 LIMIT 1)", "every measurement has"),
    ("a reply's details of nobody", "UPDATE measurement SET reply = 99999"
     " WHERE id = (SELECT id FROM measurement WHERE reply > 0 ORDER BY id *"
     " :r % 997 LIMIT 1)", "every measurement has"),
    ("a lane of another vantage point", "UPDATE lane SET vp = (SELECT id FROM"
     " vp WHERE name = 'par1') WHERE id = (SELECT id FROM lane ORDER BY id *"
     " :r % 97 LIMIT 1)", "every batch has its"),
    ("a batch of no vantage point", "UPDATE batch SET vp = 77 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "every reference"),
    ("a batch's length", "UPDATE batch SET rows = rows - 1 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "no measurement belongs"),
    ("a run's end", "UPDATE run SET last = last + 1 WHERE (hour, lane, first,"
     " tie) = (SELECT hour, lane, first, tie FROM run ORDER BY (hour * 7 +"
     " lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's histogram", "UPDATE run SET hist = x'0a01' WHERE (hour, lane,"
     " first, tie) = (SELECT hour, lane, first, tie FROM run WHERE hist IS NOT"
     " NULL ORDER BY (hour * 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's count", "UPDATE run SET asked = asked + 1 WHERE (hour, lane,"
     " first, tie) = (SELECT hour, lane, first, tie FROM run ORDER BY (hour *"
     " 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's instance", "UPDATE run SET instance = 1 + (instance = 1) WHERE"
     " (hour, lane, first, tie) = (SELECT hour, lane, first, tie FROM run"
     " ORDER BY (hour * 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run too many", "INSERT INTO run(hour, lane, first, tie, instance,"
     " last, answered, asked, unsent, hist, sum) SELECT hour, lane, first - 1,"
     " tie, instance, last, answered, asked, unsent, hist, sum FROM run ORDER"
     " BY (hour * 7 + lane) * :r % 997 LIMIT 1", "runs are"),
    ("a run that is gone", "DELETE FROM run WHERE (hour, lane, first, tie) ="
     " (SELECT hour, lane, first, tie FROM run ORDER BY (hour * 7 + lane) *"
     " :r % 997 LIMIT 1)", "runs are"),
    ("a block's bytes", "UPDATE block SET lanes = CAST(substr(lanes,"
     " 1, length(lanes) - 1) || x'7f' AS BLOB) WHERE (vp, hour) = (SELECT vp, hour FROM"
     " block ORDER BY hour * 7 * :r % 997 LIMIT 1)", "blocks are"),
    ("a block that is gone", "DELETE FROM block WHERE (vp, hour) = (SELECT vp,"
     " hour FROM block ORDER BY hour * 7 * :r % 997 LIMIT 1)", "blocks are"),
    ("a block too many", "INSERT INTO block(vp, hour, lanes, sum) SELECT vp,"
     " hour - 1000, lanes, sum FROM block ORDER BY hour * 7 * :r % 997"
     " LIMIT 1", "blocks are"),
    ("an interval's end", "UPDATE interval SET last = last - 1 WHERE (lane,"
     " first) = (SELECT lane, first FROM interval WHERE last > first ORDER BY"
     " first * :r % 997 LIMIT 1)", "intervals are"),
    ("an interval's instance", "UPDATE interval SET instance = 1 + (instance ="
     " 1) WHERE (lane, first) = (SELECT lane, first FROM interval ORDER BY"
     " first * :r % 997 LIMIT 1)", "intervals are"),
    ("a run of no lane", "UPDATE run SET lane = 99999 WHERE (hour, lane, first,"
     " tie) = (SELECT hour, lane, first, tie FROM run ORDER BY (hour * 7 +"
     " lane) * :r % 997 LIMIT 1)", "every run and interval has"),
    ("an interval of no instance", "UPDATE interval SET instance = 99999 WHERE"
     " (lane, first) = (SELECT lane, first FROM interval ORDER BY first * :r %"
     " 997 LIMIT 1)", "every run and interval has"),
    ("an interval too many", "INSERT INTO interval(lane, first, tie, last,"
     " instance, sum) SELECT lane, first - 1, tie, last, instance, sum FROM"
     " interval ORDER BY first * :r % 997 LIMIT 1",
     "intervals are"),
    ("an interval that is gone", "DELETE FROM interval WHERE (lane, first) ="
     " (SELECT lane, first FROM interval ORDER BY first * :r % 997 LIMIT 1)",
     "intervals are"),
    ("an instance's text", "UPDATE instance SET text = text || 'x' WHERE id ="
     " (SELECT id FROM instance WHERE id > 1 ORDER BY id * :r % 97 LIMIT 1)",
     "every name"),
    ("an instance's bytes", "UPDATE instance SET bytes = CAST(bytes || x'41' AS BLOB)"
     " WHERE id = (SELECT id FROM instance WHERE id > 1 ORDER BY id * :r % 97"
     " LIMIT 1)", "every name"),
    ("a detail", "UPDATE detail SET json = json || ' ' WHERE id = (SELECT id"
     " FROM detail ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a host", "UPDATE host SET json = replace(json, '0.1', '0.2') WHERE id ="
     " (SELECT id FROM host ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a spool's name", "UPDATE spool SET name = name || 'x' WHERE id ="
     " (SELECT id FROM spool ORDER BY id * :r % 97 LIMIT 1)",
     "every row that has"),
    ("a batch of no spool", "UPDATE batch SET spool = 77 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "every reference"),
    ("a batch of no host", "UPDATE batch SET host = 77 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "every reference"),
    ("a path", "UPDATE path SET hops = replace(hops, '198', '199') WHERE id ="
     " (SELECT id FROM path ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a column of a row that no run has", "UPDATE measurement SET ttl = ttl +"
     " 1 WHERE id = (SELECT id FROM measurement WHERE ttl > 0 ORDER BY id * :r"
     " % 997 LIMIT 1)", "every batch has the rows"),
    ("the details of another row", "UPDATE measurement SET detail = 1 +"
     " (detail = 1) WHERE id = (SELECT id FROM measurement ORDER BY id * :r %"
     " 997 LIMIT 1)", "every batch has the rows"),
    ("a hop's time", "UPDATE trace SET rtts = '[901]' WHERE measurement ="
     " (SELECT measurement FROM trace ORDER BY measurement * :r % 97 LIMIT"
     " 1)", "every batch has the rows"),
    ("a trace that is gone", "DELETE FROM trace WHERE measurement = (SELECT"
     " measurement FROM trace ORDER BY measurement * :r % 97 LIMIT 1)",
     "every batch has the rows"),
    ("a raw reply", "UPDATE answer_bytes SET bytes = x'00fe' WHERE measurement"
     " = (SELECT measurement FROM answer_bytes ORDER BY measurement * :r % 97"
     " LIMIT 1)", "every batch has the rows"),
    ("a raw reply too many", "INSERT INTO answer_bytes(measurement, bytes)"
     " SELECT measurement + 1, bytes FROM answer_bytes ORDER BY measurement *"
     " :r % 97 LIMIT 1",
     "every batch has the rows"),
    ("raw replies said to be taken out", "UPDATE batch SET pruned = 1 WHERE id"
     " = (SELECT id FROM batch ORDER BY id * :r % 97 LIMIT 1)",
     "every batch has the rows"),
    ("a batch's clock", "UPDATE batch SET clock_offset_us = 1234 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 97 LIMIT 1)",
     "every row that has"),
    ("a batch's count of lost ones", "UPDATE batch SET lost = lost + 1 WHERE"
     " id = (SELECT id FROM batch ORDER BY id * :r % 97 LIMIT 1)",
     "every row that has"),
    ("a sum that is gone", "DELETE FROM row_sum WHERE first_row = (SELECT"
     " first_row FROM row_sum ORDER BY first_row * :r % 97 LIMIT 1)",
     "every batch has the rows"),
    ("the first sum that is gone", "DELETE FROM row_sum WHERE first_row ="
     " (SELECT min(first_row) FROM row_sum) AND :r > 0",
     "every batch has the rows"),
    ("every sum that is gone", "DELETE FROM row_sum WHERE :r > 0",
     "every batch has the rows"),
    ("a sum of no batch", "UPDATE row_sum SET first_row = first_row + 1 WHERE"
     " first_row = (SELECT first_row FROM row_sum ORDER BY first_row * :r % 97"
     " LIMIT 1)", "every sum is"),
    ("a vantage point's name", "UPDATE vp SET name = name || 'x' WHERE name ="
     " 'lon1' AND :r > 0", "every row that has"),
    ("a lane's question", "UPDATE lane SET question = question || 'x' WHERE id"
     " = (SELECT id FROM lane ORDER BY id * :r % 97 LIMIT 1)", "every row that has"),
    ("a lane's port", "UPDATE lane SET port = port + 1 WHERE id = (SELECT id"
     " FROM lane ORDER BY id * :r % 97 LIMIT 1)", "every row that has"),
    ("an instance's method", "UPDATE instance SET method = 'id.server' WHERE"
     " id = (SELECT id FROM instance WHERE id > 1 ORDER BY id * :r % 97"
     " LIMIT 1)", "every row that has"),
    ("a trace's path", "UPDATE trace SET path = 99999 WHERE measurement ="
     " (SELECT measurement FROM trace ORDER BY measurement * :r % 97 LIMIT"
     " 1)", "every trace"),
    ("a reply of nobody", "UPDATE answer_bytes SET measurement = 999999 WHERE"
     " measurement = (SELECT measurement FROM answer_bytes ORDER BY"
     " measurement * :r % 97 LIMIT 1)", "every trace and raw reply"),
)
QUERIES = "collector/statements_check.c"
# A condition of check that is taken out, and the row of ROWS that must tell.
CONDITIONS = [(QUERIES, *condition) for condition in (
    ("l.id IS NULL OR d.id IS NULL", "d.id IS NULL", "a lane of nobody"),
    ("l.id IS NULL OR d.id IS NULL", "l.id IS NULL", "a detail of nobody"),
    (" OR (m.instance IS NOT NULL AND i.id IS NULL)", " ",
     "an instance of nobody"),
    (" OR (m.reply IS NOT NULL AND r.id IS NULL)", " ",
     "a reply's details of nobody"),
    (" AND l.vp = b.vp", " ", "a lane of another vantage point"),
    ("  AND m.dt_us BETWEEN 0 AND b.t1 - b.t0", " ", "a row's time"),
    (" WHERE a <> b", " WHERE 0", "a row too many"),
    (' FROM trace UNION ALL SELECT measurement FROM answer_bytes)',
     ' FROM trace)', "a reply of nobody"),
    ("instance, last, answered, asked, unsent", "instance, last",
     "a run's count"),
    (' hex(hist)"', ' 1"', "a run's histogram"),
    ("tie, instance, last, answered", "tie, last, answered",
     "a run's instance"),
    (" FROM temp.run WHERE lane IN \" SETTLED_LANE",
     " FROM temp.run WHERE 0 AND lane IN \" SETTLED_LANE",
     "a run that is gone"),
    ("FROM main.run WHERE lane\"", "FROM main.run WHERE 0 AND lane\"",
     "a run too many"),
    ("SELECT * FROM main.block WHERE vp NOT IN\"",
     "SELECT * FROM main.block WHERE 0 AND vp NOT IN\"", "a block too many"),
    ("SELECT * FROM temp.block WHERE vp NOT IN\"",
     "SELECT * FROM temp.block WHERE 0 AND vp NOT IN\"",
     "a block that is gone"),
    ("FROM main.interval WHERE lane IN \" SETTLED_LANE\n"
     "	    \" EXCEPT", "FROM main.interval WHERE 0 AND lane IN \" "
     "SETTLED_LANE\n	    \" EXCEPT", "an interval too many"),
    (" WHERE lane IN \" SETTLED_LANE\n	    \" EXCEPT SELECT lane, first, tie,"
     " last, instance\"\n	    \" FROM main.interval",
     " WHERE 0 AND lane IN \" SETTLED_LANE\n	    \" EXCEPT SELECT lane, "
     "first, tie, last, instance\"\n	    \" FROM main.interval",
     "an interval that is gone"),
    (" WHERE lane NOT IN (SELECT id FROM lane) OR (instance", " WHERE"
     " (instance", "a run of no lane"),
    ("SELECT lane, instance FROM main.interval)", "SELECT 1, 0)",
     "an interval of no instance"),
    (" UNION ALL SELECT 'path', id, hash, hops FROM path", " ", "a path"),
    ("SELECT 'detail', id, hash, json FROM detail\"\n    \" UNION ALL ", "",
     "a detail"),
)] + [
    ("collector/check_sums.c", "if (result == STORE_OK && !right)", "if (0)",
     "a column of a row that no run has"),
    ("collector/check_sums.c", "i < 3 &&", "i < 1 &&", "a trace that is gone"),
    ("collector/check_sums.c", "i < 3 &&", "i < 2 &&", "a raw reply"),
    ("collector/check_sums.c", "gone ? sum == ROW_SUM_START", "gone ? true",
     "raw replies said to be taken out"),
    (QUERIES, "LEFT JOIN row_sum", "JOIN row_sum", "a sum that is gone"),
    (QUERIES, "ifnull(max(CAST(value AS INTEGER)), 0)\"\n"
     "    \"  FROM main.setting WHERE name = 'sums_from')",
     "min(first_row) FROM row_sum)", "the first sum that is gone"),
    (QUERIES, "ifnull(max(CAST(value AS INTEGER)), 0)\"\n"
     "    \"  FROM main.setting WHERE name = 'sums_from')",
     "min(first_row) FROM row_sum)", "every sum that is gone"),
]
