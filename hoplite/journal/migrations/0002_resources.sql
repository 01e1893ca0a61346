-- The standard columns are those of OAR's table; state_num follows from state.  The properties that
-- administrators added are a JSON object.  The sequence keeps an id from ever being given again.
CREATE TABLE resources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    network_address TEXT NOT NULL,
    state TEXT NOT NULL,
    type TEXT NOT NULL,
    cpuset INTEGER NOT NULL,
    available_upto INTEGER NOT NULL,
    last_available_upto INTEGER NOT NULL,
    next_state TEXT NOT NULL,
    finaud_decision TEXT NOT NULL,
    next_finaud_decision TEXT NOT NULL,
    suspended_jobs TEXT NOT NULL,
    scheduler_priority INTEGER NOT NULL,
    besteffort TEXT NOT NULL,
    deploy TEXT NOT NULL,
    desktop_computing TEXT NOT NULL,
    drain TEXT NOT NULL,
    expiry_date INTEGER NOT NULL,
    last_job_date INTEGER NOT NULL,
    properties TEXT NOT NULL
);

-- The properties that administrators added.
CREATE TABLE resource_properties (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL
) WITHOUT ROWID;

-- The timeline tells of resources too: such entries have job_id 0 and an empty uuid.
