// The peer of tests/bench/collector.py: DuckDB over raw rows.
//   queries.mjs CSV FOLDER UNTIL_US
// prints NAME SECONDS PROCESSOR-SECONDS ROWS lines of queries in a process that
// is up and has read the table before, and writes FOLDER/NAME.csv of those
// whose values are compared.
//   queries.mjs - FOLDER UNTIL_US NAME
// answers one query of what is in FOLDER already, for who times the process.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [csv, folder, until, only] = process.argv.slice(2);
const dayBefore = BigInt(until) - 86_400_000_000n;
const { DuckDBInstance } = createRequire(`${folder}/`)("@duckdb/node-api");
const instance = await DuckDBInstance.create(`${folder}/bench.duckdb`);
const db = await instance.connect();

if (!only)
    await db.run(`CREATE OR REPLACE TABLE m AS SELECT * FROM read_csv('${csv}',
    header=false, columns={vp: 'INTEGER', region: 'VARCHAR', target: 'VARCHAR',
    address: 'VARCHAR', question: 'VARCHAR', lane: 'INTEGER', t: 'BIGINT',
    outcome: 'TINYINT', rtt_us: 'INTEGER', instance: 'INTEGER'})`);

// Simple: which lane changed, and where it is. Full: as the reports print it,
// of the question that they compare; of several ways that were tried the
// quickest.
const named = `outcome = 0 AND instance > 1 AND question = 'soa'`;
const queries = {
    changes_simple: `SELECT * FROM (SELECT lane, t, instance,
        lag(instance) OVER w AS old, lag(t) OVER w AS old_t FROM m
        WHERE outcome = 0 AND instance > 1
        WINDOW w AS (PARTITION BY lane ORDER BY t)) WHERE old <> instance`,
    changes_full: `WITH sights AS (SELECT lane, t, instance, rtt_us,
            row_number() OVER w AS n, lag(instance) OVER w AS old,
            lag(t) OVER w AS old_t FROM m WHERE ${named}
            WINDOW w AS (PARTITION BY lane ORDER BY t)),
        changed AS (SELECT *, lag(n, 1, 1) OVER w AS from_n,
            lead(n, 1, 1000000000) OVER w AS to_n FROM sights
            WHERE old <> instance
            WINDOW w AS (PARTITION BY lane ORDER BY n))
        SELECT any_value(c.t),
            median(s.rtt_us) FILTER (WHERE s.n < c.n),
            median(s.rtt_us) FILTER (WHERE s.n >= c.n),
            any_value(c.t - c.old_t), c.lane, any_value(c.old),
            any_value(c.instance)
        FROM changed c JOIN sights s ON s.lane = c.lane
            AND s.n >= greatest(c.n - 10, c.from_n)
            AND s.n < least(c.n + 10, c.to_n)
        GROUP BY c.lane, c.n ORDER BY any_value(c.t), c.lane`,
    catchment_simple: `SELECT lane, arg_max(instance, t), max(t) FROM m
        WHERE outcome = 0 GROUP BY lane`,
    catchment_full: `WITH sights AS (SELECT lane, t, instance, rtt_us FROM m
            WHERE ${named}),
        now AS (SELECT lane, arg_max(instance, t) AS instance,
            max(t) AS last_t FROM sights GROUP BY lane),
        elsewhere AS (SELECT lane, max(t) FILTER
            (WHERE sights.instance <> now.instance) AS t
            FROM sights JOIN now USING (lane) GROUP BY lane),
        here AS (SELECT sights.*, last_t, coalesce(elsewhere.t, 0) AS other_t
            FROM sights JOIN now USING (lane, instance)
            JOIN elsewhere USING (lane))
        SELECT min(t) FILTER (WHERE t > other_t), any_value(last_t),
            count(*) FILTER (WHERE t >= ${dayBefore}),
            median(rtt_us) FILTER (WHERE t >= ${dayBefore}), lane, instance
        FROM here GROUP BY lane, instance ORDER BY lane`,
    latency: `SELECT region, target, address, question, count(*),
        quantile_cont(rtt_us, [0.5, 0.95]) FROM m
        WHERE outcome = 0 GROUP BY ALL`,
    latency_plain: `SELECT region, count(*), quantile_cont(rtt_us, [0.5, 0.95])
        FROM m WHERE outcome = 0 GROUP BY region`,
};
if (only) {
    const rows = (await db.runAndReadAll(queries[only])).getRows();
    console.log(rows.map((row) => row.join(",")).join("\n"));
}
for (const [name, sql] of Object.entries(only ? {} : queries)) {
    const runs = [];
    let result;
    for (let i = 0; i < 5; i++) {
        const used = process.cpuUsage(), begin = performance.now();
        result = await db.runAndReadAll(sql);
        const seconds = (performance.now() - begin) / 1e3;
        const cpu = process.cpuUsage(used);
        runs.push([seconds, (cpu.user + cpu.system) / 1e6,
            result.currentRowCount]);
    }
    if (name.endsWith("_full"))
        writeFileSync(`${folder}/${name}.csv`,
            result.getRows().map((row) => row.join(",") + "\n").join(""));
    runs.sort((a, b) => a[0] - b[0]);
    console.log(name, ...runs[2].map((x) => Number(x.toFixed(4))));
}
