-- What jobs asked for and used.  A job adds a step up where it begins and a step down where it ends
-- (offset_ms: resources times milliseconds into the window of a day), which is enough to tell what was
-- held between any two days, however long the job and however old.  Rows outlive their jobs.
CREATE TABLE accounting (
    owner TEXT NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    window INTEGER NOT NULL,
    resources INTEGER NOT NULL,
    offset_ms INTEGER NOT NULL,
    PRIMARY KEY (owner, project, kind, window)
) WITHOUT ROWID;
ALTER TABLE batch_jobs ADD COLUMN accounted INTEGER NOT NULL DEFAULT 0;

CREATE TEMP TABLE ran AS SELECT
    jobs.id AS id,
    jobs.owner AS owner,
    coalesce(nullif(json_extract(text, '$.asked.project'), ''), 'default') AS project,
    json_array_length(text, '$.granted.assigned') AS resources,
    CAST(round(jobs.started_at * 1000) AS INTEGER) AS began,
    CAST(round(1000 * max(0.0,
        coalesce(json_extract(text, '$.granted.suspended_at'), jobs.finished_at)
        - jobs.started_at - coalesce(json_extract(text, '$.granted.suspended_s'), 0)
    )) AS INTEGER) AS used,
    CAST(round(
        1000 * min(3153600000.0, coalesce(json_extract(text, '$.granted.walltime_s'), 0))
    ) AS INTEGER) AS asked
FROM jobs JOIN (SELECT job_id, CAST(batch AS TEXT) AS text FROM batch_jobs) ON job_id = jobs.id
WHERE jobs.started_at IS NOT NULL AND jobs.finished_at IS NOT NULL
    AND json_array_length(text, '$.granted.assigned') > 0;

INSERT INTO accounting
SELECT owner, project, kind, at / 86400000, sum(resources), sum(resources * (at % 86400000)) FROM (
    SELECT owner, project, 'USED' AS kind, began AS at, resources FROM ran
    UNION ALL SELECT owner, project, 'USED', began + used, -resources FROM ran
    UNION ALL SELECT owner, project, 'ASKED', began, resources FROM ran
    UNION ALL SELECT owner, project, 'ASKED', began + asked, -resources FROM ran
) GROUP BY owner, project, kind, at / 86400000;
UPDATE batch_jobs SET accounted = 1
WHERE job_id IN (SELECT id FROM jobs WHERE finished_at IS NOT NULL);
DROP TABLE ran;
