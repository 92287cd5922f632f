-- What a person with psql, a dashboard or an export reads: views in schema "public", every column with a comment.
-- docs/reference/database.md is made from these comments. Like schema.sql, this is the current state, kept equal to
-- migrations/ by a test. A view's columns are a promise: add at the end, never rename.

CREATE VIEW public.models AS
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
COMMENT ON VIEW public.models IS 'Every model that was evaluated, with where it comes from.';
COMMENT ON COLUMN public.models.model IS 'The name that scores are filed under (`model.name`).';
COMMENT ON COLUMN public.models.family IS 'The family it belongs to (`lineage.family`).';
COMMENT ON COLUMN public.models.parent IS 'The model it was made from (`lineage.parent`).';
COMMENT ON COLUMN public.models.quantisation IS 'What was changed against the parent (`lineage.change`), such as "AWQ int4".';
COMMENT ON COLUMN public.models.jobs IS 'How many jobs evaluated it.';
COMMENT ON COLUMN public.models.last_finished_at IS 'When the last of them ended.';

CREATE VIEW public.jobs AS
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
COMMENT ON VIEW public.jobs IS 'Every job: what was asked, and how it went. Deleted jobs are in no view but audit.';
COMMENT ON COLUMN public.jobs.name IS 'Its name, which later jobs may share; the other views call it job.';
COMMENT ON COLUMN public.jobs.job_id IS 'Its id.';
COMMENT ON COLUMN public.jobs.model IS 'The model it evaluates.';
COMMENT ON COLUMN public.jobs.family IS 'The family of that model.';
COMMENT ON COLUMN public.jobs.quantisation IS 'What was changed against the model''s parent.';
COMMENT ON COLUMN public.jobs.state IS 'pending, running, completed, partially_failed, failed or cancelled.';
COMMENT ON COLUMN public.jobs.reason IS 'Why it is in that state, one CamelCase word.';
COMMENT ON COLUMN public.jobs.message IS 'Why it is in that state and what to do about it, in words.';
COMMENT ON COLUMN public.jobs.runtime IS 'Where its attempts execute: local or kubernetes; imported for results that were made elsewhere.';
COMMENT ON COLUMN public.jobs.priority IS 'Higher goes first.';
COMMENT ON COLUMN public.jobs.benchmarks IS 'How many benchmarks it has.';
COMMENT ON COLUMN public.jobs.created_at IS 'When it was asked for.';
COMMENT ON COLUMN public.jobs.started_at IS 'When its first attempt started.';
COMMENT ON COLUMN public.jobs.finished_at IS 'When it ended.';
COMMENT ON COLUMN public.jobs.cancel_requested IS 'Whether somebody asked to cancel it.';
COMMENT ON COLUMN public.jobs.setup_key IS 'Hash of everything that answered: model, server, arguments, hardware.';
COMMENT ON COLUMN public.jobs.lease_holder IS 'The process that works on it now.';
COMMENT ON COLUMN public.jobs.spec IS 'What was asked, as JSON, collections expanded.';
COMMENT ON COLUMN public.jobs.model_server IS 'Facts of the model server that evallab started for it, as JSON.';
COMMENT ON COLUMN public.jobs.resumed_at IS 'When somebody last asked to go on with it (`evallab resume`).';
COMMENT ON COLUMN public.jobs.tenant IS 'Whose it is, where tenants share a server.';
COMMENT ON COLUMN public.jobs.owner IS 'Who asked for it over REST.';
COMMENT ON COLUMN public.jobs.updated_at IS 'When its state last changed.';

CREATE VIEW public.benchmarks AS
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
COMMENT ON VIEW public.benchmarks IS 'Every benchmark of every job, with its progress and its primary score.';
COMMENT ON COLUMN public.benchmarks.job IS 'Name of the job.';
COMMENT ON COLUMN public.benchmarks.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.benchmarks.index IS 'Position in the job, from 0.';
COMMENT ON COLUMN public.benchmarks.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.benchmarks.state IS 'pending, running, completed, failed or cancelled.';
COMMENT ON COLUMN public.benchmarks.reason IS 'Why it is in that state, one CamelCase word.';
COMMENT ON COLUMN public.benchmarks.message IS 'Why it is in that state and what to do about it, in words.';
COMMENT ON COLUMN public.benchmarks.phase IS 'What its adapter was doing when last heard of.';
COMMENT ON COLUMN public.benchmarks.done IS 'Questions done.';
COMMENT ON COLUMN public.benchmarks.total IS 'Questions in all.';
COMMENT ON COLUMN public.benchmarks.samples_per_minute IS 'Questions per minute when last heard of.';
COMMENT ON COLUMN public.benchmarks.metric IS 'Metric of the primary score.';
COMMENT ON COLUMN public.benchmarks.filter IS 'Filter (answer extraction) of the primary score.';
COMMENT ON COLUMN public.benchmarks.score IS 'The primary score.';
COMMENT ON COLUMN public.benchmarks.validity IS 'Whether that score may be used: valid, degraded or invalid.';
COMMENT ON COLUMN public.benchmarks.dataset IS 'The data that was asked.';
COMMENT ON COLUMN public.benchmarks.dataset_revision IS 'Revision of that data, where its source has one.';
COMMENT ON COLUMN public.benchmarks.dataset_fingerprint IS 'Identity of that data by content.';
COMMENT ON COLUMN public.benchmarks.attempts IS 'How many attempts were made.';
COMMENT ON COLUMN public.benchmarks.started_at IS 'When its first attempt started.';
COMMENT ON COLUMN public.benchmarks.finished_at IS 'When it ended.';
COMMENT ON COLUMN public.benchmarks.throughput_validity IS 'Whether its speed may be used: valid, degraded or invalid; empty until its job ended.';
COMMENT ON COLUMN public.benchmarks.throughput_reasons IS 'Why its speed is not valid.';

CREATE VIEW public.scores AS
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
COMMENT ON VIEW public.scores IS
'Every score that counts: which model, which quantisation, which commit, which score. Of a benchmark that was attempted more than once, the newest attempt with a result counts.';
COMMENT ON COLUMN public.scores.job IS 'Name of the job.';
COMMENT ON COLUMN public.scores.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.scores.model IS 'The model.';
COMMENT ON COLUMN public.scores.family IS 'Its family.';
COMMENT ON COLUMN public.scores.quantisation IS 'What was changed against its parent, such as "AWQ int4" (`lineage.change`).';
COMMENT ON COLUMN public.scores.weights_sha256 IS 'Fingerprint of the weights, where evallab saw them.';
COMMENT ON COLUMN public.scores.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.scores.metric IS 'The metric.';
COMMENT ON COLUMN public.scores.filter IS 'How answers were extracted; none where there is no choice.';
COMMENT ON COLUMN public.scores.score IS 'The value.';
COMMENT ON COLUMN public.scores.ci_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN public.scores.ci_high IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN public.scores.n IS 'Questions it rests on.';
COMMENT ON COLUMN public.scores.validity IS 'Whether it may be used: valid, degraded or invalid.';
COMMENT ON COLUMN public.scores.evallab_commit IS 'Git commit of the evallab that made it.';
COMMENT ON COLUMN public.scores.harness_version IS 'Version of the harness that asked and marked.';
COMMENT ON COLUMN public.scores.question_key IS 'Hash of all that makes two scores answers to the same questions. Compare only where equal.';
COMMENT ON COLUMN public.scores.setup_key IS 'Hash of everything that answered: model, server, arguments, hardware.';
COMMENT ON COLUMN public.scores.finished_at IS 'When its job ended.';
COMMENT ON COLUMN public.scores.is_primary IS 'Whether it speaks for its benchmark.';
COMMENT ON COLUMN public.scores.stderr IS 'Standard error.';
COMMENT ON COLUMN public.scores.interval_method IS 'How the interval was made, or why there is none.';
COMMENT ON COLUMN public.scores.n_errors IS 'Questions lost to infrastructure errors: missing data, not wrong answers.';
COMMENT ON COLUMN public.scores.higher_is_better IS 'Whether higher is better.';
COMMENT ON COLUMN public.scores.validity_reasons IS 'Why it is not valid.';
COMMENT ON COLUMN public.scores.threshold IS 'The score that passes, where one was given.';
COMMENT ON COLUMN public.scores.passed IS 'Whether it passed.';
COMMENT ON COLUMN public.scores.harness IS 'The harness that asked and marked.';
COMMENT ON COLUMN public.scores.evallab_version IS 'Version of the evallab that made it.';
COMMENT ON COLUMN public.scores.evallab_dirty IS 'Whether that evallab had changes that were not committed.';
COMMENT ON COLUMN public.scores.model_server IS 'The model server that evallab started: vllm, llamacpp, reference or custom.';
COMMENT ON COLUMN public.scores.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.scores.attempt_id IS 'The attempt it comes from.';
COMMENT ON COLUMN public.scores.recorded_at IS 'When it was recorded.';

CREATE VIEW public.samples AS
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
COMMENT ON VIEW public.samples IS 'Every question of every result that counts: numbers and hashes. Give a job_id: it can be long. The texts are in artifacts.';
COMMENT ON COLUMN public.samples.job IS 'Name of the job.';
COMMENT ON COLUMN public.samples.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.samples.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.samples.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.samples.doc_id IS 'Number of the question in its data.';
COMMENT ON COLUMN public.samples.repeat IS 'Which repetition of the question, from 0.';
COMMENT ON COLUMN public.samples.scores IS 'Its values, as JSON: {"metric,filter": value}.';
COMMENT ON COLUMN public.samples.finish_reason IS 'Why the model stopped: stop, length, …';
COMMENT ON COLUMN public.samples.error IS 'The infrastructure error that lost it, if any.';
COMMENT ON COLUMN public.samples.prompt_tokens IS 'Tokens of the prompt.';
COMMENT ON COLUMN public.samples.completion_tokens IS 'Tokens of the response.';
COMMENT ON COLUMN public.samples.latency_ms IS 'Milliseconds until the response was complete.';
COMMENT ON COLUMN public.samples.doc_hash IS 'Hash of the question''s data.';
COMMENT ON COLUMN public.samples.prompt_hash IS 'Hash of the prompt.';
COMMENT ON COLUMN public.samples.response_hash IS 'Hash of the response: equal hashes, equal texts.';
COMMENT ON COLUMN public.samples.text_offset IS 'Where in the samples artifact the compressed frame with its texts begins.';
COMMENT ON COLUMN public.samples.text_line IS 'Which line of that frame, from 0.';
COMMENT ON COLUMN public.samples.cluster IS 'What it shares with questions that it is not independent of.';

CREATE VIEW public.attempts AS
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
COMMENT ON VIEW public.attempts IS 'Every execution of every benchmark, and how it ended.';
COMMENT ON COLUMN public.attempts.job IS 'Name of the job.';
COMMENT ON COLUMN public.attempts.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.attempts.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.attempts.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.attempts.number IS '1 for the first attempt of that benchmark.';
COMMENT ON COLUMN public.attempts.attempt_id IS 'Its id.';
COMMENT ON COLUMN public.attempts.state IS 'starting, running, completed, failed or cancelled.';
COMMENT ON COLUMN public.attempts.reason IS 'Why it ended so, one CamelCase word.';
COMMENT ON COLUMN public.attempts.message IS 'Why it ended so and what to do about it, in words.';
COMMENT ON COLUMN public.attempts.exit_code IS 'Exit code of the adapter.';
COMMENT ON COLUMN public.attempts.exit_signal IS 'Signal that ended the adapter.';
COMMENT ON COLUMN public.attempts.stop_requested IS 'Why it was told to stop: Cancelled, TimedOut, …';
COMMENT ON COLUMN public.attempts.created_at IS 'When it was planned.';
COMMENT ON COLUMN public.attempts.started_at IS 'When its adapter started.';
COMMENT ON COLUMN public.attempts.finished_at IS 'When it ended.';
COMMENT ON COLUMN public.attempts.has_result IS 'Whether its result is recorded.';
COMMENT ON COLUMN public.attempts.handle IS 'How its runtime finds it again, as JSON.';

CREATE VIEW public.events AS
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
COMMENT ON VIEW public.events IS 'What adapters reported, as they reported it.';
COMMENT ON COLUMN public.events.job IS 'Name of the job.';
COMMENT ON COLUMN public.events.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.events.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.events.number IS 'Number of the attempt.';
COMMENT ON COLUMN public.events.attempt_id IS 'Id of the attempt.';
COMMENT ON COLUMN public.events.event_id IS 'Its id.';
COMMENT ON COLUMN public.events.received_at IS 'When it arrived.';
COMMENT ON COLUMN public.events.late IS 'Whether its attempt had ended already: kept, never scored.';
COMMENT ON COLUMN public.events.status IS 'The status it reports.';
COMMENT ON COLUMN public.events.phase IS 'The phase it reports.';
COMMENT ON COLUMN public.events.body IS 'The event, as JSON.';

CREATE VIEW public.comparisons AS
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
COMMENT ON VIEW public.comparisons IS 'Every comparison made when a job ended: paired, on equal question keys.';
COMMENT ON COLUMN public.comparisons.job IS 'Name of the job.';
COMMENT ON COLUMN public.comparisons.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.comparisons.index IS 'Position of the benchmark in its job, from 0.';
COMMENT ON COLUMN public.comparisons.benchmark IS 'The benchmark, as provider/id.';
COMMENT ON COLUMN public.comparisons.baseline_job IS 'Name of the job it was compared with.';
COMMENT ON COLUMN public.comparisons.baseline_job_id IS 'Id of the job it was compared with.';
COMMENT ON COLUMN public.comparisons.baseline_index IS 'Position of the benchmark in that job.';
COMMENT ON COLUMN public.comparisons.metric IS 'The metric.';
COMMENT ON COLUMN public.comparisons.filter IS 'The filter.';
COMMENT ON COLUMN public.comparisons.verdict IS 'PASS, REGRESSION or INCONCLUSIVE.';
COMMENT ON COLUMN public.comparisons.baseline_value IS 'Score of the other job, on the questions both answered.';
COMMENT ON COLUMN public.comparisons.value IS 'Score of this job, on the same questions.';
COMMENT ON COLUMN public.comparisons.delta IS 'The difference; positive is better.';
COMMENT ON COLUMN public.comparisons.ci_low IS 'Lower end of the difference''s 95 % interval.';
COMMENT ON COLUMN public.comparisons.ci_high IS 'Upper end of the difference''s 95 % interval.';
COMMENT ON COLUMN public.comparisons.p_value IS 'The p-value, where the method has one.';
COMMENT ON COLUMN public.comparisons.n IS 'Questions both answered.';
COMMENT ON COLUMN public.comparisons.lost IS 'Questions that became worse.';
COMMENT ON COLUMN public.comparisons.gained IS 'Questions that became better.';
COMMENT ON COLUMN public.comparisons.discordance IS 'Share of questions with another value.';
COMMENT ON COLUMN public.comparisons.smallest_detectable IS 'The smallest difference this many questions can show.';
COMMENT ON COLUMN public.comparisons.margin IS 'The difference that would matter, as asked.';
COMMENT ON COLUMN public.comparisons.method IS 'The test that was used.';
COMMENT ON COLUMN public.comparisons.note IS 'What a reader should know besides.';
COMMENT ON COLUMN public.comparisons.created_at IS 'When it was made.';
COMMENT ON COLUMN public.comparisons.q_value IS 'The p-value, corrected for the benchmarks that were compared at once.';

CREATE VIEW public.artifacts AS
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
COMMENT ON VIEW public.artifacts IS 'Every file that is kept: samples with their texts, logs, results.';
COMMENT ON COLUMN public.artifacts.job IS 'Name of the job.';
COMMENT ON COLUMN public.artifacts.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.artifacts.index IS 'Position of the benchmark in its job; empty for files of the whole job.';
COMMENT ON COLUMN public.artifacts.attempt_id IS 'The attempt it comes from.';
COMMENT ON COLUMN public.artifacts.kind IS 'samples, log, result or file.';
COMMENT ON COLUMN public.artifacts.name IS 'Its name.';
COMMENT ON COLUMN public.artifacts.path IS 'Where it lies, below the artifact directory.';
COMMENT ON COLUMN public.artifacts.sha256 IS 'Hash of its content before compression.';
COMMENT ON COLUMN public.artifacts.bytes IS 'Bytes it takes on disk.';
COMMENT ON COLUMN public.artifacts.codec IS 'zstd-frames, zstd or none; `zstd -d` reads the first two.';
COMMENT ON COLUMN public.artifacts.created_at IS 'When it was recorded.';
COMMENT ON COLUMN public.artifacts.artifact_id IS 'Its id.';
COMMENT ON COLUMN public.artifacts.expired_at IS 'When retention (`evallab gc`) removed the file; empty while it is kept.';

CREATE VIEW public.provenance AS
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
COMMENT ON VIEW public.provenance IS 'What ran exactly: one record per job (one more each time it was resumed), and one per attempt with a result.';
COMMENT ON COLUMN public.provenance.job IS 'Name of the job.';
COMMENT ON COLUMN public.provenance.job_id IS 'Id of the job.';
COMMENT ON COLUMN public.provenance.index IS 'Position of the benchmark in its job; empty for the record of the whole job.';
COMMENT ON COLUMN public.provenance.attempt_id IS 'The attempt; empty for the record of the whole job.';
COMMENT ON COLUMN public.provenance.evallab_version IS 'Version of evallab (in the record of the job).';
COMMENT ON COLUMN public.provenance.evallab_commit IS 'Git commit of evallab (in the record of the job).';
COMMENT ON COLUMN public.provenance.evallab_dirty IS 'Whether evallab had changes that were not committed (in the record of the job).';
COMMENT ON COLUMN public.provenance.model_server IS 'The model server that evallab started (in the record of the job).';
COMMENT ON COLUMN public.provenance.weights_sha256 IS 'Fingerprint of the weights (in the record of the job).';
COMMENT ON COLUMN public.provenance.harness IS 'The harness (in the record of an attempt).';
COMMENT ON COLUMN public.provenance.harness_version IS 'Version of the harness (in the record of an attempt).';
COMMENT ON COLUMN public.provenance.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN public.provenance.record IS 'The whole record, as JSON.';

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
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
WHERE job.shown;
COMMENT ON VIEW public.baselines IS 'The jobs that others are compared with when they ask for "baseline" (`evallab baseline`).';
COMMENT ON COLUMN public.baselines.name IS 'The model or the family it is set for.';
COMMENT ON COLUMN public.baselines.job IS 'Name of the job that is the baseline.';
COMMENT ON COLUMN public.baselines.job_id IS 'Id of the job that is the baseline.';
COMMENT ON COLUMN public.baselines.model IS 'The model that job evaluated.';
COMMENT ON COLUMN public.baselines.finished_at IS 'When that job ended.';
COMMENT ON COLUMN public.baselines.set_at IS 'When it was set.';

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

CREATE VIEW public.audit AS
SELECT
    audit.at,
    audit.actor,
    audit.action,
    job.name AS job,
    audit.job_id,
    audit.detail,
    audit.id AS audit_id
FROM evallab_tables.audit AS audit
LEFT JOIN evallab_tables.jobs AS job ON job.id = audit.job_id;
COMMENT ON VIEW public.audit IS 'Who did what. Append-only.';
COMMENT ON COLUMN public.audit.at IS 'When.';
COMMENT ON COLUMN public.audit.actor IS 'Who.';
COMMENT ON COLUMN public.audit.action IS 'What.';
COMMENT ON COLUMN public.audit.job IS 'Name of the job it was done to.';
COMMENT ON COLUMN public.audit.job_id IS 'Id of the job it was done to.';
COMMENT ON COLUMN public.audit.detail IS 'Particulars, as JSON.';
COMMENT ON COLUMN public.audit.audit_id IS 'Its number, in the order of writing.';
