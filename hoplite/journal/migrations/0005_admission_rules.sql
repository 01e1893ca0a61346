-- Every version of every admission rule; the newest of each is the rule, unless it is deleted.
CREATE TABLE admission_rules (
    id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    rule TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (id, version)
) WITHOUT ROWID;
