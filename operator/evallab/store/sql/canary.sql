-- Statements about canaries. See queries.sql.

-- name: save_canary_pass
-- Keep what a pass over the fixed prompts was answered.
INSERT INTO evallab_tables.canary_passes (job_id, pass, at, body)
VALUES (%(job_id)s, %(pass)s, %(at)s, %(body)s)
ON CONFLICT (job_id, pass) DO UPDATE SET at = excluded.at, body = excluded.body;

-- name: list_canary_passes
-- The passes of one job.
SELECT pass, at, body FROM evallab_tables.canary_passes WHERE job_id = %(job_id)s ORDER BY at, pass;

-- name: save_canary_verdict
-- Keep what a job's canary told.
INSERT INTO evallab_tables.canary_verdicts (job_id, at, setup_key, usable, baseline_job_id, body)
VALUES (
    %(job_id)s, %(at)s, decode(%(setup_key)s, 'hex'), (%(body)s::jsonb ->> 'usable')::boolean,
    %(body)s::jsonb ->> 'baseline_job', %(body)s
)
ON CONFLICT (job_id) DO UPDATE SET
    at = excluded.at,
    setup_key = excluded.setup_key,
    usable = excluded.usable,
    baseline_job_id = excluded.baseline_job_id,
    body = excluded.body;

-- name: fetch_canary_verdict
-- What a job's canary told.
SELECT body FROM evallab_tables.canary_verdicts WHERE job_id = %(job_id)s;

-- name: last_valid_canary
-- The newest other job of a setup whose canary later jobs may be compared with. Imported and deleted jobs have none.
SELECT verdict.job_id
FROM evallab_tables.canary_verdicts AS verdict
INNER JOIN evallab_tables.jobs AS job ON job.id = verdict.job_id AND job.shown
INNER JOIN evallab_tables.canary_passes AS pass
    ON pass.job_id = verdict.job_id AND pass.pass = 'alone' AND pass.body ->> 'prompts' = %(prompts)s
WHERE verdict.setup_key = decode(%(setup_key)s, 'hex') AND verdict.usable AND verdict.job_id <> %(but)s
ORDER BY verdict.at DESC, verdict.job_id
LIMIT 1;
