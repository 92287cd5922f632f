-- Every statement evallab sends to Postgres. "name:" starts one; the comment lines after it say what it is for.
-- Parsed by store/queries.py; parameters are %(named)s. Columns are aliased to the fields of store/interface.py.

-- ------------------------------------------------------------------------------------------------ connections

-- name: prepare_connection
-- Times come back in UTC, whatever the server's zone is. Tables are read by their indexes: a plan is kept, and one made
-- while a table was small would read it whole until Postgres has looked again at how it grew.
SET TIME ZONE 'UTC';
SET enable_seqscan = off;

-- name: listen_to_jobs
-- Hear changes of jobs (see trigger "announce").
LISTEN evallab_job;

-- name: listen_to_queue
-- Hear of work for whoever drives jobs (see triggers "announce_new" and "announce_queue").
LISTEN evallab_queue;

-- name: listen_to_catalog
-- Hear changes of the catalogue (see trigger "announce" of entries).
LISTEN evallab_catalog;

-- ------------------------------------------------------------------------------------------------- migrations

-- name: has_migrations
-- Whether this database was ever migrated.
SELECT to_regclass('evallab_tables.schema_migrations') IS NOT NULL AS found;

-- name: applied_migrations
-- What was applied, in order.
SELECT name, encode(sha256, 'hex') AS sha256 FROM evallab_tables.schema_migrations ORDER BY name;

-- name: lock_migrations
-- One process migrates at a time; the lock goes with the transaction. The number is "evallab" in ASCII.
SELECT pg_advisory_xact_lock(28559133450723682);

-- name: prepare_migrations
-- Make the table that remembers migrations.
CREATE SCHEMA IF NOT EXISTS evallab_tables;
CREATE TABLE IF NOT EXISTS evallab_tables.schema_migrations (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: remember_migration
-- Record one migration as applied.
INSERT INTO evallab_tables.schema_migrations (name, sha256) VALUES (%(name)s, decode(%(sha256)s, 'hex'));

-- ------------------------------------------------------------------------------------------------------- jobs

-- name: add_job
-- Insert a job, with its benchmarks, what they refer to, and an audit row. No row comes back when its id or its key
-- exists, or when somebody else makes its model's row right now. Benchmarks are made in one order, so that two of
-- these never wait for each other.
WITH known AS (
    SELECT id FROM evallab_tables.models
    WHERE
        name = %(model)s
        AND family IS NOT DISTINCT FROM %(family)s::text
        AND parent IS NOT DISTINCT FROM %(parent)s::text
        AND change IS NOT DISTINCT FROM %(change)s::text
), made AS (
    INSERT INTO evallab_tables.models (name, family, parent, change)
    SELECT %(model)s, %(family)s, %(parent)s, %(change)s
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING
    RETURNING id
), part AS (
    SELECT * FROM jsonb_to_recordset(%(benchmarks)s) AS part (
        job_id text, index smallint, provider_id text, benchmark_id text, state text, reason text, message text,
        phase text, done bigint, total bigint, samples_per_minute double precision, started_at timestamptz,
        finished_at timestamptz
    )
), added AS (
    INSERT INTO evallab_tables.jobs (
        id, name, model_id, spec, state, runtime, attached, manifest, manifest_dir, created_at, started_at,
        finished_at, reason, message, cancel_requested, setup_key, model_server, resumed_at, tenant, owner, request,
        idempotency_key, request_hash, updated_at, resource, suspended
    )
    SELECT
        %(id)s, %(name)s, model.id, %(spec)s, %(state)s, %(runtime)s, %(attached)s, %(manifest)s, %(manifest_dir)s,
        %(created_at)s, %(started_at)s, %(finished_at)s, %(reason)s, %(message)s, %(cancel_requested)s,
        decode(%(setup_key)s, 'hex'), %(model_server)s, %(resumed_at)s, %(tenant)s, %(owner)s, %(request)s,
        %(idempotency_key)s, decode(%(request_hash)s, 'hex'), coalesce(%(updated_at)s, %(created_at)s),
        %(resource)s, %(suspended)s
    FROM (SELECT id FROM known UNION ALL SELECT id FROM made) AS model
    ON CONFLICT DO NOTHING
    RETURNING id
), benchmark AS (
    INSERT INTO evallab_tables.benchmarks (provider_id, id)
    SELECT DISTINCT part.provider_id, part.benchmark_id
    FROM part
    WHERE
        EXISTS (SELECT FROM added)
        AND NOT EXISTS (
            SELECT FROM evallab_tables.benchmarks AS known
            WHERE known.provider_id = part.provider_id AND known.id = part.benchmark_id
        )
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
), parts AS (
    INSERT INTO evallab_tables.job_benchmarks (
        job_id, index, provider_id, benchmark_id, state, reason, message, phase, done, total, samples_per_minute,
        started_at, finished_at
    )
    SELECT part.* FROM part WHERE EXISTS (SELECT FROM added)
), audited AS (
    INSERT INTO evallab_tables.audit (at, actor, action, job_id, detail)
    SELECT %(created_at)s, %(actor)s, 'create_job', %(id)s, '{}' FROM added
    ON CONFLICT DO NOTHING
)

SELECT id FROM added;

-- name: job_in_the_way
-- The job that has this id, else the one that has this key.
SELECT id FROM evallab_tables.jobs
WHERE
    id = %(id)s
    OR (
        coalesce(tenant, '') = coalesce(%(tenant)s::text, '') AND idempotency_key = %(idempotency_key)s::text
        AND shown
    )
ORDER BY (id = %(id)s) DESC
LIMIT 1;

-- name: save_job
-- Write a job's projection and its benchmarks'; never cancel_requested. No row comes back when there is no such job,
-- or, with `unlisted`, when some of its scores are among the latest ones.
WITH saved AS (
    UPDATE evallab_tables.jobs
    SET
        state = %(state)s,
        started_at = %(started_at)s,
        finished_at = %(finished_at)s,
        reason = %(reason)s,
        message = %(message)s,
        setup_key = decode(%(setup_key)s, 'hex'),
        model_server = %(model_server)s,
        updated_at = greatest(
            updated_at, %(updated_at)s::timestamptz, %(started_at)s::timestamptz, %(finished_at)s::timestamptz
        )
    WHERE
        id = %(id)s
        AND NOT (
            %(unlisted)s AND EXISTS (SELECT FROM evallab_tables.latest_scores AS latest WHERE latest.job_id = %(id)s)
        )
    RETURNING id
), parts AS (
    UPDATE evallab_tables.job_benchmarks AS benchmark
    SET
        state = part.state,
        reason = part.reason,
        message = part.message,
        phase = part.phase,
        done = part.done,
        total = part.total,
        samples_per_minute = part.samples_per_minute,
        started_at = part.started_at,
        finished_at = part.finished_at
    FROM
        saved,
        jsonb_to_recordset(%(benchmarks)s) AS part (
            job_id text, index smallint, state text, reason text, message text, phase text, done bigint, total bigint,
            samples_per_minute double precision, started_at timestamptz, finished_at timestamptz
        )
    WHERE benchmark.job_id = part.job_id AND benchmark.index = part.index
)

SELECT id FROM saved;

-- name: request_cancel
-- Set the one-way flag, audited; no row comes back when it was set before.
WITH asked AS (
    UPDATE evallab_tables.jobs
    SET cancel_requested = TRUE, updated_at = greatest(updated_at, %(now)s)
    WHERE id = %(job_id)s AND NOT cancel_requested AND shown
    RETURNING id
), audited AS (
    INSERT INTO evallab_tables.audit (at, actor, action, job_id, detail)
    SELECT %(now)s, %(actor)s, 'request_cancel', id, '{}' FROM asked
    ON CONFLICT DO NOTHING
)

SELECT id FROM asked;

-- name: resume_job
-- Go on with a job from here on, with the process that asks for it; no row comes back when it completed.
UPDATE evallab_tables.jobs
SET
    state = 'pending',
    attached = %(attached)s,
    resumed_at = %(now)s,
    cancel_requested = FALSE,
    finished_at = NULL,
    reason = NULL,
    message = NULL,
    model_server = model_server - 'failure',
    updated_at = greatest(updated_at, %(now)s)
WHERE id = %(job_id)s AND state <> 'completed' AND shown
RETURNING id;

-- name: job_exists
-- Whether there is such a job.
SELECT EXISTS (SELECT 1 FROM evallab_tables.jobs WHERE id = %(job_id)s AND shown) AS found;

-- name: fetch_job
-- One job, whole.
SELECT id, spec, job, parts FROM evallab_tables.job_snapshots
WHERE id = %(job_id)s AND (shown OR %(deleted)s);

-- name: list_jobs
-- Jobs, newest first.
SELECT spec, job FROM evallab_tables.job_snapshots
WHERE
    shown
    AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- name: list_unfinished
-- The queue of a runtime, in its order; also deleted jobs, which somebody must end.
SELECT spec, job FROM evallab_tables.job_snapshots
WHERE runtime = %(runtime)s AND state IN ('pending', 'running')
ORDER BY priority DESC, created_at, id;

-- ------------------------------------------------------------------------------------------------- references

-- name: job_of_name
-- The newest job of a name, or the one %(back)s before it.
SELECT id FROM evallab_tables.jobs
WHERE name = %(name)s AND shown
ORDER BY created_at DESC, id DESC
LIMIT 1 OFFSET %(back)s;

-- name: count_of_name
-- How many jobs have that name.
SELECT count(*) AS jobs FROM evallab_tables.jobs WHERE name = %(name)s AND shown;

-- name: jobs_of_prefix
-- A few jobs whose ids begin like this, newest first.
SELECT id, name FROM evallab_tables.jobs
WHERE starts_with(id, %(prefix)s) AND shown
ORDER BY created_at DESC, id DESC
LIMIT 4;

-- name: recent_names
-- Names to suggest when a reference means nothing.
SELECT name FROM evallab_tables.jobs
WHERE shown
GROUP BY name
ORDER BY max(created_at) DESC
LIMIT 1000;

-- ----------------------------------------------------------------------------------------------------- leases

-- name: take_lease
-- Take, renew, or take over when expired; no row comes back while somebody else holds it. A lease that runs for hours
-- was written before the clock was set back: nobody takes one for that long, so it counts as expired.
INSERT INTO evallab_tables.leases (job_id, holder, expires_at)
SELECT %(job_id)s::text, %(holder)s::text, clock_timestamp() + make_interval(secs => %(seconds)s)
FROM (SELECT set_config('synchronous_commit', 'off', TRUE)) AS quick -- a lease that a crash forgets is taken again
ON CONFLICT (job_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE leases.holder = excluded.holder OR leases.expires_at <= clock_timestamp()
    OR leases.expires_at > clock_timestamp() + interval '1 hour'
RETURNING holder;

-- name: drop_lease
-- Give a lease back, if it is still one's own.
DELETE FROM evallab_tables.leases WHERE job_id = %(job_id)s AND holder = %(holder)s;

-- name: lease_holder
-- Who holds a live lease.
SELECT holder FROM evallab_tables.leases WHERE job_id = %(job_id)s
  AND expires_at > clock_timestamp() AND expires_at <= clock_timestamp() + interval '1 hour';

-- ---------------------------------------------------------------------------------------- attempts and events

-- name: save_attempt
-- Insert or replace an attempt, unless it has ended.
INSERT INTO evallab_tables.attempts (
    id, job_id, index, number, state, handle, created_at, started_at, finished_at, stop_requested, exit_code,
    exit_signal, reason, message
) VALUES (
    %(id)s, %(job_id)s, %(index)s, %(number)s, %(state)s, %(handle)s, %(created_at)s, %(started_at)s, %(finished_at)s,
    %(stop_requested)s, %(exit_code)s, %(exit_signal)s, %(reason)s, %(message)s
)
ON CONFLICT (id) DO UPDATE SET
state = excluded.state,
handle = excluded.handle,
started_at = excluded.started_at,
finished_at = excluded.finished_at,
stop_requested = excluded.stop_requested,
exit_code = excluded.exit_code,
exit_signal = excluded.exit_signal,
reason = excluded.reason,
message = excluded.message
WHERE attempts.state IN ('starting', 'running');

-- name: lock_attempt
-- Whether an attempt has ended; it cannot end before this transaction does.
SELECT state NOT IN ('starting', 'running') AS ended FROM evallab_tables.attempts WHERE id = %(attempt_id)s FOR SHARE;

-- name: add_events
-- Insert events, each once, late where their attempt had ended; it cannot end before this is over. What comes back are
-- the ids of those whose attempt does not exist.
WITH posted AS (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(%(events)s) AS (id text, attempt_id text, received_at timestamptz, body jsonb)
    ) WITH ORDINALITY AS posted (id, attempt_id, received_at, body, number)
), attempt AS (
    SELECT id, state NOT IN ('starting', 'running') AS ended
    FROM evallab_tables.attempts
    WHERE id IN (SELECT attempt_id FROM posted)
    ORDER BY id
    FOR SHARE
), added AS (
    INSERT INTO evallab_tables.events (id, attempt_id, received_at, body, late)
    SELECT posted.id, posted.attempt_id, posted.received_at, posted.body, attempt.ended
    FROM posted
    INNER JOIN attempt ON attempt.id = posted.attempt_id
    ORDER BY posted.number
    ON CONFLICT (id) DO NOTHING
)

SELECT id FROM posted WHERE NOT EXISTS (SELECT FROM attempt WHERE attempt.id = posted.attempt_id);

-- ---------------------------------------------------------------------------------------------------- results

-- name: add_dataset
-- Make the dataset's row, once.
INSERT INTO evallab_tables.datasets (name, fingerprint, revision, n, detail)
VALUES (%(name)s, %(fingerprint)s, %(revision)s, %(n)s, %(detail)s)
ON CONFLICT DO NOTHING;

-- name: find_dataset
-- The row of exactly this data.
SELECT id FROM evallab_tables.datasets
WHERE name = %(name)s AND fingerprint = %(fingerprint)s AND revision IS NOT DISTINCT FROM %(revision)s::text;

-- name: add_result
-- The exactly-once marker; no row comes back when the attempt has one.
INSERT INTO evallab_tables.results (attempt_id, job_id, index, number, recorded_at, metrics, dataset_id, question_key)
SELECT id, job_id, index, number, %(recorded_at)s, %(metrics)s, %(dataset_id)s::bigint, decode(%(question_key)s, 'hex')
FROM evallab_tables.attempts
WHERE id = %(attempt_id)s
ON CONFLICT (attempt_id) DO NOTHING
RETURNING id;

-- name: add_score
-- Insert one score of a result.
INSERT INTO evallab_tables.scores (
    result_id, metric, filter, value, stderr, ci_low, ci_high, interval_method, n, n_errors, higher_is_better,
    is_primary, question_key, validity, validity_reasons, threshold, passed
) VALUES (
    %(result_id)s, %(metric)s, %(filter)s, %(value)s, %(stderr)s, %(ci_low)s, %(ci_high)s, %(interval_method)s, %(n)s,
    %(n_errors)s, %(higher_is_better)s, %(primary)s, decode(%(question_key)s, 'hex'), %(validity)s,
    %(validity_reasons)s, %(threshold)s, %(passed)s
);

-- name: copy_samples
-- Stream the samples of a result; the order of columns is that of store/results.py.
COPY evallab_tables.samples (
    result_id, doc_id, repeat, doc_hash, prompt_hash, response_hash, prompt_tokens, completion_tokens, latency_ms,
    finish_reason, error, text_offset, text_line, cluster
) FROM STDIN;

-- name: copy_sample_scores
-- Stream the values of the samples of a result.
COPY evallab_tables.sample_scores (result_id, doc_id, repeat, metric, filter, value) FROM STDIN;

-- name: list_scores
-- The scores of a job that count, in benchmark order, the primary one first.
SELECT
    result.job_id, result.index, result.attempt_id, benchmark.provider_id, benchmark.benchmark_id, score.metric,
    score.filter, score.value, score.stderr, score.ci_low, score.ci_high, score.interval_method, score.n,
    score.n_errors, score.higher_is_better, score.is_primary AS "primary",
    encode(score.question_key, 'hex') AS question_key, score.validity, score.validity_reasons, score.threshold,
    score.passed
FROM evallab_tables.counted_results AS result
INNER JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
WHERE result.job_id = %(job_id)s AND (score.is_primary OR NOT %(primary_only)s)
ORDER BY result.index, score.is_primary DESC, score.metric, score.filter;

-- name: counted_result
-- The result of a benchmark of a job that counts.
SELECT id FROM evallab_tables.counted_results WHERE job_id = %(job_id)s AND index = %(index)s;

-- name: count_samples
-- How many samples that result has.
SELECT count(sample.result_id) AS samples
FROM evallab_tables.counted_results AS result
LEFT JOIN evallab_tables.samples AS sample ON sample.result_id = result.id
WHERE result.job_id = %(job_id)s AND result.index = %(index)s;

-- name: list_samples
-- Samples of a result, with their values.
SELECT
    sample.doc_id, sample.repeat, encode(sample.doc_hash, 'hex') AS doc_hash,
    encode(sample.prompt_hash, 'hex') AS prompt_hash, encode(sample.response_hash, 'hex') AS response_hash,
    sample.prompt_tokens, sample.completion_tokens, sample.latency_ms, sample.finish_reason, sample.error,
    sample.text_offset, sample.text_line, sample.cluster,
    (
        SELECT jsonb_agg(jsonb_build_array(score.metric, score.filter, score.value))
        FROM evallab_tables.sample_scores AS score
        WHERE score.result_id = sample.result_id AND score.doc_id = sample.doc_id AND score.repeat = sample.repeat
    ) AS scores
FROM evallab_tables.samples AS sample
WHERE sample.result_id = %(result_id)s
ORDER BY sample.doc_id, sample.repeat
LIMIT %(limit)s OFFSET %(offset)s;

-- name: list_pairable
-- The values of one metric, question by question.
SELECT
    score.doc_id, score.repeat, score.value, encode(sample.response_hash, 'hex') AS response_hash,
    coalesce(
        'cluster ' || sample.cluster, encode(sample.doc_hash, 'hex') || ' ' || encode(sample.prompt_hash, 'hex')
    ) AS "group"
FROM evallab_tables.sample_scores AS score
INNER JOIN evallab_tables.samples AS sample
    ON sample.result_id = score.result_id AND sample.doc_id = score.doc_id AND sample.repeat = score.repeat
WHERE score.result_id = %(result_id)s AND score.metric = %(metric)s AND score.filter = %(filter)s
ORDER BY score.doc_id, score.repeat;

-- name: find_comparable
-- The newest other ended job that answered the same questions usably: same model name first, else same family.
SELECT result.job_id, result.index
FROM evallab_tables.judged_scores AS score
INNER JOIN evallab_tables.counted_results AS result ON result.id = score.result_id
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
INNER JOIN evallab_tables.jobs AS own ON own.id = %(job_id)s
INNER JOIN evallab_tables.models AS own_model ON own_model.id = own.model_id
WHERE
    score.question_key = decode(%(question_key)s, 'hex')
    AND score.metric = %(metric)s
    AND score.filter = %(filter)s
    AND score.validity <> 'invalid'
    AND job.id <> own.id
    AND job.state NOT IN ('pending', 'running')
    AND job.shown
    AND (model.name = own_model.name OR model.family = own_model.family)
ORDER BY
    (model.name = own_model.name) DESC, job.finished_at DESC NULLS LAST, job.created_at DESC, job.id DESC, result.index
LIMIT 1;

-- name: find_same_questions
-- The benchmark of a job that answered these questions usably.
SELECT result.index
FROM evallab_tables.counted_results AS result
INNER JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id
WHERE
    result.job_id = %(job_id)s
    AND score.question_key = decode(%(question_key)s, 'hex')
    AND score.metric = %(metric)s
    AND score.filter = %(filter)s
    AND score.validity <> 'invalid'
ORDER BY result.index
LIMIT 1;

-- name: add_comparison
-- Insert one comparison, once.
INSERT INTO evallab_tables.comparisons (
    job_id, index, baseline_job_id, baseline_index, metric, filter, n, baseline_value, value, delta, ci_low, ci_high,
    p_value, lost, gained, discordance, smallest_detectable, margin, method, verdict, note, q_value
) VALUES (
    %(job_id)s, %(index)s, %(baseline_job_id)s, %(baseline_index)s, %(metric)s, %(filter)s, %(n)s, %(baseline_value)s,
    %(value)s, %(delta)s, %(ci_low)s, %(ci_high)s, %(p_value)s, %(lost)s, %(gained)s, %(discordance)s,
    %(smallest_detectable)s, %(margin)s, %(method)s, %(verdict)s, %(note)s, %(q_value)s
)
ON CONFLICT DO NOTHING;

-- name: list_comparisons
-- The comparisons of a job, in benchmark order.
SELECT
    job_id, index, baseline_job_id, baseline_index, metric, filter, n, baseline_value, value, delta, ci_low, ci_high,
    p_value, lost, gained, discordance, smallest_detectable, margin, method, verdict, note, q_value
FROM evallab_tables.comparisons
WHERE job_id = %(job_id)s
ORDER BY index, created_at, baseline_job_id;

-- --------------------------------------------------------------------------- artifacts, provenance, audit trail

-- name: add_artifact
-- Insert one artifact, once.
INSERT INTO evallab_tables.artifacts (id, job_id, index, attempt_id, kind, name, path, sha256, bytes, codec)
VALUES (
    %(id)s, %(job_id)s, %(index)s, %(attempt_id)s, %(kind)s, %(name)s, %(path)s, decode(%(sha256)s, 'hex'), %(bytes)s,
    %(codec)s
)
ON CONFLICT (id) DO NOTHING;

-- name: list_artifacts
-- What is kept of a job: files of the whole job last.
SELECT
    artifact.id, artifact.job_id, artifact.index, artifact.attempt_id, artifact.kind, artifact.name, artifact.path,
    encode(artifact.sha256, 'hex') AS sha256, artifact.bytes, artifact.codec, expiration.expired_at
FROM evallab_tables.artifacts AS artifact
LEFT JOIN evallab_tables.artifact_expirations AS expiration ON expiration.artifact_id = artifact.id
WHERE artifact.job_id = %(job_id)s
ORDER BY artifact.index NULLS LAST, artifact.created_at, artifact.kind, artifact.name, artifact.id;

-- name: fetch_artifact
-- One kept file, unless its job was deleted.
SELECT
    artifact.id, artifact.job_id, artifact.index, artifact.attempt_id, artifact.kind, artifact.name, artifact.path,
    encode(artifact.sha256, 'hex') AS sha256, artifact.bytes, artifact.codec, expiration.expired_at
FROM evallab_tables.artifacts AS artifact
INNER JOIN evallab_tables.jobs AS job ON job.id = artifact.job_id AND job.shown
LEFT JOIN evallab_tables.artifact_expirations AS expiration ON expiration.artifact_id = artifact.id
WHERE artifact.id = %(artifact_id)s;

-- name: add_provenance
-- Insert the record of an end of a job (attempt_id NULL) or of an attempt, once.
INSERT INTO evallab_tables.provenance (job_id, attempt_id, recorded_at, record, resumed_at)
VALUES (
    %(job_id)s, %(attempt_id)s, %(recorded_at)s, %(record)s,
    (SELECT resumed_at FROM evallab_tables.jobs WHERE id = %(job_id)s AND %(attempt_id)s::text IS NULL)
)
ON CONFLICT DO NOTHING;

-- name: list_provenance
-- The record of a job (index NULL) and those of its results that count.
SELECT NULL AS index, record FROM evallab_tables.job_provenance WHERE job_id = %(job_id)s
UNION ALL
SELECT result.index, provenance.record
FROM evallab_tables.provenance AS provenance
INNER JOIN evallab_tables.counted_results AS result ON result.attempt_id = provenance.attempt_id
WHERE provenance.job_id = %(job_id)s
ORDER BY index;

-- name: add_audit
-- Append to the audit trail; the same act at the same instant is one row.
INSERT INTO evallab_tables.audit (at, actor, action, job_id, detail)
VALUES (%(at)s, %(actor)s, %(action)s, %(job_id)s, %(detail)s)
ON CONFLICT DO NOTHING;
