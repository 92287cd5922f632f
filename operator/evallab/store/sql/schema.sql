-- The tables as they are now. Applied by nobody: databases are made by migrations/, and a test proves that both lead
-- to the same catalog. Change this file and add a migration in the same commit. Views are in views.sql.
--
-- Conventions: states are text with a check, each with its transitions in a comment; hashes are bytea (half of their
-- hex); times are UTC; a table that holds results is insert-only. Nothing is computed from a table's own clocks
-- (default now()). The schema is not called "evallab": for a role of that name "$user" would come first in the search
-- path, and the tables would hide the views of the same names in "public".

CREATE SCHEMA IF NOT EXISTS evallab_tables;

-- Which migrations this database has seen, with the content they had then.
CREATE TABLE IF NOT EXISTS evallab_tables.schema_migrations (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------------------------------------------------------
-- What is evaluated and with what
-- ---------------------------------------------------------------------------------------------------------------

-- A model as jobs name it. The same name with another lineage is another row.
CREATE TABLE evallab_tables.models (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    family text,
    parent text,
    change text, -- what was changed against the parent: "AWQ int4"
    CONSTRAINT models_identity UNIQUE NULLS NOT DISTINCT (name, family, parent, change)
);
CREATE INDEX models_by_family ON evallab_tables.models (family);

-- A benchmark that some job asked for.
CREATE TABLE evallab_tables.benchmarks (
    provider_id text NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (provider_id, id)
);

-- The data of a benchmark, identified by content.
CREATE TABLE evallab_tables.datasets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    fingerprint text NOT NULL,
    revision text,
    n bigint CONSTRAINT datasets_n CHECK (n >= 0),
    detail jsonb NOT NULL,
    CONSTRAINT datasets_identity UNIQUE NULLS NOT DISTINCT (name, fingerprint, revision)
);

-- ---------------------------------------------------------------------------------------------------------------
-- Jobs, their benchmarks, attempts and events
-- ---------------------------------------------------------------------------------------------------------------

CREATE TABLE evallab_tables.jobs (
    id text PRIMARY KEY,
    name text NOT NULL,
    model_id bigint NOT NULL CONSTRAINT jobs_model REFERENCES evallab_tables.models,
    spec jsonb NOT NULL, -- the EvalJob, collection expanded
    priority integer NOT NULL GENERATED ALWAYS AS (coalesce((spec ->> 'priority')::integer, 0)) STORED,
    state text NOT NULL CONSTRAINT jobs_state CHECK (
        state IN (
            'pending', -- new -> pending; running, partially_failed, failed, cancelled -> pending: resumed
            'running', -- pending -> running
            'completed', -- running -> completed: every benchmark completed
            'partially_failed', -- running -> partially_failed: some did
            'failed', -- pending, running -> failed
            'cancelled' -- pending, running -> cancelled
        )
    ),
    runtime text NOT NULL CONSTRAINT jobs_runtime CHECK (runtime IN ('local', 'kubernetes', 'imported')),
    attached boolean NOT NULL,
    manifest text NOT NULL,
    manifest_dir text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    reason text,
    message text,
    cancel_requested boolean NOT NULL DEFAULT FALSE, -- one way, until the job is resumed
    setup_key bytea,
    model_server jsonb,
    resumed_at timestamptz, -- when somebody last asked to go on with it: what ended before no longer ends it
    tenant text, -- whose it is, where tenants share a database
    owner text, -- who asked; every tenant sees what "system" asked
    request json, -- the body it was asked with over REST; json, because it is echoed as it was sent
    idempotency_key text, -- the client's own name for asking
    request_hash bytea, -- what asking again with that key must equal
    updated_at timestamptz, -- when this row last changed; rows that were not made by evallab may lack it
    deleted_at timestamptz, -- hidden since, one way; its results stay
    shown boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NULL) STORED, -- asked for instead, because without
    -- statistics the planner takes IS NULL for rare and would sort every job for a list of a few
    tags jsonb NOT NULL GENERATED ALWAYS AS (coalesce(spec -> 'tags', '[]')) STORED,
    experiment text [] GENERATED ALWAYS AS ( -- what its experiment can be asked for by
        nullif(ARRAY[spec #>> '{experiment,name}', spec #>> '{experiment,id}'], ARRAY[NULL, NULL]::text [])
    ) STORED,
    shares boolean NOT NULL GENERATED ALWAYS AS ( -- it holds no model here, so it may run beside others
        coalesce(spec #> '{model,serve}', 'null') = 'null' AND coalesce(spec #> '{model,in_process}', 'null') = 'null'
    ) STORED,
    -- Until when it may wait for its turn. By way of UTC, where adding an interval does not depend on a setting.
    deadline timestamptz NOT NULL GENERATED ALWAYS AS (
        (
            coalesce(resumed_at, created_at) AT TIME ZONE 'UTC' + make_interval(
                secs => least(coalesce((spec ->> 'pending_deadline_seconds')::double precision, 86400), 3e9)
            )
        ) AT TIME ZONE 'UTC'
    ) STORED,
    resource text, -- name of the object in the cluster that asks for it
    suspended boolean NOT NULL DEFAULT FALSE -- to wait with what it has
);
CREATE INDEX jobs_by_age ON evallab_tables.jobs (created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_name ON evallab_tables.jobs (name, created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_state ON evallab_tables.jobs (state, created_at DESC, id DESC) WHERE shown;
CREATE INDEX jobs_by_tag ON evallab_tables.jobs USING gin (tags) WHERE shown;
CREATE INDEX jobs_by_experiment ON evallab_tables.jobs USING gin (experiment) WHERE experiment IS NOT NULL AND shown;
CREATE INDEX jobs_by_tenant ON evallab_tables.jobs (tenant, created_at DESC, id DESC)
WHERE tenant IS NOT NULL AND shown;
CREATE INDEX jobs_by_owner ON evallab_tables.jobs (owner, created_at DESC, id DESC) WHERE owner IS NOT NULL AND shown;
CREATE INDEX jobs_by_model ON evallab_tables.jobs (model_id);
CREATE UNIQUE INDEX jobs_by_key ON evallab_tables.jobs (coalesce(tenant, ''), idempotency_key)
WHERE idempotency_key IS NOT NULL AND shown; -- deleting a job frees its key
CREATE INDEX jobs_queue ON evallab_tables.jobs (runtime, state, priority DESC, created_at, id) INCLUDE (shown)
WHERE state IN ('pending', 'running');
CREATE INDEX jobs_overdue ON evallab_tables.jobs (runtime, deadline) WHERE state = 'pending';
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

CREATE TABLE evallab_tables.job_benchmarks (
    job_id text NOT NULL CONSTRAINT job_benchmarks_job REFERENCES evallab_tables.jobs,
    index smallint NOT NULL CONSTRAINT job_benchmarks_index CHECK (index >= 0),
    provider_id text NOT NULL,
    benchmark_id text NOT NULL,
    state text NOT NULL CONSTRAINT job_benchmarks_state CHECK (
        state IN (
            'pending', -- new -> pending, running -> pending: waits for its next attempt; failed, cancelled: resumed
            'running', -- pending -> running
            'completed', -- running -> completed
            'failed', -- pending, running -> failed
            'cancelled' -- pending, running -> cancelled
        )
    ),
    reason text,
    message text,
    phase text,
    done bigint CONSTRAINT job_benchmarks_done CHECK (done >= 0),
    total bigint CONSTRAINT job_benchmarks_total CHECK (total >= 0),
    samples_per_minute double precision,
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (job_id, index),
    CONSTRAINT job_benchmarks_benchmark FOREIGN KEY (provider_id, benchmark_id) REFERENCES evallab_tables.benchmarks
);
CREATE INDEX job_benchmarks_by_benchmark ON evallab_tables.job_benchmarks (provider_id, benchmark_id);

-- One execution of one benchmark. An ended attempt is never changed again.
CREATE TABLE evallab_tables.attempts (
    id text PRIMARY KEY,
    job_id text NOT NULL,
    index smallint NOT NULL,
    number smallint NOT NULL CONSTRAINT attempts_number CHECK (number >= 1),
    state text NOT NULL CONSTRAINT attempts_state CHECK (
        state IN (
            'starting', -- new -> starting
            'running', -- starting -> running
            'completed', -- running -> completed
            'failed', -- starting, running -> failed
            'cancelled' -- starting, running -> cancelled
        )
    ),
    handle jsonb NOT NULL, -- how its runtime finds it again
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    stop_requested text,
    exit_code integer,
    exit_signal integer,
    reason text,
    message text,
    CONSTRAINT attempts_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks,
    CONSTRAINT attempts_numbered UNIQUE (job_id, index, number)
);
CREATE INDEX attempts_open ON evallab_tables.attempts (job_id) WHERE state IN ('starting', 'running');

-- What adapters posted, as they posted it.
CREATE TABLE evallab_tables.events (
    id text PRIMARY KEY,
    arrival bigint GENERATED ALWAYS AS IDENTITY, -- orders events of the same instant
    attempt_id text NOT NULL CONSTRAINT events_attempt REFERENCES evallab_tables.attempts,
    received_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    late boolean NOT NULL -- its attempt had ended already: kept, never scored
);
CREATE INDEX events_by_attempt ON evallab_tables.events (attempt_id, received_at, arrival);

-- Who reconciles a job. Judged by this server's clock only.
CREATE TABLE evallab_tables.leases (
    job_id text PRIMARY KEY CONSTRAINT leases_job REFERENCES evallab_tables.jobs,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------
-- Results: inserted, never updated
-- ---------------------------------------------------------------------------------------------------------------

-- One row per attempt that ended with a result. It is the exactly-once marker: whoever inserts it inserts the rest.
CREATE TABLE evallab_tables.results (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    attempt_id text NOT NULL CONSTRAINT results_attempt REFERENCES evallab_tables.attempts,
    job_id text NOT NULL,
    index smallint NOT NULL,
    number smallint NOT NULL, -- of the attempt; of several results of a benchmark the highest counts
    recorded_at timestamptz NOT NULL,
    metrics jsonb NOT NULL, -- EvalHub's `metrics` of the completed event
    dataset_id bigint CONSTRAINT results_dataset REFERENCES evallab_tables.datasets,
    question_key bytea,
    CONSTRAINT results_once UNIQUE (attempt_id),
    CONSTRAINT results_numbered UNIQUE (job_id, index, number),
    CONSTRAINT results_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks
);

CREATE TABLE evallab_tables.scores (
    result_id bigint NOT NULL CONSTRAINT scores_result REFERENCES evallab_tables.results,
    metric text NOT NULL,
    filter text NOT NULL,
    -- Finite: NaN is greater than Infinity here.
    value double precision NOT NULL CONSTRAINT scores_value CHECK (value > '-Infinity' AND value < 'Infinity'),
    stderr double precision CONSTRAINT scores_stderr CHECK (stderr >= 0 AND stderr < 'Infinity'),
    ci_low double precision,
    ci_high double precision,
    interval_method text NOT NULL, -- how the interval was made, or why there is none
    n integer NOT NULL CONSTRAINT scores_n CHECK (n >= 0),
    n_errors integer NOT NULL CONSTRAINT scores_n_errors CHECK (n_errors >= 0),
    higher_is_better boolean NOT NULL,
    is_primary boolean NOT NULL,
    question_key bytea,
    validity text NOT NULL CONSTRAINT scores_validity CHECK (validity IN ('valid', 'degraded', 'invalid')),
    validity_reasons text [] NOT NULL,
    threshold double precision,
    passed boolean,
    PRIMARY KEY (result_id, metric, filter),
    CONSTRAINT scores_interval CHECK (
        (ci_low IS NULL AND ci_high IS NULL) OR (ci_low > '-Infinity' AND ci_low <= ci_high AND ci_high < 'Infinity')
    )
);
CREATE INDEX scores_by_question ON evallab_tables.scores (question_key, metric, filter);

-- Numbers and hashes of one question. The texts lie in the samples artifact: frame at text_offset, line text_line.
CREATE TABLE evallab_tables.samples (
    result_id bigint NOT NULL, -- of a result: trigger of_a_result
    doc_id integer NOT NULL,
    repeat smallint NOT NULL,
    doc_hash bytea NOT NULL,
    prompt_hash bytea NOT NULL,
    response_hash bytea,
    prompt_tokens integer,
    completion_tokens integer,
    latency_ms real,
    finish_reason text,
    error text, -- an infrastructure error: missing data, never a wrong answer
    text_offset bigint,
    text_line smallint,
    cluster text, -- what it shares with questions that it is not independent of
    PRIMARY KEY (result_id, doc_id, repeat)
);

-- The value of one metric for one question; NULL where there is none.
CREATE TABLE evallab_tables.sample_scores (
    result_id bigint NOT NULL, -- of a result: trigger of_a_result
    doc_id integer NOT NULL,
    repeat smallint NOT NULL,
    metric text NOT NULL,
    filter text NOT NULL,
    value double precision CONSTRAINT sample_scores_value CHECK (value > '-Infinity' AND value < 'Infinity'),
    PRIMARY KEY (result_id, doc_id, repeat, metric, filter)
);

CREATE TABLE evallab_tables.artifacts (
    id text PRIMARY KEY,
    job_id text NOT NULL CONSTRAINT artifacts_job REFERENCES evallab_tables.jobs,
    index smallint,
    attempt_id text CONSTRAINT artifacts_attempt REFERENCES evallab_tables.attempts,
    kind text NOT NULL,
    name text NOT NULL,
    path text NOT NULL, -- relative to the artifact root
    sha256 bytea NOT NULL CONSTRAINT artifacts_sha256 CHECK (octet_length(sha256) = 32), -- before compression
    bytes bigint NOT NULL CONSTRAINT artifacts_bytes CHECK (bytes >= 0),
    codec text NOT NULL CONSTRAINT artifacts_codec CHECK (codec IN ('zstd-frames', 'zstd', 'none')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT artifacts_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks
);
CREATE INDEX artifacts_by_job ON evallab_tables.artifacts (job_id, index, kind, name);

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

-- What ran exactly: one record per job (attempt_id NULL) and resumption, one per attempt with a result.
CREATE TABLE evallab_tables.provenance (
    job_id text NOT NULL CONSTRAINT provenance_job REFERENCES evallab_tables.jobs,
    attempt_id text CONSTRAINT provenance_attempt REFERENCES evallab_tables.attempts,
    recorded_at timestamptz NOT NULL,
    record jsonb NOT NULL,
    resumed_at timestamptz, -- jobs.resumed_at when the job's record was made
    CONSTRAINT provenance_once UNIQUE NULLS NOT DISTINCT (job_id, attempt_id, resumed_at)
);

-- A job's primary score against another job's, on equal question keys.
CREATE TABLE evallab_tables.comparisons (
    job_id text NOT NULL,
    index smallint NOT NULL,
    baseline_job_id text NOT NULL,
    baseline_index smallint NOT NULL,
    metric text NOT NULL,
    filter text NOT NULL,
    n integer NOT NULL CONSTRAINT comparisons_n CHECK (n >= 0),
    baseline_value double precision NOT NULL,
    value double precision NOT NULL,
    delta double precision NOT NULL CONSTRAINT comparisons_delta CHECK (delta > '-Infinity' AND delta < 'Infinity'),
    ci_low double precision, -- empty where nothing bounds the difference
    ci_high double precision,
    p_value double precision CONSTRAINT comparisons_p_value CHECK (p_value BETWEEN 0 AND 1),
    lost integer NOT NULL CONSTRAINT comparisons_lost CHECK (lost >= 0),
    gained integer NOT NULL CONSTRAINT comparisons_gained CHECK (gained >= 0),
    discordance double precision NOT NULL,
    smallest_detectable double precision,
    margin double precision NOT NULL,
    method text NOT NULL,
    verdict text NOT NULL CONSTRAINT comparisons_verdict CHECK (verdict IN ('PASS', 'REGRESSION', 'INCONCLUSIVE')),
    note text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    q_value double precision CONSTRAINT comparisons_q_value CHECK (q_value BETWEEN 0 AND 1), -- p, corrected
    PRIMARY KEY (job_id, index, baseline_job_id),
    CONSTRAINT comparisons_interval CHECK (ci_low <= ci_high),
    CONSTRAINT comparisons_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks,
    CONSTRAINT comparisons_baseline
    FOREIGN KEY (baseline_job_id, baseline_index) REFERENCES evallab_tables.job_benchmarks (job_id, index)
);
CREATE INDEX comparisons_by_baseline ON evallab_tables.comparisons (baseline_job_id, baseline_index);

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

-- ---------------------------------------------------------------------------------------------------------------
-- What pods of a cluster leave, and files that processes share which share no disk
-- ---------------------------------------------------------------------------------------------------------------

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

-- What was seen of a job's GPUs and of its model server, ten seconds a row. A crash loses at most the open window.
CREATE TABLE evallab_tables.telemetry (
    job_id text NOT NULL CONSTRAINT telemetry_job REFERENCES evallab_tables.jobs,
    started_at timestamptz NOT NULL,
    device text NOT NULL, -- UUID of a GPU, or "model server"
    seconds double precision NOT NULL CONSTRAINT telemetry_seconds CHECK (seconds > 0),
    name text, -- of the GPU; this and what follows down to foreign_pids is empty for the model server
    driver text,
    temperature_min double precision, -- degrees Celsius
    temperature_mean double precision,
    temperature_max double precision,
    hot_s double precision, -- seconds above the limit of the job
    power_mean double precision, -- watts
    power_max double precision,
    power_limit double precision,
    utilisation_mean double precision, -- percent
    memory_used_max bigint, -- bytes
    sm_clock_min double precision, -- MHz
    sm_clock_mean double precision,
    throttled_s double precision, -- seconds in which heat, or power that fails, slowed it
    reasons bigint, -- NVML's clocks event reasons, all that were said
    foreign_pids integer [], -- processes on it that are not the job's; empty where nobody can tell
    samples integer, -- questions that benchmarks finished; this and what follows is for the model server
    tokens bigint, -- generated
    waiting integer, -- requests in the server's queue at the end
    preemptions integer,
    PRIMARY KEY (job_id, started_at, device)
);

-- What all of it comes to, made when the job ended, anew each time it did.
CREATE TABLE evallab_tables.telemetry_summaries (
    job_id text PRIMARY KEY CONSTRAINT telemetry_summaries_job REFERENCES evallab_tables.jobs,
    summary jsonb NOT NULL,
    judged_at timestamptz NOT NULL
);

-- What was found when a job ended and speaks against scores or throughput of its benchmarks, made anew each time it did.
-- Scores are insert-only: what they were recorded with stays, and counts together with this (judged_scores).
CREATE TABLE evallab_tables.judgements (
    job_id text NOT NULL,
    index smallint NOT NULL,
    validity text NOT NULL CONSTRAINT judgements_validity CHECK (validity IN ('valid', 'degraded', 'invalid')),
    validity_reasons text [] NOT NULL,
    throughput text NOT NULL CONSTRAINT judgements_throughput CHECK (throughput IN ('valid', 'degraded', 'invalid')),
    throughput_reasons text [] NOT NULL,
    PRIMARY KEY (job_id, index),
    CONSTRAINT judgements_benchmark FOREIGN KEY (job_id, index) REFERENCES evallab_tables.job_benchmarks
);

-- Who did what. Jobs are named without a reference, so that the trail also holds what never became a job.
CREATE TABLE evallab_tables.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    job_id text,
    detail jsonb NOT NULL
);
-- The same act at the same instant is one row: a writer that lost its connection repeats itself.
CREATE UNIQUE INDEX audit_once ON evallab_tables.audit (at, actor, action, coalesce(job_id, ''), md5(detail::text));
CREATE INDEX audit_by_job ON evallab_tables.audit (job_id, at);

-- Of every benchmark the result that counts: that of its newest attempt with one.
CREATE VIEW evallab_tables.counted_results AS
SELECT result.*
FROM evallab_tables.results AS result
WHERE NOT EXISTS (
    SELECT 1
    FROM evallab_tables.results AS newer
    WHERE newer.job_id = result.job_id AND newer.index = result.index AND newer.number > result.number
);

-- Of every job the record that counts: that of its newest end.
CREATE VIEW evallab_tables.job_provenance AS
SELECT provenance.*
FROM evallab_tables.provenance AS provenance
WHERE
    provenance.attempt_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM evallab_tables.provenance AS newer
        WHERE
            newer.job_id = provenance.job_id
            AND newer.attempt_id IS NULL
            AND newer.resumed_at > coalesce(provenance.resumed_at, '-infinity')
    );

-- Scores with the validity they have: the worst of what they were recorded with and what was found when the job ended.
CREATE VIEW evallab_tables.judged_scores AS
SELECT
    score.result_id,
    score.metric,
    score.filter,
    score.value,
    score.stderr,
    score.ci_low,
    score.ci_high,
    score.interval_method,
    score.n,
    score.n_errors,
    score.higher_is_better,
    score.is_primary,
    score.question_key,
    CASE
        WHEN 'invalid' IN (score.validity, judgement.validity) THEN 'invalid'
        WHEN 'degraded' IN (score.validity, judgement.validity) THEN 'degraded'
        ELSE 'valid'
    END AS validity,
    score.validity_reasons || coalesce(judgement.validity_reasons, '{}') AS validity_reasons,
    score.threshold,
    score.passed
FROM evallab_tables.scores AS score
INNER JOIN evallab_tables.results AS result ON result.id = score.result_id
LEFT JOIN evallab_tables.judgements AS judgement
    ON judgement.job_id = result.job_id AND judgement.index = result.index;

-- Every primary score of every job that has ended and was not deleted. What counts is decided here, for `history` and for latest_scores.
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
INNER JOIN evallab_tables.judged_scores AS score ON score.result_id = result.id AND score.is_primary
INNER JOIN evallab_tables.job_benchmarks AS benchmark
    ON benchmark.job_id = result.job_id AND benchmark.index = result.index
INNER JOIN evallab_tables.jobs AS job ON job.id = result.job_id
INNER JOIN evallab_tables.models AS model ON model.id = job.model_id
LEFT JOIN evallab_tables.provenance AS answered
    ON answered.job_id = result.job_id AND answered.attempt_id = result.attempt_id
WHERE job.state NOT IN ('pending', 'running') AND job.shown;

-- Of every model, benchmark and question key the newest usable primary score: what a leaderboard reads. Computed from
-- ended_scores, in the transaction that ends the job (queries add_latest_scores, forget_latest_scores).
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

-- ---------------------------------------------------------------------------------------------------------------
-- Rules that hold whoever writes
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION evallab_tables.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is insert-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', HINT = 'Run the job again: the newest result of a benchmark counts.';
END
$$;

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.results
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.scores
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.samples
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.sample_scores
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.comparisons
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.provenance
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.artifact_expirations
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evallab_tables.audit
FOR EACH STATEMENT EXECUTE FUNCTION evallab_tables.refuse_change();

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

-- Wakes whoever waits for a job (LISTEN evallab_job): the payload is the job's id.
CREATE FUNCTION evallab_tables.announce_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evallab_job', NEW.id);
    RETURN NULL;
END
$$;

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
