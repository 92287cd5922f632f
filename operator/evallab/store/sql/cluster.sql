-- The statements of cluster mode: what pods leave, files that replicas share, what somebody asks of a job. In the format
-- of queries.sql.

-- name: listen_to_cluster
-- Hear of jobs of the cluster that somebody must look at (see function "announce_cluster_jobs").
LISTEN evallab_jobs;

-- name: fetch_attempt
-- One attempt with its job, also of a deleted one.
SELECT
    owner.spec, owner.job,
    (
        SELECT to_json(own)
        FROM (
            SELECT
                attempt.id, attempt.job_id, attempt.index, attempt.number, attempt.state, attempt.handle,
                attempt.created_at, attempt.started_at, attempt.finished_at, attempt.stop_requested,
                attempt.exit_code, attempt.exit_signal, attempt.reason, attempt.message
        ) AS own
    ) AS attempt
FROM evallab_tables.attempts AS attempt
INNER JOIN evallab_tables.job_snapshots AS owner ON owner.id = attempt.job_id
WHERE attempt.id = %(attempt_id)s;

-- --------------------------------------------------------------------------------------------------------- leavings

-- name: share_leavings
-- Hand in a piece while nobody seals. A statement of its own: the next one sees what was sealed before.
SELECT pg_advisory_xact_lock_shared(hashtextextended('evallab_leavings ' || %(attempt_id)s, 0));

-- name: lock_leavings
-- Seal while nobody hands a piece in.
SELECT pg_advisory_xact_lock(hashtextextended('evallab_leavings ' || %(attempt_id)s, 0));

-- name: leavings_of_attempt
-- Whether pieces of an attempt are still wanted, and how many, of how many bytes, there are beside one.
SELECT
    NOT job.shown OR EXISTS (
        SELECT FROM evallab_tables.seals AS seal WHERE seal.attempt_id = attempt.id
    ) AS unwanted,
    other.bytes, other.pieces
FROM evallab_tables.attempts AS attempt
INNER JOIN evallab_tables.jobs AS job ON job.id = attempt.job_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(piece.bytes), 0)::bigint AS bytes, count(*) AS pieces
    FROM evallab_tables.leavings AS piece
    WHERE
        piece.attempt_id = attempt.id
        AND (piece.area, piece.name, piece.start) <> (%(area)s::text, %(name)s::text, %(start)s::bigint)
) AS other
WHERE attempt.id = %(attempt_id)s;

-- name: put_leaving
-- Keep a piece, in place of the one that began at the same byte.
INSERT INTO evallab_tables.leavings (attempt_id, area, name, start, content)
VALUES (%(attempt_id)s, %(area)s, %(name)s, %(start)s, %(content)b)
ON CONFLICT (attempt_id, area, name, start) DO UPDATE SET content = excluded.content;

-- name: list_leavings
-- The files that attempts left, each up to its first gap; `whole` when no piece lies behind one.
WITH piece AS (
    SELECT
        attempt_id, area, name, start, start + bytes AS stop,
        coalesce(
            max(start + bytes) OVER (
                PARTITION BY attempt_id, area, name
                ORDER BY start
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0
        ) AS reached
    FROM evallab_tables.leavings
    WHERE attempt_id = ANY(%(attempt_ids)s::text [])
), gap AS (
    SELECT attempt_id, area, name, min(start) AS start FROM piece WHERE start > reached GROUP BY 1, 2, 3
)

SELECT
    piece.attempt_id, piece.area, piece.name,
    coalesce(max(piece.stop) FILTER (WHERE gap.start IS NULL OR piece.start < gap.start), 0) AS bytes,
    bool_and(gap.start IS NULL) AS whole
FROM piece
LEFT JOIN gap ON gap.attempt_id = piece.attempt_id AND gap.area = piece.area AND gap.name = piece.name
GROUP BY 1, 2, 3
ORDER BY piece.attempt_id, piece.area, piece.name COLLATE "C";

-- name: read_leaving
-- The newest-begun piece of a file that holds a byte, from that byte on.
SELECT substring(content FROM (%(at)s - start + 1)::integer) AS content
FROM evallab_tables.leavings
WHERE
    attempt_id = %(attempt_id)s AND area = %(area)s AND name = %(name)s
    AND start <= %(at)s AND start + bytes > %(at)s
ORDER BY start DESC
LIMIT 1;

-- name: earlier_attempts
-- The attempts of the same benchmark before one, newest first.
SELECT earlier.id
FROM evallab_tables.attempts AS own
INNER JOIN evallab_tables.attempts AS earlier
    ON earlier.job_id = own.job_id AND earlier.index = own.index AND earlier.number < own.number
WHERE own.id = %(attempt_id)s
ORDER BY earlier.number DESC;

-- name: trim_leavings
-- Forget the pieces that begin behind the ends of their files, which became shorter while they were handed in.
DELETE FROM evallab_tables.leavings AS piece
USING jsonb_to_recordset(%(files)s) AS file (area text, name text, bytes bigint)
WHERE
    piece.attempt_id = %(attempt_id)s AND piece.area = file.area AND piece.name = file.name
    AND piece.start >= file.bytes;

-- name: hash_leavings
-- What files of one piece hash to.
SELECT whole.area, whole.name, encode(sha256(whole.content), 'hex') AS sha256
FROM evallab_tables.leavings AS whole
WHERE
    whole.attempt_id = %(attempt_id)s AND whole.start = 0
    AND NOT EXISTS (
        SELECT FROM evallab_tables.leavings AS other
        WHERE
            other.attempt_id = whole.attempt_id AND other.area = whole.area AND other.name = whole.name
            AND other.start > 0
    );

-- name: drop_leaving
-- Forget one file.
DELETE FROM evallab_tables.leavings WHERE attempt_id = %(attempt_id)s AND area = %(area)s AND name = %(name)s;

-- name: add_seal
-- Note that an attempt left everything, once.
INSERT INTO evallab_tables.seals (attempt_id, body, sealed_at)
VALUES (%(attempt_id)s, %(body)s, %(now)s)
ON CONFLICT (attempt_id) DO NOTHING;

-- name: fetch_seal
-- What an attempt was sealed with.
SELECT body FROM evallab_tables.seals WHERE attempt_id = %(attempt_id)s;

-- name: drop_leavings
-- Forget what the attempts of a job left.
DELETE FROM evallab_tables.leavings
WHERE attempt_id IN (SELECT id FROM evallab_tables.attempts WHERE job_id = %(job_id)s);

-- name: drop_seals
-- Forget that the attempts of a job were sealed.
DELETE FROM evallab_tables.seals
WHERE attempt_id IN (SELECT id FROM evallab_tables.attempts WHERE job_id = %(job_id)s);

-- ------------------------------------------------------------------------------------------------------------ blobs

-- name: share_blobs
-- Keep a file while nobody sweeps: its parts stay together.
SELECT pg_advisory_xact_lock_shared(hashtextextended('evallab_blobs', 0));

-- name: lock_blobs
-- Sweep while nobody keeps a file.
SELECT pg_advisory_xact_lock(hashtextextended('evallab_blobs', 0));

-- name: renew_blob
-- Say that a file is kept anew, if it is there: its row is about to be written. A row comes back when it is.
UPDATE evallab_tables.blobs SET kept_at = clock_timestamp() WHERE path = %(path)s AND part = 0 RETURNING path;

-- name: put_blob
-- Keep one part of a file.
INSERT INTO evallab_tables.blobs (path, part, content) VALUES (%(path)s, %(part)s, %(content)b)
ON CONFLICT (path, part) DO NOTHING;

-- name: fetch_blob
-- Some parts of a file, from one on.
SELECT content FROM evallab_tables.blobs
WHERE path = %(path)s AND part >= %(first)s
ORDER BY part
LIMIT %(most)s;

-- name: sweep_blobs
-- Remove the files that no row needs: all, or those of one job. What was kept within the hour stays, because whoever
-- keeps a file has yet to write its row; judged by this server's clock only, like leases.
DELETE FROM evallab_tables.blobs
WHERE
    path IN (
        SELECT kept.path
        FROM evallab_tables.blobs AS kept
        WHERE
            kept.part = 0
            AND kept.kept_at < clock_timestamp() - interval '1 hour'
            AND (
                %(job_id)s::text IS NULL
                OR kept.path IN (SELECT path FROM evallab_tables.artifacts WHERE job_id = %(job_id)s::text)
            )
            AND NOT EXISTS (
                SELECT FROM evallab_tables.artifacts AS artifact
                INNER JOIN evallab_tables.jobs AS job ON job.id = artifact.job_id
                WHERE
                    artifact.path = kept.path
                    AND (job.shown OR job.state IN ('pending', 'running'))
                    AND NOT EXISTS (
                        SELECT FROM evallab_tables.artifact_expirations AS expiration
                        WHERE expiration.artifact_id = artifact.id
                    )
            )
    );

-- ------------------------------------------------------------------------------------------ what is asked of a job

-- name: set_suspended
-- Let a job wait or go on, audited; no row comes back when it does already.
WITH asked AS (
    UPDATE evallab_tables.jobs
    SET suspended = %(suspended)s, updated_at = greatest(updated_at, %(now)s)
    WHERE id = %(job_id)s AND suspended <> %(suspended)s AND shown
    RETURNING id
), audited AS (
    INSERT INTO evallab_tables.audit (at, actor, action, job_id, detail)
    SELECT %(now)s, %(actor)s, CASE WHEN %(suspended)s THEN 'suspend_job' ELSE 'unsuspend_job' END, id, '{}' FROM asked
    ON CONFLICT DO NOTHING
)

SELECT id FROM asked;

-- name: set_priority
-- Change how early a job is served, audited; no row comes back when it is so already.
WITH asked AS (
    UPDATE evallab_tables.jobs
    SET
        spec = jsonb_set(spec, '{priority}', to_jsonb(%(priority)s::integer)),
        updated_at = greatest(updated_at, %(now)s)
    WHERE id = %(job_id)s AND priority <> %(priority)s::integer AND shown
    RETURNING id
), audited AS (
    INSERT INTO evallab_tables.audit (at, actor, action, job_id, detail)
    SELECT %(now)s, %(actor)s, 'set_priority', id, jsonb_build_object('priority', %(priority)s::integer) FROM asked
    ON CONFLICT DO NOTHING
)

SELECT id FROM asked;
