-- The canary: answers to fixed prompts, and what they tell. Never edited again once released.

-- What the fixed prompts of the canary were answered, once per job and pass.
CREATE TABLE evallab_tables.canary_passes (
    job_id text NOT NULL CONSTRAINT canary_passes_job REFERENCES evallab_tables.jobs,
    pass text NOT NULL CONSTRAINT canary_passes_pass CHECK (pass IN ('alone', 'at_once', 'again')),
    at timestamptz NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (job_id, pass)
);

-- What a job's canary told when the job ended.
CREATE TABLE evallab_tables.canary_verdicts (
    job_id text PRIMARY KEY CONSTRAINT canary_verdicts_job REFERENCES evallab_tables.jobs,
    at timestamptz NOT NULL,
    setup_key bytea,
    usable boolean NOT NULL, -- later jobs of the setup may be compared with it
    baseline_job_id text CONSTRAINT canary_verdicts_baseline REFERENCES evallab_tables.jobs,
    body jsonb NOT NULL
);
CREATE INDEX canary_verdicts_by_setup ON evallab_tables.canary_verdicts (setup_key, at) WHERE usable;

CREATE VIEW public.canary AS
SELECT
    job.name AS job,
    verdict.job_id,
    encode(verdict.setup_key, 'hex') AS setup_key,
    verdict.body ->> 'policy' AS policy,
    verdict.body ->> 'outcome' AS outcome,
    verdict.body ->> 'why' AS why,
    baseline.name AS baseline_job,
    verdict.baseline_job_id,
    (verdict.body ->> 'prompts')::integer AS prompts,
    (verdict.body ->> 'compared')::integer AS compared,
    (verdict.body ->> 'differing')::integer AS differing,
    (verdict.body ->> 'drift')::double precision AS drift,
    verdict.body ->> 'within' AS within,
    verdict.body ->> 'batch_effect' AS batch_effect,
    (verdict.body ->> 'batch_differing')::integer AS batch_differing,
    verdict.at
FROM evallab_tables.canary_verdicts AS verdict
INNER JOIN evallab_tables.jobs AS job ON job.id = verdict.job_id AND job.shown
LEFT JOIN evallab_tables.jobs AS baseline ON baseline.id = verdict.baseline_job_id;
COMMENT ON VIEW public.canary IS 'Whether the model server of a job answered fixed prompts as it did before.';
COMMENT ON COLUMN public.canary.job IS 'Name of the job.';
COMMENT ON COLUMN public.canary.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.canary.setup_key IS 'Hash of everything that answered; canaries are compared within it.';
COMMENT ON COLUMN public.canary.policy IS 'What a change means: Enforce, Warn.';
COMMENT ON COLUMN public.canary.outcome IS 'Against the last valid job of the setup: identical, numeric_drift, changed, unknown, first.';
COMMENT ON COLUMN public.canary.why IS 'What changed, or why nothing is known.';
COMMENT ON COLUMN public.canary.baseline_job IS 'Name of the job that it was compared with.';
COMMENT ON COLUMN public.canary.baseline_job_id IS 'Id of the job that it was compared with.';
COMMENT ON COLUMN public.canary.prompts IS 'Prompts that were answered before the benchmarks.';
COMMENT ON COLUMN public.canary.compared IS 'Prompts that could be compared.';
COMMENT ON COLUMN public.canary.differing IS 'Of these, prompts that were answered with other tokens.';
COMMENT ON COLUMN public.canary.drift IS 'Largest difference of log-probabilities of equal tokens.';
COMMENT ON COLUMN public.canary.within IS 'The prompts after the benchmarks against those before: identical, numeric_drift, changed, unknown.';
COMMENT ON COLUMN public.canary.batch_effect IS 'The prompts all at once against one by one: identical, numeric_drift, changed, unknown.';
COMMENT ON COLUMN public.canary.batch_differing IS 'Prompts that were answered with other tokens when they were asked all at once.';
COMMENT ON COLUMN public.canary.at IS 'When the job ended.';
