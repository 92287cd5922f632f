-- The statements that a server asks besides: pages, deletion, the queue, the catalogue. In the format of queries.sql.

-- --------------------------------------------------------------------------------------------------- pages of jobs

-- name: job_page
-- A page of jobs, newest first, beside how many there are. Jobs with their total come back, or one row with only the
-- total. Everything that is not asked is NULL and vanishes when the statement is planned, so a list without a filter
-- walks an index to its limit and counts nothing. Tenants see their own jobs and those of "system".
WITH job AS NOT MATERIALIZED (
    SELECT id, created_at FROM evallab_tables.jobs
    WHERE
        shown
        AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s::text OR owner = 'system')
        AND (%(states)s::text [] IS NULL OR state = ANY(%(states)s::text []))
        AND (%(no_states)s::text [] IS NULL OR state <> ALL(%(no_states)s::text []))
        AND (%(names)s::text [] IS NULL OR name = ANY(%(names)s::text []))
        AND (%(no_names)s::text [] IS NULL OR name <> ALL(%(no_names)s::text []))
        AND (%(owners)s::text [] IS NULL OR owner = ANY(%(owners)s::text []))
        AND (%(no_owners)s::text [] IS NULL OR owner IS NULL OR owner <> ALL(%(no_owners)s::text []))
        AND (%(all_tags)s::text [] IS NULL OR tags ?& %(all_tags)s::text [])
        AND (
            %(tags)s::jsonb IS NULL
            OR NOT EXISTS (
                SELECT FROM jsonb_to_recordset(%(tags)s::jsonb) AS clause (either text [], lacks text [])
                WHERE NOT (tags ?| clause.either OR NOT tags ?& clause.lacks)
            )
        )
        AND (%(all_experiments)s::text [] IS NULL OR experiment @> %(all_experiments)s::text [])
        AND (
            %(experiments)s::jsonb IS NULL
            OR NOT EXISTS (
                SELECT FROM jsonb_to_recordset(%(experiments)s::jsonb) AS clause (either text [], lacks text [])
                WHERE NOT (
                    coalesce(experiment, '{}') && clause.either OR NOT coalesce(experiment, '{}') @> clause.lacks
                )
            )
        )
), page AS MATERIALIZED (
    SELECT id FROM job
    WHERE
        %(after_created_at)s::timestamptz IS NULL
        OR (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::text)
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s OFFSET %(offset)s
)

SELECT
    CASE
        WHEN %(filtered)s THEN (SELECT count(*) FROM job)
        ELSE (
            SELECT coalesce(sum(counted.jobs), 0)::bigint
            FROM evallab_tables.job_counts AS counted
            WHERE %(tenant)s::text IS NULL OR counted.tenant = %(tenant)s::text OR counted.of_system
        )
    END AS jobs_in_all,
    listed.id, listed.tenant, listed.owner, listed.created_at, listed.updated_at, listed.finished_at
FROM (SELECT) AS once
LEFT JOIN evallab_tables.jobs AS listed ON listed.id = ANY(ARRAY(SELECT id FROM page))
ORDER BY listed.created_at DESC, listed.id DESC;

-- name: unfiltered_job_page
-- The same where nothing is asked: for all tenants, planned once.
WITH page AS MATERIALIZED (
    SELECT id FROM evallab_tables.jobs
    WHERE
        shown
        AND (created_at, id) < (
            coalesce(%(after_created_at)s::timestamptz, 'infinity'), coalesce(%(after_id)s::text, '')
        )
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s OFFSET %(offset)s
)

SELECT
    (SELECT coalesce(sum(counted.jobs), 0)::bigint FROM evallab_tables.job_counts AS counted) AS jobs_in_all,
    listed.id, listed.tenant, listed.owner, listed.created_at, listed.updated_at, listed.finished_at
FROM (SELECT) AS once
LEFT JOIN evallab_tables.jobs AS listed ON listed.id = ANY(ARRAY(SELECT id FROM page))
ORDER BY listed.created_at DESC, listed.id DESC;

-- name: job_stamp
-- By what one notices that a job changed.
SELECT id, tenant, owner, created_at, updated_at, finished_at
FROM evallab_tables.jobs
WHERE id = %(job_id)s AND shown;

-- name: views
-- Some jobs, whole.
SELECT id, spec, job, parts FROM evallab_tables.job_snapshots
WHERE id = ANY(%(job_ids)s::text []) AND shown;

-- -------------------------------------------------------------------------------------------------- keys, deletion

-- name: job_of_key
-- The job that was made with a key.
SELECT id, coalesce(encode(request_hash, 'hex'), '') AS request_hash FROM evallab_tables.jobs
WHERE
    coalesce(tenant, '') = coalesce(%(tenant)s::text, '') AND idempotency_key = %(idempotency_key)s
    AND shown;

-- name: delete_job
-- Hide a job, and cancel it unless it has ended; no row comes back when it was hidden before.
UPDATE evallab_tables.jobs
SET
    deleted_at = %(now)s,
    cancel_requested = cancel_requested OR state IN ('pending', 'running'),
    updated_at = greatest(updated_at, %(now)s)
WHERE id = %(job_id)s AND shown
RETURNING id;

-- name: was_deleted
-- Whether there was such a job.
SELECT EXISTS (SELECT FROM evallab_tables.jobs WHERE id = %(job_id)s AND deleted_at IS NOT NULL) AS found;

-- name: drop_baselines
-- A deleted job is no baseline and holds no files.
WITH pin AS (DELETE FROM evallab_tables.pins WHERE job_id = %(job_id)s)
DELETE FROM evallab_tables.baselines WHERE job_id = %(job_id)s;

-- ------------------------------------------------------------------------------------------------------- the queue

-- name: queue
-- The part of a runtime's queue that somebody must look at: who runs, who is next, who waits no longer.
WITH seen AS (
    (SELECT id FROM evallab_tables.jobs WHERE runtime = %(runtime)s AND state = 'running')
    UNION
    (
        SELECT id FROM evallab_tables.jobs
        WHERE runtime = %(runtime)s AND state = 'pending'
        ORDER BY priority DESC, created_at, id
        LIMIT %(first)s
    )
    UNION
    (SELECT id FROM evallab_tables.jobs WHERE runtime = %(runtime)s AND state = 'pending' AND cancel_requested)
    UNION
    (SELECT id FROM evallab_tables.jobs WHERE runtime = %(runtime)s AND state = 'pending' AND deadline <= %(now)s)
)

SELECT
    job.id, job.state = 'running' AS running, job.shares, job.attached, job.cancel_requested, job.created_at,
    job.deadline,
    CASE
        WHEN job.shares OR job.spec #>> '{hardware,gpu}' IS NULL THEN 0
        ELSE coalesce((job.spec #>> '{hardware,gpu,count}')::integer, 1)
    END AS gpus
FROM evallab_tables.jobs AS job
WHERE job.id = ANY(ARRAY(SELECT id FROM seen))
ORDER BY job.priority DESC, job.created_at, job.id;

-- name: queue_position
-- How many wait before a job that waits, itself included.
SELECT
    (
        SELECT count(*)
        FROM evallab_tables.jobs AS job
        WHERE
            job.runtime = own.runtime
            AND job.state = 'pending'
            AND (
                job.priority > own.priority
                OR (job.priority = own.priority AND (job.created_at, job.id) <= (own.created_at, own.id))
            )
    ) AS place
FROM evallab_tables.jobs AS own
WHERE own.id = %(job_id)s AND own.state = 'pending' AND own.shown;

-- --------------------------------------------------------------------------------------------------- the catalogue

-- name: save_entry
-- Insert an entry or replace its body, audited.
WITH saved AS (
    INSERT INTO evallab_tables.entries AS entry (kind, id, tenant, owner, created_at, updated_at, body)
    VALUES (%(kind)s, %(id)s, %(tenant)s, %(owner)s, %(created_at)s, %(updated_at)s, %(body)s)
    ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at
    RETURNING kind, id
)

INSERT INTO evallab_tables.audit (at, actor, action, detail)
SELECT %(updated_at)s, %(actor)s, 'save_' || kind, jsonb_build_object('id', id) FROM saved
ON CONFLICT DO NOTHING;

-- name: fetch_entry
-- One entry.
SELECT kind, id, tenant, owner, created_at, updated_at, body FROM evallab_tables.entries
WHERE kind = %(kind)s AND id = %(id)s;

-- name: list_entries
-- All entries of a kind, oldest first.
SELECT kind, id, tenant, owner, created_at, updated_at, body FROM evallab_tables.entries
WHERE kind = %(kind)s
ORDER BY created_at, id;

-- name: delete_entry
-- Delete an entry, audited; no row comes back when there was none.
WITH deleted AS (
    DELETE FROM evallab_tables.entries WHERE kind = %(kind)s AND id = %(id)s RETURNING kind, id
), audited AS (
    INSERT INTO evallab_tables.audit (at, actor, action, detail)
    SELECT %(now)s, %(actor)s, 'delete_' || kind, jsonb_build_object('id', id) FROM deleted
    ON CONFLICT DO NOTHING
)

SELECT id FROM deleted;
