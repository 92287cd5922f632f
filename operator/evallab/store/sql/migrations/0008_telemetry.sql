-- Telemetry, and what was found when a job ended. Never edited again once released.

-- What was seen of a job's GPUs and of its model server, ten seconds a row. A crash loses at most the open window.
CREATE TABLE evallab_tables.telemetry (
    job_id text NOT NULL CONSTRAINT telemetry_job REFERENCES evallab_tables.jobs,
    started_at timestamptz NOT NULL,
    device text NOT NULL, -- UUID of a GPU, or "model server"
    seconds double precision NOT NULL CONSTRAINT telemetry_seconds CHECK (seconds > 0),
    name text, -- of the GPU; this and what follows down to foreign_pids is empty for the model server
    driver text,
    temperature_min double precision, -- degrees Celsius
    temperature_mean double precision,
    temperature_max double precision,
    hot_s double precision, -- seconds above the limit of the job
    power_mean double precision, -- watts
    power_max double precision,
    power_limit double precision,
    utilisation_mean double precision, -- percent
    memory_used_max bigint, -- bytes
    sm_clock_min double precision, -- MHz
    sm_clock_mean double precision,
    throttled_s double precision, -- seconds in which heat, or power that fails, slowed it
    reasons bigint, -- NVML's clocks event reasons, all that were said
    foreign_pids integer [], -- processes on it that are not the job's; empty where nobody can tell
    samples integer, -- questions that benchmarks finished; this and what follows is for the model server
    tokens bigint, -- generated
    waiting integer, -- requests in the server's queue at the end
    preemptions integer,
    PRIMARY KEY (job_id, started_at, device)
);

-- What all of it comes to, made when the job ended, anew each time it did.
CREATE TABLE evallab_tables.telemetry_summaries (
    job_id text PRIMARY KEY CONSTRAINT telemetry_summaries_job REFERENCES evallab_tables.jobs,
    summary jsonb NOT NULL,
    judged_at timestamptz NOT NULL
);

-- What was found when a job ended and speaks against scores or throughput of its benchmarks, made anew each time it did.
-- Scores are insert-only: what they were recorded with stays, and counts together with this (judged_scores).
CREATE TABLE evallab_tables.judgements (
    job_id text NOT NULL,
    index smallint NOT NULL,
    validity text NOT NULL CONSTRAINT judgements_validity CHECK (validity IN ('valid', 'degraded', 'invalid')),
    validity_reasons text [] NOT NULL,
    throughput text NOT NULL CONSTRAINT judgements_throughput CHECK (throughput IN ('valid', 'degraded', 'invalid')),
    throughput_reasons text [] NOT NULL,
    PRIMARY KEY (job_id, index),
    CONSTRAINT judgements_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks
);

-- Scores with the validity they have: the worst of what they were recorded with and what was found when the job ended.
CREATE VIEW evallab_tables.judged_scores AS
SELECT
    score.result_id,
    score.metric,
    score.filter,
    score.value,
    score.stderr,
    score.ci_low,
    score.ci_high,
    score.interval_method,
    score.n,
    score.n_errors,
    score.higher_is_better,
    score.is_primary,
    score.question_key,
    CASE
        WHEN 'invalid' IN (score.validity, judgement.validity) THEN 'invalid'
        WHEN 'degraded' IN (score.validity, judgement.validity) THEN 'degraded'
        ELSE 'valid'
    END AS validity,
    score.validity_reasons || coalesce(judgement.validity_reasons, '{}') AS validity_reasons,
    score.threshold,
    score.passed
FROM evallab_tables.scores AS score
INNER JOIN evallab_tables.results AS result ON result.id = score.result_id
LEFT JOIN evallab_tables.judgements AS judgement
    ON judgement.job_id = result.job_id AND judgement.index = result.index;

CREATE OR REPLACE VIEW evallab_tables.ended_scores AS
SELECT
    model.name AS model,
    model.family,
    benchmark.provider_id,
    benchmark.benchmark_id,
    score.metric,
    score.filter,
    score.question_key,
    job.id AS job_id,
    job.name AS job,
    result.index,
    score.value,
    score.ci_low,
    score.ci_high,
    score.n,
    score.higher_is_better,
    score.validity,
    CASE
        WHEN (answered.record -> 'question') ? 'limit' THEN (answered.record #>> '{question,limit}') IS NOT NULL
        ELSE coalesce(
            job.spec #>> ARRAY['benchmarks', result.index::text, 'parameters', 'limit'],
            job.spec #>> ARRAY['benchmarks', result.index::text, 'parameters', 'num_examples']
        ) IS NOT NULL
    END AS limited,
    coalesce(job.finished_at, job.created_at) AS ended_at,
    job.setup_key
FROM evallab_tables.counted_results AS result
INNER JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id AND score.is_primary
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.provenance AS answered
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id
WHERE job.state NOT IN ('pending', 'running') AND job.shown;

CREATE OR REPLACE VIEW public.benchmarks AS
SELECT
    job.name AS job,
    job.id AS job_id,
    benchmark.index,
    benchmark.provider_id || '/' || benchmark.benchmark_id AS benchmark,
    benchmark.state,
    benchmark.reason,
    benchmark.message,
    benchmark.phase,
    benchmark.done,
    benchmark.total,
    benchmark.samples_per_minute,
    score.metric,
    score.filter,
    score.value AS score,
    score.validity,
    dataset.name AS dataset,
    dataset.revision AS dataset_revision,
    dataset.fingerprint AS dataset_fingerprint,
    (
        SELECT count(*) FROM evallab_tables.attempts AS attempt
        WHERE attempt.job_id = benchmark.job_id AND attempt.index = benchmark.index
    ) AS attempts,
    benchmark.started_at,
    benchmark.finished_at,
    judgement.throughput AS throughput_validity,
    judgement.throughput_reasons
FROM evallab_tables.job_benchmarks AS benchmark
INNER JOIN evallab_tables.jobs AS job ON job.id = benchmark.job_id
LEFT JOIN evallab_tables.counted_results AS result
    ON result.job_id = benchmark.job_id AND result.index = benchmark.index
LEFT JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id AND score.is_primary
LEFT JOIN evallab_tables.judgements AS judgement
    ON judgement.job_id = benchmark.job_id AND judgement.index = benchmark.index
LEFT JOIN evallab_tables.datasets AS dataset ON dataset.id = result.dataset_id
WHERE job.shown;
COMMENT ON COLUMN public.benchmarks.throughput_validity IS 'Whether its speed may be used: valid, degraded or invalid; empty until its job ended.';
COMMENT ON COLUMN public.benchmarks.throughput_reasons IS 'Why its speed is not valid.';

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
INNER JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.job_provenance AS asked ON asked.job_id = result.job_id
LEFT JOIN evallab_tables.provenance AS answered
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id
WHERE job.shown;

CREATE VIEW public.telemetry AS
SELECT
    job.name AS job,
    job.id AS job_id,
    telemetry.started_at,
    telemetry.seconds,
    telemetry.device,
    telemetry.name AS gpu,
    telemetry.driver,
    telemetry.temperature_min,
    telemetry.temperature_mean,
    telemetry.temperature_max,
    telemetry.hot_s AS hot_seconds,
    telemetry.throttled_s AS throttled_seconds,
    telemetry.reasons AS clock_reasons,
    telemetry.power_mean,
    telemetry.power_max,
    telemetry.power_limit,
    telemetry.utilisation_mean,
    telemetry.memory_used_max,
    telemetry.sm_clock_min,
    telemetry.sm_clock_mean,
    telemetry.foreign_pids,
    60 * telemetry.samples / telemetry.seconds AS samples_per_minute,
    telemetry.tokens / telemetry.seconds AS tokens_per_second,
    telemetry.waiting,
    telemetry.preemptions
FROM evallab_tables.telemetry AS telemetry
INNER JOIN evallab_tables.jobs AS job ON job.id = telemetry.job_id
WHERE job.shown;
COMMENT ON VIEW public.telemetry IS 'What was seen of GPUs and model servers while jobs ran on one computer, ten seconds a row. Give a job_id: it can be long.';
COMMENT ON COLUMN public.telemetry.job IS 'Name of the job.';
COMMENT ON COLUMN public.telemetry.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.telemetry.started_at IS 'When the window begins.';
COMMENT ON COLUMN public.telemetry.seconds IS 'How long it is.';
COMMENT ON COLUMN public.telemetry.device IS 'UUID of a GPU that was reserved for the job; "model server" for what was answered.';
COMMENT ON COLUMN public.telemetry.gpu IS 'Name of the GPU.';
COMMENT ON COLUMN public.telemetry.driver IS 'Version of its driver.';
COMMENT ON COLUMN public.telemetry.temperature_min IS 'Its lowest temperature, °C.';
COMMENT ON COLUMN public.telemetry.temperature_mean IS 'Its mean temperature, °C.';
COMMENT ON COLUMN public.telemetry.temperature_max IS 'Its highest temperature, °C.';
COMMENT ON COLUMN public.telemetry.hot_seconds IS 'Seconds above the limit of the job (`spec.validity.maxTemperatureCelsius`).';
COMMENT ON COLUMN public.telemetry.throttled_seconds IS 'Seconds in which heat, or power that fails, slowed it.';
COMMENT ON COLUMN public.telemetry.clock_reasons IS 'Why its clock was not higher: NVML''s bits, all that were said.';
COMMENT ON COLUMN public.telemetry.power_mean IS 'Mean power, W.';
COMMENT ON COLUMN public.telemetry.power_max IS 'Highest power, W.';
COMMENT ON COLUMN public.telemetry.power_limit IS 'The power it may take, W.';
COMMENT ON COLUMN public.telemetry.utilisation_mean IS 'Mean share of the time in which something computed, percent.';
COMMENT ON COLUMN public.telemetry.memory_used_max IS 'Most memory in use, bytes.';
COMMENT ON COLUMN public.telemetry.sm_clock_min IS 'Lowest clock of its multiprocessors, MHz.';
COMMENT ON COLUMN public.telemetry.sm_clock_mean IS 'Mean clock of its multiprocessors, MHz.';
COMMENT ON COLUMN public.telemetry.foreign_pids IS 'Processes on it that are not the job''s; NULL where nobody can tell.';
COMMENT ON COLUMN public.telemetry.samples_per_minute IS 'Questions per minute that benchmarks finished.';
COMMENT ON COLUMN public.telemetry.tokens_per_second IS 'Tokens per second that the model server generated.';
COMMENT ON COLUMN public.telemetry.waiting IS 'Requests in the model server''s queue at the end of the window.';
COMMENT ON COLUMN public.telemetry.preemptions IS 'Requests that the model server took back to make room.';
