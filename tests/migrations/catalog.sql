-- Everything of a database that its schema decides. In the format of queries.sql; read by test_schema_equals_migrations.py.

-- name: columns
-- Tables and views with their columns.
SELECT
    c.oid::regclass::text, c.relkind, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_class AS c
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]) AND c.relkind IN ('r', 'v', 'p');

-- name: constraints
-- Constraints.
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]);

-- name: indexes
-- Indexes.
SELECT pg_get_indexdef(oid)
FROM pg_class WHERE relnamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]) AND relkind = 'i';

-- name: triggers
-- Triggers.
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal;

-- name: functions
-- Functions.
SELECT pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]);

-- name: views
-- Definitions of views.
SELECT oid::regclass::text, pg_get_viewdef(oid)
FROM pg_class WHERE relnamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]) AND relkind = 'v';

-- name: comments
-- Comments.
SELECT c.oid::regclass::text, d.objsubid, d.description
FROM pg_description AS d
INNER JOIN pg_class AS c
    ON c.oid = d.objoid AND c.relnamespace = ANY(ARRAY['evallab_tables', 'public']::regnamespace[]);
