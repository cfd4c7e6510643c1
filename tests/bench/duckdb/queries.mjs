// The peer of tests/bench/collector.py: DuckDB over raw rows.
//   queries.mjs CSV FOLDER UNTIL_US
// prints NAME SECONDS PROCESSOR-SECONDS ROWS lines, and writes FOLDER/NAME.csv
// of those whose values are compared.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [csv, folder, until] = process.argv.slice(2);
const dayBefore = BigInt(until) - 86_400_000_000n;
const { DuckDBInstance } = createRequire(`${folder}/`)("@duckdb/node-api");
const instance = await DuckDBInstance.create(`${folder}/bench.duckdb`);
const db = await instance.connect();

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
            lag(instance) OVER (PARTITION BY lane ORDER BY t) AS old
            FROM m WHERE ${named}),
        numbered AS (SELECT *, count(*) FILTER (WHERE old <> instance)
            OVER (PARTITION BY lane ORDER BY t ROWS UNBOUNDED PRECEDING)
            AS stay FROM sights),
        stays AS (SELECT lane, stay, any_value(instance) AS instance,
            min(t) AS first_t, max(t) AS last_t,
            list_median(min_by(rtt_us, t, 10)) AS first_rtt,
            list_median(max_by(rtt_us, t, 10)) AS last_rtt
            FROM numbered GROUP BY lane, stay)
        SELECT new.first_t, old.last_rtt, new.first_rtt,
            new.first_t - old.last_t, new.lane, old.instance, new.instance
        FROM stays new JOIN stays old
            ON old.lane = new.lane AND old.stay = new.stay - 1
        ORDER BY new.first_t, new.lane`,
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
for (const [name, sql] of Object.entries(queries)) {
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
