-- The statements about what stays: series of scores, leaderboards, baselines, retention. In the format of queries.sql.

-- ------------------------------------------------------------------------------------ history and leaderboards

-- name: forget_latest_scores
-- Take a job's scores out of the latest ones: it goes on, was deleted, or is about to enter them anew. What comes back:
-- the models it spoke for, and whether it may.
WITH forgotten AS (
    DELETE FROM evallab_tables.latest_scores WHERE job_id = %(job_id)s RETURNING model
)

SELECT
    ARRAY(SELECT DISTINCT model FROM forgotten) AS models,
    EXISTS (
        SELECT FROM evallab_tables.jobs
        WHERE id = %(job_id)s AND state NOT IN ('pending', 'running') AND shown
    ) AS ended;

-- name: add_latest_scores
-- Let the usable scores of jobs that have ended enter the latest ones, where they are newer.
INSERT INTO evallab_tables.latest_scores AS latest (
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
)
SELECT DISTINCT ON (provider_id, benchmark_id, model, metric, filter, question_key)
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
FROM evallab_tables.ended_scores
WHERE job_id = ANY(%(job_ids)s::text []) AND validity <> 'invalid'
ORDER BY provider_id, benchmark_id, model, metric, filter, question_key, ended_at DESC, job_id DESC
ON CONFLICT ON CONSTRAINT latest_scores_once DO UPDATE SET
family = excluded.family,
job_id = excluded.job_id,
job = excluded.job,
index = excluded.index,
value = excluded.value,
ci_low = excluded.ci_low,
ci_high = excluded.ci_high,
n = excluded.n,
higher_is_better = excluded.higher_is_better,
validity = excluded.validity,
limited = excluded.limited,
ended_at = excluded.ended_at
WHERE (latest.ended_at, latest.job_id) < (excluded.ended_at, excluded.job_id);

-- name: ended_jobs_of_models
-- The jobs of some models that have ended.
SELECT job.id
FROM evallab_tables.jobs AS job
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
WHERE
    model.name = ANY(%(models)s::text []) AND job.state NOT IN ('pending', 'running') AND job.shown;

-- name: list_latest
-- The latest scores, of all benchmarks or of some (as provider/id).
SELECT
    model, family, provider_id, benchmark_id, metric, filter, encode(question_key, 'hex') AS question_key, job_id, job,
    index, value, ci_low, ci_high, n, higher_is_better, validity, limited, ended_at
FROM evallab_tables.latest_scores
WHERE %(benchmarks)s::text [] IS NULL OR (provider_id || '/' || benchmark_id) = ANY(%(benchmarks)s::text [])
ORDER BY provider_id, benchmark_id, model, ended_at DESC;

-- name: list_history
-- The primary scores of a model, or of a family, on a benchmark (by id, or provider/id), oldest first.
SELECT
    score.model, score.family, score.provider_id, score.benchmark_id, score.metric, score.filter,
    encode(score.question_key, 'hex') AS question_key, score.job_id, score.job, score.index, score.value, score.ci_low,
    score.ci_high, score.n, score.higher_is_better, score.validity, score.limited, score.ended_at,
    encode(score.setup_key, 'hex') AS setup_key,
    asked.record #>> '{evallab,commit}' AS evallab_commit,
    jsonb_build_object(
        'weights', asked.record #>> '{model_server,fingerprint,sha256}',
        'url', asked.record #>> '{model,url}',
        'server', asked.record #>> '{model_server,runtime}',
        'server version', asked.record #>> '{model_server,server,version}',
        'arguments', asked.record #>> '{model_server,argv}',
        'CPU', asked.record #>> '{host,cpu}'
    ) AS setup
FROM evallab_tables.ended_scores AS score
LEFT JOIN evallab_tables.job_provenance AS asked ON asked.job_id = score.job_id
WHERE
    CASE WHEN %(family)s THEN score.family = %(name)s ELSE score.model = %(name)s END
    AND (score.benchmark_id = %(benchmark)s OR score.provider_id || '/' || score.benchmark_id = %(benchmark)s)
ORDER BY score.ended_at, score.job_id, score.index;

-- name: models_or_families
-- Names to suggest when a model or a family is not known: of those with a job.
WITH model AS (
    SELECT model.name, model.family
    FROM evallab_tables.models AS model
    WHERE EXISTS (SELECT FROM evallab_tables.jobs AS job WHERE job.model_id = model.id AND job.shown)
)

SELECT name FROM model
UNION
SELECT family FROM model WHERE family IS NOT NULL;

-- -------------------------------------------------------------------------------------------- baselines and pins

-- name: set_baseline
-- Set or replace the baseline of a model or family.
INSERT INTO evallab_tables.baselines (name, job_id, set_at) VALUES (%(name)s, %(job_id)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET job_id = excluded.job_id, set_at = excluded.set_at;

-- name: unset_baseline
-- Take a baseline away; no row comes back when there was none.
DELETE FROM evallab_tables.baselines WHERE name = %(name)s RETURNING job_id;

-- name: list_baselines
-- Every baseline.
SELECT baseline.name, baseline.job_id, job.name AS job, baseline.set_at
FROM evallab_tables.baselines AS baseline
INNER JOIN evallab_tables.jobs AS job ON job.id = baseline.job_id AND job.shown
ORDER BY baseline.name;

-- name: baseline_for
-- The baseline of a job: that of its model, else that of its family.
SELECT baseline.job_id
FROM evallab_tables.jobs AS job
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
INNER JOIN evallab_tables.baselines AS baseline ON baseline.name IN (model.name, model.family)
INNER JOIN evallab_tables.jobs AS chosen ON chosen.id = baseline.job_id AND chosen.shown
WHERE job.id = %(job_id)s
ORDER BY (baseline.name = model.name) DESC
LIMIT 1;

-- name: pin
-- Keep a job's files.
INSERT INTO evallab_tables.pins (job_id, pinned_at) VALUES (%(job_id)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: unpin
-- Let retention have a job's files.
DELETE FROM evallab_tables.pins WHERE job_id = %(job_id)s;

-- ----------------------------------------------------------------------------------------------------- retention

-- name: list_retained
-- The files that are still kept of jobs that have ended and were not deleted, with their age and rank (1: the newest of model and benchmark).
SELECT
    artifact.id AS artifact_id, artifact.job_id, job.name AS job, artifact.path, artifact.bytes,
    coalesce(job.finished_at, job.created_at) AS ended_at,
    (
        EXISTS (SELECT 1 FROM evallab_tables.pins AS pin WHERE pin.job_id = job.id)
        OR EXISTS (SELECT 1 FROM evallab_tables.baselines AS baseline WHERE baseline.job_id = job.id)
    ) AS pinned,
    dense_rank() OVER (
        PARTITION BY model.name, benchmark.provider_id, benchmark.benchmark_id
        ORDER BY coalesce(job.finished_at, job.created_at) DESC, job.id DESC
    ) AS "rank"
FROM evallab_tables.artifacts AS artifact
INNER JOIN evallab_tables.jobs AS job ON job.id = artifact.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = artifact.job_id AND benchmark.index = artifact.index
WHERE
    job.state NOT IN ('pending', 'running')
    AND job.shown
    AND NOT EXISTS (
        SELECT 1 FROM evallab_tables.artifact_expirations AS expiration WHERE expiration.artifact_id = artifact.id
    )
ORDER BY ended_at, artifact.job_id, artifact.id;

-- name: expire_artifact
-- Mark a file as removed, once.
INSERT INTO evallab_tables.artifact_expirations (artifact_id, expired_at, reason)
VALUES (%(artifact_id)s, %(now)s, %(reason)s)
ON CONFLICT DO NOTHING;

-- name: list_needed_paths
-- The files that some row still needs; nobody needs those of deleted jobs, once these have ended.
SELECT DISTINCT artifact.path
FROM evallab_tables.artifacts AS artifact
INNER JOIN evallab_tables.jobs AS job ON job.id = artifact.job_id
WHERE
    (job.shown OR job.state IN ('pending', 'running'))
    AND NOT EXISTS (
        SELECT 1 FROM evallab_tables.artifact_expirations AS expiration WHERE expiration.artifact_id = artifact.id
    );

-- name: list_ended
-- Of these jobs those that have ended, with how and when.
SELECT id, state, coalesce(finished_at, created_at) AS ended_at, deleted_at IS NOT NULL AS deleted
FROM evallab_tables.jobs
WHERE id = ANY(%(job_ids)s::text []) AND state NOT IN ('pending', 'running');
