-- Latest scores, baselines, pins, what retention removed, imported jobs. Never edited again once released.

ALTER TABLE evallab_tables.jobs DROP CONSTRAINT jobs_runtime;
ALTER TABLE evallab_tables.jobs
ADD CONSTRAINT jobs_runtime CHECK (runtime IN ('local', 'kubernetes', 'imported'));

-- Which job the jobs of a model, or of a family, are compared with when they ask for "baseline".
CREATE TABLE evallab_tables.baselines (
    name text PRIMARY KEY, -- of a model or a family; a model's own goes before its family's
    job_id text NOT NULL CONSTRAINT baselines_job REFERENCES evallab_tables.jobs,
    set_at timestamptz NOT NULL
);

-- Jobs whose files retention keeps.
CREATE TABLE evallab_tables.pins (
    job_id text PRIMARY KEY CONSTRAINT pins_job REFERENCES evallab_tables.jobs,
    pinned_at timestamptz NOT NULL
);

-- Files that retention removed; their rows in artifacts stay. Insert-only.
CREATE TABLE evallab_tables.artifact_expirations (
    artifact_id text PRIMARY KEY CONSTRAINT artifact_expirations_artifact REFERENCES evallab_tables.artifacts,
    expired_at timestamptz NOT NULL,
    reason text NOT NULL
);
CREATE INDEX artifacts_by_path ON evallab_tables.artifacts (path);

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.artifact_expirations
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();

ALTER TABLE evallab_tables.samples DROP CONSTRAINT samples_result;
ALTER TABLE evallab_tables.sample_scores DROP CONSTRAINT sample_scores_result;

-- Samples belong to a result. A foreign key asks row by row, which is half the time of recording a result; here each
-- statement is asked once. Results are never deleted, so asking at insertion is enough.
CREATE FUNCTION evallab_tables.refuse_orphans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT added.result_id FROM added) AS named
        WHERE NOT EXISTS (SELECT FROM evallab_tables.results AS result WHERE result.id = named.result_id)
    ) THEN
        RAISE EXCEPTION '%.% holds rows of no result', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'foreign_key_violation', HINT = 'Record the result first.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER of_a_result AFTER INSERT ON evallab_tables.samples
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_orphans();
CREATE TRIGGER of_a_result AFTER INSERT ON evallab_tables.sample_scores
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_orphans();

CREATE VIEW evallab_tables.ended_scores AS
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
WHERE job.state NOT IN ('pending', 'running');

CREATE TABLE evallab_tables.latest_scores (
    model text NOT NULL,
    family text,
    provider_id text NOT NULL,
    benchmark_id text NOT NULL,
    metric text NOT NULL,
    filter text NOT NULL,
    question_key bytea,
    job_id text NOT NULL CONSTRAINT latest_scores_job REFERENCES evallab_tables.jobs,
    job text NOT NULL,
    index smallint NOT NULL,
    value double precision NOT NULL,
    ci_low double precision,
    ci_high double precision,
    n integer NOT NULL,
    higher_is_better boolean NOT NULL,
    validity text NOT NULL CONSTRAINT latest_scores_validity CHECK (validity IN ('valid', 'degraded')),
    limited boolean NOT NULL, -- not all questions of the benchmark were to be asked
    ended_at timestamptz NOT NULL,
    CONSTRAINT latest_scores_once
    UNIQUE NULLS NOT DISTINCT (provider_id, benchmark_id, model, metric, filter, question_key)
);
CREATE INDEX latest_scores_by_job ON evallab_tables.latest_scores (job_id);

INSERT INTO evallab_tables.latest_scores (
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
)
SELECT DISTINCT ON (provider_id, benchmark_id, model, metric, filter, question_key)
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
FROM evallab_tables.ended_scores
WHERE validity <> 'invalid'
ORDER BY provider_id, benchmark_id, model, metric, filter, question_key, ended_at DESC, job_id DESC;

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
LEFT JOIN evallab_tables.artifact_expirations AS expiration ON expiration.artifact_id = artifact.id;
COMMENT ON COLUMN public.artifacts.expired_at IS 'When retention (`evallab gc`) removed the file; empty while it is kept.';

CREATE VIEW public.leaderboard AS
SELECT
    latest.provider_id || '/' || latest.benchmark_id AS benchmark,
    latest.model,
    latest.family,
    latest.metric,
    latest.filter,
    latest.value AS score,
    latest.ci_low,
    latest.ci_high,
    latest.n,
    latest.higher_is_better,
    latest.validity,
    latest.limited,
    encode(latest.question_key, 'hex') AS question_key,
    latest.job,
    latest.job_id,
    latest.index,
    latest.ended_at AS finished_at
FROM evallab_tables.latest_scores AS latest;
COMMENT ON VIEW public.leaderboard IS 'Of every model and benchmark the newest usable primary score, one per question key. Rank only rows whose question keys are equal.';
COMMENT ON COLUMN public.leaderboard.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.leaderboard.model IS 'The model.';
COMMENT ON COLUMN public.leaderboard.family IS 'Its family.';
COMMENT ON COLUMN public.leaderboard.metric IS 'The metric.';
COMMENT ON COLUMN public.leaderboard.filter IS 'How answers were extracted; none where there is no choice.';
COMMENT ON COLUMN public.leaderboard.score IS 'The value.';
COMMENT ON COLUMN public.leaderboard.ci_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN public.leaderboard.ci_high IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN public.leaderboard.n IS 'Questions it rests on.';
COMMENT ON COLUMN public.leaderboard.higher_is_better IS 'Whether higher is better.';
COMMENT ON COLUMN public.leaderboard.validity IS 'valid or degraded; invalid scores are not here.';
COMMENT ON COLUMN public.leaderboard.limited IS 'Whether only a part of the benchmark was asked (a limit).';
COMMENT ON COLUMN public.leaderboard.question_key IS 'Hash of all that makes two scores answers to the same questions. Rank only where equal.';
COMMENT ON COLUMN public.leaderboard.job IS 'Name of the job.';
COMMENT ON COLUMN public.leaderboard.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.leaderboard.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.leaderboard.finished_at IS 'When its job ended.';

CREATE VIEW public.baselines AS
SELECT
    baseline.name,
    job.name AS job,
    job.id AS job_id,
    model.name AS model,
    job.finished_at,
    baseline.set_at
FROM evallab_tables.baselines AS baseline
INNER JOIN evallab_tables.jobs AS job ON job.id = baseline.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id;
COMMENT ON VIEW public.baselines IS 'The jobs that others are compared with when they ask for "baseline" (`evallab baseline`).';
COMMENT ON COLUMN public.baselines.name IS 'The model or the family it is set for.';
COMMENT ON COLUMN public.baselines.job IS 'Name of the job that is the baseline.';
COMMENT ON COLUMN public.baselines.job_id IS 'Id of the job that is the baseline.';
COMMENT ON COLUMN public.baselines.model IS 'The model that job evaluated.';
COMMENT ON COLUMN public.baselines.finished_at IS 'When that job ended.';
COMMENT ON COLUMN public.baselines.set_at IS 'When it was set.';

COMMENT ON COLUMN public.jobs.runtime IS 'Where its attempts execute: local or kubernetes; imported for results that were made elsewhere.';
