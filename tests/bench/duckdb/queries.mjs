// The peer of tests/bench/collector.py: DuckDB over raw rows.
//   queries.mjs CSV FOLDER    prints NAME SECONDS PROCESSOR-SECONDS ROWS lines
import { createRequire } from "node:module";

const [csv, folder] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)("@duckdb/node-api");
const instance = await DuckDBInstance.create(`${folder}/bench.duckdb`);
const db = await instance.connect();

await db.run(`CREATE OR REPLACE TABLE m AS SELECT * FROM read_csv('${csv}',
    header=false, columns={vp: 'INTEGER', region: 'VARCHAR', target: 'VARCHAR',
    address: 'VARCHAR', question: 'VARCHAR', lane: 'INTEGER', t: 'BIGINT',
    outcome: 'TINYINT', rtt_us: 'INTEGER', instance: 'INTEGER'})`);

const queries = {
    changes: `SELECT * FROM (SELECT lane, t, instance,
        lag(instance) OVER w AS old, lag(t) OVER w AS old_t FROM m
        WHERE outcome = 0 AND instance > 1
        WINDOW w AS (PARTITION BY lane ORDER BY t)) WHERE old <> instance`,
    catchment: `SELECT lane, arg_max(instance, t), max(t) FROM m
        WHERE outcome = 0 GROUP BY lane`,
    latency: `SELECT region, target, address, question, count(*),
        quantile_cont(rtt_us, [0.5, 0.95]) FROM m
        WHERE outcome = 0 GROUP BY ALL`,
    latency_plain: `SELECT region, count(*), quantile_cont(rtt_us, [0.5, 0.95])
        FROM m WHERE outcome = 0 GROUP BY region`,
};
for (const [name, sql] of Object.entries(queries)) {
    const runs = [];
    for (let i = 0; i < 5; i++) {
        const used = process.cpuUsage(), begin = performance.now();
        const rows = (await db.runAndReadAll(sql)).currentRowCount;
        const cpu = process.cpuUsage(used);
        runs.push([(performance.now() - begin) / 1e3,
            (cpu.user + cpu.system) / 1e6, rows]);
    }
    runs.sort((a, b) => a[0] - b[0]);
    console.log(name, ...runs[2].map((x) => Number(x.toFixed(4))));
}
