-- Jobs can be resumed: the fact, and a record of provenance for each end. Never edited again once released.

ALTER TABLE evallab_tables.jobs ADD COLUMN resumed_at timestamptz;

ALTER TABLE evallab_tables.provenance ADD COLUMN resumed_at timestamptz;
ALTER TABLE evallab_tables.provenance DROP CONSTRAINT provenance_once;
ALTER TABLE evallab_tables.provenance
ADD CONSTRAINT provenance_once UNIQUE NULLS NOT DISTINCT (job_id, attempt_id, resumed_at);

CREATE VIEW evallab_tables.job_provenance AS
SELECT provenance.*
FROM evallab_tables.provenance AS provenance
WHERE
    provenance.attempt_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM evallab_tables.provenance AS newer
        WHERE
            newer.job_id = provenance.job_id
            AND newer.attempt_id IS NULL
            AND newer.resumed_at > coalesce(provenance.resumed_at, '-infinity')
    );

CREATE OR REPLACE VIEW public.jobs AS
SELECT
    job.name,
    job.id AS job_id,
    model.name AS model,
    model.family,
    model.change AS quantisation,
    job.state,
    job.reason,
    job.message,
    job.runtime,
    job.priority,
    (SELECT count(*) FROM evallab_tables.job_benchmarks AS benchmark WHERE benchmark.job_id = job.id) AS benchmarks,
    job.created_at,
    job.started_at,
    job.finished_at,
    job.cancel_requested,
    encode(job.setup_key, 'hex') AS setup_key,
    (
        SELECT lease.holder FROM evallab_tables.leases AS lease
        WHERE lease.job_id = job.id AND lease.expires_at > clock_timestamp()
    ) AS lease_holder,
    job.spec,
    job.model_server,
    job.resumed_at
FROM evallab_tables.jobs AS job
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id;
COMMENT ON COLUMN public.jobs.resumed_at IS 'When somebody last asked to go on with it (`evallab resume`).';

CREATE OR REPLACE VIEW public.scores AS
SELECT
    job.name AS job,
    job.id AS job_id,
    model.name AS model,
    model.family,
    model.change AS quantisation,
    coalesce(
        asked.record #>> '{model_server,fingerprint,sha256}', job.model_server #>> '{fingerprint,sha256}'
    ) AS weights_sha256,
    benchmark.provider_id || '/' || benchmark.benchmark_id AS benchmark,
    score.metric,
    score.filter,
    score.value AS score,
    score.ci_low,
    score.ci_high,
    score.n,
    score.validity,
    asked.record #>> '{evallab,commit}' AS evallab_commit,
    answered.record #>> '{harness,version}' AS harness_version,
    encode(score.question_key, 'hex') AS question_key,
    encode(job.setup_key, 'hex') AS setup_key,
    job.finished_at,
    score.is_primary,
    score.stderr,
    score.interval_method,
    score.n_errors,
    score.higher_is_better,
    score.validity_reasons,
    score.threshold,
    score.passed,
    answered.record #>> '{harness,name}' AS harness,
    asked.record #>> '{evallab,version}' AS evallab_version,
    (asked.record #>> '{evallab,dirty}')::boolean AS evallab_dirty,
    asked.record #>> '{model_server,runtime}' AS model_server,
    result.index,
    result.attempt_id,
    result.recorded_at
FROM evallab_tables.counted_results AS result
INNER JOIN evallab_tables.scores AS score ON score.result_id = result.id
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.job_provenance AS asked ON asked.job_id = result.job_id
LEFT JOIN evallab_tables.provenance AS answered
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id;

COMMENT ON VIEW public.provenance IS 'What ran exactly: one record per job (one more each time it was resumed), and one per attempt with a result.';
