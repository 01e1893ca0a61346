-- Ids and sequence numbers are AUTOINCREMENT so that none is ever given again, not even after the
-- newest job was forgotten.  Columns that grow (status, config) come last: what is read without
-- them never touches their overflow pages.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid BLOB NOT NULL UNIQUE,
    plugin TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT,
    version INTEGER NOT NULL,
    created_at REAL NOT NULL,
    queued_at REAL,
    started_at REAL,
    finished_at REAL,
    timeout_s REAL,
    env BLOB,
    workdir TEXT,
    key_hash BLOB NOT NULL,
    handle BLOB,
    kill_by TEXT,
    kill_at REAL,
    exit_code INTEGER,
    signal INTEGER,
    reason TEXT,
    log_bytes INTEGER NOT NULL,
    log_removed_by TEXT,
    progress BLOB,
    status BLOB NOT NULL,
    config BLOB
);

-- Every index ends with the id (it is the rowid), so each serves pages in the order of ids.
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_plugin ON jobs (plugin);
CREATE INDEX jobs_by_owner ON jobs (owner);
CREATE INDEX jobs_by_created_at ON jobs (created_at);
CREATE INDEX jobs_by_finished_at ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_with_log ON jobs (finished_at, log_bytes)
    WHERE log_bytes > 0 AND log_removed_by IS NULL AND finished_at IS NOT NULL;

-- A config never changes.  A large one is kept here, so that a change of the job's row does not
-- write it again; jobs.config is then NULL.
CREATE TABLE large_configs (
    job_id INTEGER PRIMARY KEY,
    config BLOB NOT NULL
);

-- Kept by the triggers below, so that neither a start nor a count looks at every job.
CREATE TABLE job_totals (
    state TEXT NOT NULL,
    outcome TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    PRIMARY KEY (state, outcome)
) WITHOUT ROWID;

CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
    INSERT INTO job_totals VALUES (
        new.state, ifnull(new.outcome, ''), 1, iif(new.log_removed_by IS NULL, new.log_bytes, 0)
    ) ON CONFLICT DO UPDATE SET
        jobs = jobs + 1, log_bytes = log_bytes + excluded.log_bytes;
END;

CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs BEGIN
    UPDATE job_totals SET
        jobs = jobs - 1,
        log_bytes = log_bytes - iif(old.log_removed_by IS NULL, old.log_bytes, 0)
    WHERE state = old.state AND outcome = ifnull(old.outcome, '');
END;

CREATE TRIGGER jobs_updated AFTER UPDATE OF state, outcome, log_bytes, log_removed_by ON jobs
WHEN old.state <> new.state OR old.outcome IS NOT new.outcome
    OR old.log_bytes <> new.log_bytes OR old.log_removed_by IS NOT new.log_removed_by
BEGIN
    UPDATE job_totals SET
        jobs = jobs - 1,
        log_bytes = log_bytes - iif(old.log_removed_by IS NULL, old.log_bytes, 0)
    WHERE state = old.state AND outcome = ifnull(old.outcome, '');
    INSERT INTO job_totals VALUES (
        new.state, ifnull(new.outcome, ''), 1, iif(new.log_removed_by IS NULL, new.log_bytes, 0)
    ) ON CONFLICT DO UPDATE SET
        jobs = jobs + 1, log_bytes = log_bytes + excluded.log_bytes;
END;

CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    version INTEGER NOT NULL,
    detail BLOB
);
CREATE INDEX timeline_by_job ON timeline (job_id);

CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    job_id INTEGER NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);
CREATE INDEX idempotency_keys_by_at ON idempotency_keys (at);

CREATE TABLE tombstones (
    nth INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL UNIQUE,
    uuid BLOB NOT NULL UNIQUE,
    rule TEXT NOT NULL,
    at REAL NOT NULL
);

-- What a check of the journal writes.
CREATE TABLE checks (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
);
