-- What a server needs: tenants, idempotency keys, deletion, counts, a catalogue. Never edited again once released.

ALTER TABLE evallab_tables.jobs
ADD COLUMN tenant text, -- whose it is, where tenants share a database
ADD COLUMN owner text, -- who asked; every tenant sees what "system" asked
ADD COLUMN request json, -- the body it was asked with over REST; json, because it is echoed as it was sent
ADD COLUMN idempotency_key text, -- the client's own name for asking
ADD COLUMN request_hash bytea, -- what asking again with that key must equal
ADD COLUMN updated_at timestamptz, -- when this row last changed; rows that were not made by evallab may lack it
ADD COLUMN deleted_at timestamptz, -- hidden since, one way; its results stay
ADD COLUMN shown boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NULL) STORED, -- asked for instead, because without
-- statistics the planner takes IS NULL for rare and would sort every job for a list of a few
ADD COLUMN tags jsonb NOT NULL GENERATED ALWAYS AS (coalesce(spec -> 'tags', '[]')) STORED,
ADD COLUMN experiment text [] GENERATED ALWAYS AS ( -- what its experiment can be asked for by
    nullif(ARRAY[spec #>> '{experiment,name}', spec #>> '{experiment,id}'], ARRAY[NULL, NULL]::text [])
) STORED,
ADD COLUMN shares boolean NOT NULL GENERATED ALWAYS AS ( -- it holds no model here, so it may run beside others
    coalesce(spec #> '{model,serve}', 'null') = 'null' AND coalesce(spec #> '{model,in_process}', 'null') = 'null'
) STORED,
-- Until when it may wait for its turn. By way of UTC, where adding an interval does not depend on a setting.
ADD COLUMN deadline timestamptz NOT NULL GENERATED ALWAYS AS (
    (
        coalesce(resumed_at, created_at) AT TIME ZONE 'UTC' + make_interval(
            secs => least(coalesce((spec ->> 'pending_deadline_seconds')::double precision, 86400), 3e9)
        )
    ) AT TIME ZONE 'UTC'
) STORED;

UPDATE evallab_tables.jobs SET updated_at = greatest(created_at, started_at, finished_at, resumed_at);

DROP INDEX evallab_tables.jobs_by_age;
DROP INDEX evallab_tables.jobs_by_name;
DROP INDEX evallab_tables.jobs_queue;
CREATE INDEX jobs_by_age ON evallab_tables.jobs (created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_name ON evallab_tables.jobs (name, created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_state ON evallab_tables.jobs (state, created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_tag ON evallab_tables.jobs USING gin (tags) WHERE shown;
CREATE INDEX jobs_by_experiment ON evallab_tables.jobs USING gin (experiment) WHERE experiment IS NOT NULL AND shown;
CREATE INDEX jobs_by_tenant ON evallab_tables.jobs (tenant, created_at DESC, id DESC)
WHERE tenant IS NOT NULL AND shown;
CREATE INDEX jobs_by_owner ON evallab_tables.jobs (owner, created_at DESC, id DESC) WHERE owner IS NOT NULL AND shown;
CREATE UNIQUE INDEX jobs_by_key ON evallab_tables.jobs (coalesce(tenant, ''), idempotency_key)
WHERE idempotency_key IS NOT NULL AND shown; -- deleting a job frees its key
CREATE INDEX jobs_queue ON evallab_tables.jobs (runtime, state, priority DESC, created_at, id) INCLUDE (shown)
WHERE state IN ('pending', 'running');
CREATE INDEX jobs_overdue ON evallab_tables.jobs (runtime, deadline) WHERE state = 'pending';
CREATE INDEX attempts_open ON evallab_tables.attempts (job_id) WHERE state IN ('starting', 'running');
CREATE INDEX jobs_to_cancel ON evallab_tables.jobs (runtime) WHERE state = 'pending' AND cancel_requested;

-- How many jobs there are that were not deleted, so that no list counts them. Each connection adds to a row of its
-- own (slot), or those who create jobs at once would wait for each other; a count is the sum.
CREATE TABLE evallab_tables.job_counts (
    tenant text NOT NULL, -- '' for jobs of none
    of_system boolean NOT NULL, -- their owner is "system": every tenant sees them
    slot smallint NOT NULL,
    jobs bigint NOT NULL,
    PRIMARY KEY (tenant, of_system, slot)
);

INSERT INTO evallab_tables.job_counts (tenant, of_system, slot, jobs)
SELECT '', FALSE, 0, count(*) FROM evallab_tables.jobs;

-- Providers and collections made over REST. What they are is the catalogue's business.
CREATE TABLE evallab_tables.entries (
    kind text NOT NULL CONSTRAINT entries_kind CHECK (kind IN ('provider', 'collection')),
    id text NOT NULL,
    tenant text,
    owner text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    body json NOT NULL, -- json, because it is echoed as it was sent
    PRIMARY KEY (kind, id)
);

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
INNER JOIN evallab_tables.scores AS score ON score.result_id = result.id AND score.is_primary
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.provenance AS answered
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id
WHERE job.state NOT IN ('pending', 'running') AND job.shown;

-- A job whole, as one row of few columns: its spec as text, and JSON whose keys are the fields of the store's rows, for
-- itself and for what belongs to it. Of its events those that still mean something, oldest first: ends, and of each
-- attempt the newest phase and progress.
CREATE VIEW evallab_tables.job_snapshots AS
SELECT
    job.id,
    job.name,
    job.state,
    job.runtime,
    job.priority,
    job.created_at,
    job.shown,
    job.spec::text AS spec,
    (
        SELECT to_json(own)
        FROM (
            SELECT
                job.id, job.name, job.state, job.runtime, job.attached, job.manifest, job.manifest_dir,
                job.created_at, job.started_at, job.finished_at, job.reason, job.message, job.cancel_requested,
                encode(job.setup_key, 'hex') AS setup_key, job.model_server, job.resumed_at, job.tenant, job.owner,
                job.request, job.idempotency_key, encode(job.request_hash, 'hex') AS request_hash, job.updated_at,
                job.deleted_at
        ) AS own
    ) AS job,
    json_build_object(
        'benchmarks', (
            SELECT json_agg(part ORDER BY part.index)
            FROM (
                SELECT
                    benchmark.job_id, benchmark.index, benchmark.provider_id, benchmark.benchmark_id,
                    benchmark.state, benchmark.reason, benchmark.message, benchmark.phase, benchmark.done,
                    benchmark.total, benchmark.samples_per_minute, benchmark.started_at, benchmark.finished_at
                FROM evallab_tables.job_benchmarks AS benchmark
                WHERE benchmark.job_id = job.id
            ) AS part
        ),
        'attempts', (
            SELECT json_agg(part ORDER BY part.index, part.number)
            FROM (
                SELECT
                    attempt.id, attempt.job_id, attempt.index, attempt.number, attempt.state, attempt.handle,
                    attempt.created_at, attempt.started_at, attempt.finished_at, attempt.stop_requested,
                    attempt.exit_code, attempt.exit_signal, attempt.reason, attempt.message
                FROM evallab_tables.attempts AS attempt
                WHERE attempt.job_id = job.id
            ) AS part
        ),
        'events', (
            SELECT
                json_agg(
                    json_build_object(
                        'id', part.id, 'attempt_id', part.attempt_id, 'received_at', part.received_at,
                        'body', part.body, 'late', part.late
                    )
                    ORDER BY part.received_at, part.arrival
                )
            FROM (
                SELECT
                    event.*,
                    row_number() OVER (
                        PARTITION BY
                            event.attempt_id, event.late, event.body ? 'phase', event.body ? 'progress',
                            event.body ? 'started_at', event.body ? 'warning_message', event.body ? 'error_message'
                        ORDER BY event.received_at DESC, event.arrival DESC
                    ) AS age
                FROM evallab_tables.attempts AS attempt
                CROSS JOIN LATERAL ( -- OFFSET keeps it one walk of an index per attempt, also where nothing is known
                    SELECT * FROM evallab_tables.events AS posted WHERE posted.attempt_id = attempt.id OFFSET 0
                ) AS event
                WHERE attempt.job_id = job.id
            ) AS part
            WHERE part.body ->> 'status' IN ('completed', 'failed') OR part.age = 1
        ),
        'metrics', (
            SELECT json_object_agg(result.attempt_id, result.metrics)
            FROM evallab_tables.results AS result
            WHERE result.job_id = job.id
        )
    ) AS parts
FROM evallab_tables.jobs AS job;

DROP TRIGGER announce ON evallab_tables.jobs;
CREATE TRIGGER announce AFTER UPDATE ON evallab_tables.jobs
FOR EACH ROW WHEN (
    OLD.state IS DISTINCT FROM NEW.state
    OR OLD.cancel_requested IS DISTINCT FROM NEW.cancel_requested
    OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
)
EXECUTE FUNCTION evallab_tables.announce_job();

-- Wakes whoever drives jobs (LISTEN evallab_queue) when there is something new to do; the payload is the job's id.
CREATE FUNCTION evallab_tables.announce_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evallab_queue', NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_new AFTER INSERT ON evallab_tables.jobs
FOR EACH ROW WHEN (NEW.state IN ('pending', 'running'))
EXECUTE FUNCTION evallab_tables.announce_queue();
CREATE TRIGGER announce_queue AFTER UPDATE ON evallab_tables.jobs
FOR EACH ROW WHEN (
    (NEW.cancel_requested AND NOT OLD.cancel_requested) OR OLD.resumed_at IS DISTINCT FROM NEW.resumed_at
)
EXECUTE FUNCTION evallab_tables.announce_queue();

-- Wakes whoever holds the catalogue (LISTEN evallab_catalog).
CREATE FUNCTION evallab_tables.announce_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evallab_catalog', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON evallab_tables.entries
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.announce_catalog();

-- Keep job_counts true, whoever writes.
CREATE FUNCTION evallab_tables.count_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO evallab_tables.job_counts AS counted (tenant, of_system, slot, jobs)
    SELECT coalesce(tenant, ''), owner IS NOT DISTINCT FROM 'system', pg_backend_pid() % 16, count(*)
    FROM added
    WHERE deleted_at IS NULL
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (tenant, of_system, slot) DO UPDATE SET jobs = counted.jobs + excluded.jobs;
    RETURN NULL;
END
$$;

CREATE FUNCTION evallab_tables.uncount_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO evallab_tables.job_counts AS counted (tenant, of_system, slot, jobs)
    VALUES (coalesce(OLD.tenant, ''), OLD.owner IS NOT DISTINCT FROM 'system', pg_backend_pid() % 16, -1)
    ON CONFLICT (tenant, of_system, slot) DO UPDATE SET jobs = counted.jobs + excluded.jobs;
    RETURN NULL;
END
$$;

CREATE TRIGGER counted AFTER INSERT ON evallab_tables.jobs
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.count_jobs();
CREATE TRIGGER hidden AFTER UPDATE ON evallab_tables.jobs
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION evallab_tables.uncount_job();
CREATE TRIGGER removed AFTER DELETE ON evallab_tables.jobs
FOR EACH ROW WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION evallab_tables.uncount_job();

CREATE OR REPLACE VIEW public.models AS
SELECT
    model.name AS model,
    model.family,
    model.parent,
    model.change AS quantisation,
    count(job.id) AS jobs,
    max(job.finished_at) AS last_finished_at
FROM evallab_tables.models AS model
INNER JOIN evallab_tables.jobs AS job ON job.model_id = model.id AND job.shown
GROUP BY model.id;

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
    job.resumed_at,
    job.tenant,
    job.owner,
    job.updated_at
FROM evallab_tables.jobs AS job
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
WHERE job.shown;

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
    benchmark.finished_at
FROM evallab_tables.job_benchmarks AS benchmark
INNER JOIN evallab_tables.jobs AS job ON job.id = benchmark.job_id
LEFT JOIN evallab_tables.counted_results AS result
    ON result.job_id = benchmark.job_id AND result.index = benchmark.index
LEFT JOIN evallab_tables.scores AS score ON score.result_id = result.id AND score.is_primary
LEFT JOIN evallab_tables.datasets AS dataset ON dataset.id = result.dataset_id
WHERE job.shown;

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
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.samples AS
SELECT
    job.name AS job,
    job.id AS job_id,
    result.index,
    benchmark.provider_id || '/' || benchmark.benchmark_id AS benchmark,
    sample.doc_id,
    sample.repeat,
    (
        SELECT jsonb_object_agg(score.metric || ',' || score.filter, score.value)
        FROM evallab_tables.sample_scores AS score
        WHERE score.result_id = sample.result_id AND score.doc_id = sample.doc_id AND score.repeat = sample.repeat
    ) AS scores,
    sample.finish_reason,
    sample.error,
    sample.prompt_tokens,
    sample.completion_tokens,
    sample.latency_ms,
    encode(sample.doc_hash, 'hex') AS doc_hash,
    encode(sample.prompt_hash, 'hex') AS prompt_hash,
    encode(sample.response_hash, 'hex') AS response_hash,
    sample.text_offset,
    sample.text_line
FROM evallab_tables.samples AS sample
INNER JOIN evallab_tables.counted_results AS result ON result.id = sample.result_id
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.attempts AS
SELECT
    job.name AS job,
    job.id AS job_id,
    attempt.index,
    benchmark.provider_id || '/' || benchmark.benchmark_id AS benchmark,
    attempt.number,
    attempt.id AS attempt_id,
    attempt.state,
    attempt.reason,
    attempt.message,
    attempt.exit_code,
    attempt.exit_signal,
    attempt.stop_requested,
    attempt.created_at,
    attempt.started_at,
    attempt.finished_at,
    exists(SELECT 1 FROM evallab_tables.results AS result WHERE result.attempt_id = attempt.id) AS has_result,
    attempt.handle
FROM evallab_tables.attempts AS attempt
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = attempt.job_id AND benchmark.index = attempt.index
INNER JOIN evallab_tables.jobs AS job ON job.id = attempt.job_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.events AS
SELECT
    job.name AS job,
    job.id AS job_id,
    attempt.index,
    attempt.number,
    event.attempt_id,
    event.id AS event_id,
    event.received_at,
    event.late,
    event.body ->> 'status' AS status,
    event.body ->> 'phase' AS phase,
    event.body
FROM evallab_tables.events AS event
INNER JOIN evallab_tables.attempts AS attempt ON attempt.id = event.attempt_id
INNER JOIN evallab_tables.jobs AS job ON job.id = attempt.job_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.comparisons AS
SELECT
    job.name AS job,
    job.id AS job_id,
    comparison.index,
    benchmark.provider_id || '/' || benchmark.benchmark_id AS benchmark,
    baseline.name AS baseline_job,
    comparison.baseline_job_id,
    comparison.baseline_index,
    comparison.metric,
    comparison.filter,
    comparison.verdict,
    comparison.baseline_value,
    comparison.value,
    comparison.delta,
    comparison.ci_low,
    comparison.ci_high,
    comparison.p_value,
    comparison.n,
    comparison.lost,
    comparison.gained,
    comparison.discordance,
    comparison.smallest_detectable,
    comparison.margin,
    comparison.method,
    comparison.note,
    comparison.created_at
FROM evallab_tables.comparisons AS comparison
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = comparison.job_id AND benchmark.index = comparison.index
INNER JOIN evallab_tables.jobs AS job ON job.id = comparison.job_id
INNER JOIN evallab_tables.jobs AS baseline ON baseline.id = comparison.baseline_job_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.artifacts AS
SELECT
    job.name AS job,
    job.id AS job_id,
    artifact.index,
    artifact.attempt_id,
    artifact.kind,
    artifact.name,
    artifact.path,
    encode(artifact.sha256, 'hex') AS sha256,
    artifact.bytes,
    artifact.codec,
    artifact.created_at,
    artifact.id AS artifact_id,
    expiration.expired_at
FROM evallab_tables.artifacts AS artifact
INNER JOIN evallab_tables.jobs AS job ON job.id = artifact.job_id
LEFT JOIN evallab_tables.artifact_expirations AS expiration ON expiration.artifact_id = artifact.id
WHERE job.shown;

CREATE OR REPLACE VIEW public.provenance AS
SELECT
    job.name AS job,
    job.id AS job_id,
    attempt.index,
    provenance.attempt_id,
    provenance.record #>> '{evallab,version}' AS evallab_version,
    provenance.record #>> '{evallab,commit}' AS evallab_commit,
    (provenance.record #>> '{evallab,dirty}')::boolean AS evallab_dirty,
    provenance.record #>> '{model_server,runtime}' AS model_server,
    provenance.record #>> '{model_server,fingerprint,sha256}' AS weights_sha256,
    provenance.record #>> '{harness,name}' AS harness,
    provenance.record #>> '{harness,version}' AS harness_version,
    provenance.recorded_at,
    provenance.record
FROM evallab_tables.provenance AS provenance
INNER JOIN evallab_tables.jobs AS job ON job.id = provenance.job_id
LEFT JOIN evallab_tables.attempts AS attempt ON attempt.id = provenance.attempt_id
WHERE job.shown;

CREATE OR REPLACE VIEW public.baselines AS
SELECT
    baseline.name,
    job.name AS job,
    job.id AS job_id,
    model.name AS model,
    job.finished_at,
    baseline.set_at
FROM evallab_tables.baselines AS baseline
INNER JOIN evallab_tables.jobs AS job ON job.id = baseline.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
WHERE job.shown;

COMMENT ON VIEW public.jobs IS 'Every job: what was asked, and how it went. Deleted jobs are in no view but audit.';
COMMENT ON COLUMN public.jobs.tenant IS 'Whose it is, where tenants share a server.';
COMMENT ON COLUMN public.jobs.owner IS 'Who asked for it over REST.';
COMMENT ON COLUMN public.jobs.updated_at IS 'When its state last changed.';
