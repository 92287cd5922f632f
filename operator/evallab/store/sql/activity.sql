-- What goes on: what arrived, whether a job changed, how much waits. Same rules as in queries.sql.

-- name: order_events
-- Let events become visible in the order of their numbers, so that whoever read up to one has missed none.
SELECT pg_advisory_xact_lock(hashtextextended('evallab_events', 0));

-- name: list_events_after
-- The events of a job that arrived after a number, in that order.
SELECT
    event.arrival, attempt.index, event.id, event.attempt_id, event.received_at, event.body, event.late
FROM evallab_tables.events AS event
INNER JOIN evallab_tables.attempts AS attempt ON attempt.id = event.attempt_id
WHERE attempt.job_id = %(job_id)s AND event.arrival > %(arrival)s
ORDER BY event.arrival
LIMIT %(limit)s;

-- name: job_pulse
-- What changes whenever a client could see a difference in a job.
SELECT
    md5(
        concat_ws(
            E'\n', job.state, job.reason, job.message, job.started_at, job.finished_at, job.cancel_requested,
            job.resumed_at, job.model_server, job.suspended,
            (
                SELECT string_agg(benchmark::text, E'\n' ORDER BY benchmark.index)
                FROM evallab_tables.job_benchmarks AS benchmark
                WHERE benchmark.job_id = job.id
            ),
            (
                SELECT string_agg(attempt.id || attempt.state, ' ' ORDER BY attempt.id)
                FROM evallab_tables.attempts AS attempt
                WHERE attempt.job_id = job.id
            ),
            (
                SELECT max(event.arrival)
                FROM evallab_tables.events AS event
                INNER JOIN evallab_tables.attempts AS attempt ON attempt.id = event.attempt_id
                WHERE attempt.job_id = job.id
            ),
            (SELECT count(*) FROM evallab_tables.results AS result WHERE result.job_id = job.id)
        )
    ) AS pulse
FROM evallab_tables.jobs AS job
WHERE job.id = %(job_id)s AND job.shown;

-- name: count_activity
-- What waits and runs. Each part is read off an index, since a server asks before it takes a job in.
SELECT
    count(*) FILTER (WHERE job.state = 'pending') AS waiting,
    count(*) FILTER (WHERE job.state = 'running') AS running,
    (
        SELECT count(*)
        FROM evallab_tables.attempts AS attempt
        INNER JOIN evallab_tables.jobs AS its ON its.id = attempt.job_id AND its.shown
        WHERE attempt.state IN ('starting', 'running') AND its.state IN ('pending', 'running')
    ) AS attempts
FROM evallab_tables.jobs AS job
WHERE job.state IN ('pending', 'running') AND job.shown;

-- name: list_not_detached
-- Which of these jobs have ended, or live with a command.
SELECT id FROM evallab_tables.jobs WHERE id = ANY(%(job_ids)s) AND (attached OR finished_at IS NOT NULL);
