-- What a cluster needs: what pods leave, files that replicas share, suspension. Never edited again once released.

ALTER TABLE evallab_tables.jobs
ADD COLUMN resource text, -- name of the object in the cluster that asks for it
ADD COLUMN suspended boolean NOT NULL DEFAULT FALSE; -- to wait with what it has

-- Pieces of the files that an attempt leaves, as its sidecar hands them in, again and in any order.
CREATE TABLE evallab_tables.leavings (
    attempt_id text NOT NULL CONSTRAINT leavings_attempt REFERENCES evallab_tables.attempts,
    area text NOT NULL CONSTRAINT leavings_area CHECK (area IN ('result', 'artifacts', 'work', 'meta')),
    name text NOT NULL, -- a relative path
    start bigint NOT NULL CONSTRAINT leavings_start CHECK (start >= 0), -- the byte of the file it begins at
    content bytea NOT NULL,
    bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(content)) STORED,
    PRIMARY KEY (attempt_id, area, name, start)
);

-- Attempts that left everything: the files (area, name, bytes, sha256), and how many events there were.
CREATE TABLE evallab_tables.seals (
    attempt_id text PRIMARY KEY CONSTRAINT seals_attempt REFERENCES evallab_tables.attempts,
    body jsonb NOT NULL,
    sealed_at timestamptz NOT NULL
);

-- Files of artifacts by their path, which is a hash of their bytes. Of part 0 kept_at says when it was last kept.
CREATE TABLE evallab_tables.blobs (
    path text NOT NULL,
    part integer NOT NULL CONSTRAINT blobs_part CHECK (part >= 0),
    content bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (path, part)
);
ALTER TABLE evallab_tables.blobs ALTER COLUMN content SET STORAGE EXTERNAL; -- it is compressed already

-- A job whole, as one row of few columns: its spec as text, and JSON whose keys are the fields of the store's rows, for
-- itself and for what belongs to it. Of its events those that still mean something, oldest first: ends, and of each
-- attempt the newest phase and progress.
CREATE OR REPLACE VIEW evallab_tables.job_snapshots AS
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
                job.deleted_at, job.resource, job.suspended
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

-- Wakes whoever drives jobs of a cluster (LISTEN evallab_jobs); the payload is the job's id. A statement says each job
-- once, however many rows it adds.
CREATE FUNCTION evallab_tables.announce_cluster_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evallab_jobs', job.id)
    FROM evallab_tables.jobs AS job
    WHERE
        job.runtime = 'kubernetes'
        AND job.id IN (
            SELECT attempt.job_id
            FROM evallab_tables.attempts AS attempt
            WHERE attempt.id IN (SELECT added.attempt_id FROM added)
        );
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_cluster AFTER INSERT ON evallab_tables.events
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.announce_cluster_jobs();
CREATE TRIGGER announce_cluster AFTER INSERT ON evallab_tables.seals
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.announce_cluster_jobs();

CREATE FUNCTION evallab_tables.announce_cluster_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evallab_jobs', NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_cluster AFTER UPDATE ON evallab_tables.jobs
FOR EACH ROW WHEN (
    NEW.runtime = 'kubernetes'
    AND (
        OLD.cancel_requested IS DISTINCT FROM NEW.cancel_requested
        OR OLD.suspended IS DISTINCT FROM NEW.suspended
        OR OLD.priority IS DISTINCT FROM NEW.priority
        OR OLD.resumed_at IS DISTINCT FROM NEW.resumed_at
        OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
    )
)
EXECUTE FUNCTION evallab_tables.announce_cluster_job();
