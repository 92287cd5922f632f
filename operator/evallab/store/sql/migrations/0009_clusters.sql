-- What intervals and verdicts take into account: questions that belong together, benchmarks compared at once. Never
-- edited again once released.

ALTER TABLE evallab_tables.samples
ADD COLUMN cluster text; -- what it shares with questions that it is not independent of

ALTER TABLE evallab_tables.comparisons
ADD COLUMN q_value double precision CONSTRAINT comparisons_q_value CHECK (q_value BETWEEN 0 AND 1), -- p, corrected
ALTER COLUMN ci_low DROP NOT NULL, -- empty where nothing bounds the difference
ALTER COLUMN ci_high DROP NOT NULL,
ALTER COLUMN smallest_detectable DROP NOT NULL;

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
    sample.text_line,
    sample.cluster
FROM evallab_tables.samples AS sample
INNER JOIN evallab_tables.counted_results AS result ON result.id = sample.result_id
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
WHERE job.shown;
COMMENT ON COLUMN public.samples.cluster IS 'What it shares with questions that it is not independent of.';

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
    comparison.created_at,
    comparison.q_value
FROM evallab_tables.comparisons AS comparison
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = comparison.job_id AND benchmark.index = comparison.index
INNER JOIN evallab_tables.jobs AS job ON job.id = comparison.job_id
INNER JOIN evallab_tables.jobs AS baseline ON baseline.id = comparison.baseline_job_id
WHERE job.shown;
COMMENT ON COLUMN public.comparisons.q_value IS 'The p-value, corrected for the benchmarks that were compared at once.';
