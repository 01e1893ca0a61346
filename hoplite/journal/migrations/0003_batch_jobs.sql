-- What jobs ask of the batch system and were given, as JSON.  In a table of its own, so that jobs
-- without it cost what they did.
CREATE TABLE batch_jobs (
    job_id INTEGER PRIMARY KEY,
    array_id INTEGER NOT NULL,
    batch BLOB NOT NULL
);
CREATE INDEX batch_jobs_by_array ON batch_jobs (array_id);
