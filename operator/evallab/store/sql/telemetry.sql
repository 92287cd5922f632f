-- The statements about telemetry and what was found in it. In the format of queries.sql.

-- name: add_telemetry
-- Insert windows of a job, each once.
INSERT INTO evallab_tables.telemetry (
    job_id, started_at, device, seconds, name, driver, temperature_min, temperature_mean, temperature_max, hot_s,
    power_mean, power_max, power_limit, utilisation_mean, memory_used_max, sm_clock_min, sm_clock_mean, throttled_s,
    reasons, foreign_pids, samples, tokens, waiting, preemptions
)
SELECT %(job_id)s, seen.*
FROM jsonb_to_recordset(%(windows)s) AS seen (
    started_at timestamptz, device text, seconds double precision, name text, driver text,
    temperature_min double precision, temperature_mean double precision, temperature_max double precision,
    hot_s double precision, power_mean double precision, power_max double precision, power_limit double precision,
    utilisation_mean double precision, memory_used_max bigint, sm_clock_min double precision,
    sm_clock_mean double precision, throttled_s double precision, reasons bigint, foreign_pids integer [],
    samples integer, tokens bigint, waiting integer, preemptions integer
)
ON CONFLICT DO NOTHING;

-- name: list_gpu_windows
-- What was seen of a job's GPUs, in the order of time.
SELECT
    started_at, seconds, device, name, driver, temperature_min, temperature_mean, temperature_max, hot_s, power_mean,
    power_max, power_limit, utilisation_mean, memory_used_max, sm_clock_min, sm_clock_mean, throttled_s, reasons,
    foreign_pids
FROM evallab_tables.telemetry
WHERE job_id = %(job_id)s AND driver IS NOT NULL
ORDER BY started_at, device;

-- name: list_server_windows
-- What a job's model server answered, in the order of time.
SELECT started_at, seconds, samples, tokens, waiting, preemptions
FROM evallab_tables.telemetry
WHERE job_id = %(job_id)s AND driver IS NULL
ORDER BY started_at;

-- name: save_judgements
-- Write what was found when a job ended, in place of what was found before.
WITH judged AS (
    INSERT INTO evallab_tables.judgements (
        job_id, index, validity, validity_reasons, throughput, throughput_reasons
    )
    SELECT %(job_id)s, found.*
    FROM jsonb_to_recordset(%(judgements)s) AS found (
        index smallint, validity text, validity_reasons text [], throughput text, throughput_reasons text []
    )
    ON CONFLICT (job_id, index) DO UPDATE SET
    validity = excluded.validity,
    validity_reasons = excluded.validity_reasons,
    throughput = excluded.throughput,
    throughput_reasons = excluded.throughput_reasons
)

INSERT INTO evallab_tables.telemetry_summaries (job_id, summary, judged_at)
VALUES (%(job_id)s, %(summary)s, %(now)s)
ON CONFLICT (job_id) DO UPDATE SET summary = excluded.summary, judged_at = excluded.judged_at;

-- name: list_judgements
-- What was found about the benchmarks of a job.
SELECT index, validity, validity_reasons, throughput, throughput_reasons
FROM evallab_tables.judgements
WHERE job_id = %(job_id)s
ORDER BY index;

-- name: telemetry_summary
-- What the telemetry of a job comes to.
SELECT summary FROM evallab_tables.telemetry_summaries WHERE job_id = %(job_id)s;
