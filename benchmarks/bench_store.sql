-- Ten thousand ended jobs with one primary score per benchmark. In the format of the store's queries; run in this order.

-- name: models
-- As many models as are compared.
INSERT INTO evallab_tables.models (name, family)
SELECT 'model-' || number, 'family-' || number %% 20 FROM generate_series(1, %(models)s) AS number;

-- name: benchmarks
-- The benchmarks.
INSERT INTO evallab_tables.benchmarks (provider_id, id)
SELECT 'bench', 'task-' || number FROM generate_series(0, %(benchmarks)s - 1) AS number;

-- name: jobs
-- The jobs, an hour apart.
INSERT INTO evallab_tables.jobs (id, name, model_id, spec, state, runtime, attached, manifest, created_at, finished_at)
SELECT
    'seed-' || number, 'seed', model.id, '{}', 'completed', 'local', TRUE, '',
    '2025-01-01'::timestamptz + number * interval '1 hour', '2025-01-01'::timestamptz + number * interval '1 hour'
FROM generate_series(1, %(jobs)s) AS number
INNER JOIN evallab_tables.models AS model ON model.name = 'model-' || (1 + number %% %(models)s);

-- name: job_benchmarks
-- Every job has all benchmarks.
INSERT INTO evallab_tables.job_benchmarks (job_id, index, provider_id, benchmark_id, state)
SELECT 'seed-' || job, number, 'bench', 'task-' || number, 'completed'
FROM generate_series(1, %(jobs)s) AS job CROSS JOIN generate_series(0, %(benchmarks)s - 1) AS number;

-- name: attempts
-- One attempt each.
INSERT INTO evallab_tables.attempts (id, job_id, index, number, state, handle, created_at)
SELECT job_id || '-' || index, job_id, index, 1, 'completed', '{}', '2025-01-01'
FROM evallab_tables.job_benchmarks
WHERE job_id LIKE 'seed-%%';

-- name: results
-- One result each.
INSERT INTO evallab_tables.results (attempt_id, job_id, index, number, recorded_at, metrics, question_key)
SELECT id, job_id, index, 1, '2025-01-01', '{}', sha256(index::text::bytea)
FROM evallab_tables.attempts
WHERE job_id LIKE 'seed-%%';

-- name: scores
-- One primary score each.
INSERT INTO evallab_tables.scores (
    result_id, metric, filter, value, ci_low, ci_high, interval_method, n, n_errors, higher_is_better, is_primary,
    question_key, validity, validity_reasons
)
SELECT
    id, 'acc', 'none', 0.5 + (id %% 400) / 1000.0, 0.48 + (id %% 400) / 1000.0, 0.52 + (id %% 400) / 1000.0, 'wilson',
    1000, 0, TRUE, TRUE, question_key, 'valid', '{}'
FROM evallab_tables.results
WHERE job_id LIKE 'seed-%%';

-- name: analyze
-- As autovacuum would.
ANALYZE;

-- name: latest
-- What the store keeps true job by job, made at once.
INSERT INTO evallab_tables.latest_scores (
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
)
SELECT DISTINCT ON (provider_id, benchmark_id, model, metric, filter, question_key)
    model, family, provider_id, benchmark_id, metric, filter, question_key, job_id, job, index, value, ci_low, ci_high,
    n, higher_is_better, validity, limited, ended_at
FROM evallab_tables.ended_scores
WHERE validity <> 'invalid' AND job_id LIKE 'seed-%%'
ORDER BY provider_id, benchmark_id, model, metric, filter, question_key, ended_at DESC, job_id DESC;
