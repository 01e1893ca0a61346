-- How an ended job is told of in OAR's words: Terminated or Error; NULL while it lives.  A job that
-- never began is Terminated to us and Error to OAR.  Only ended jobs are in the indexes, so a job's
-- life costs one entry in each; they end with the id, and counts read nothing else.
ALTER TABLE jobs ADD COLUMN ended_as TEXT;
UPDATE jobs SET ended_as = CASE
    WHEN outcome = 'failed' AND exit_code IS NULL AND signal IS NULL THEN 'Error'
    ELSE state
END WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (ended_as) WHERE ended_as IS NOT NULL;
CREATE INDEX jobs_by_owner_and_end ON jobs (owner, ended_as) WHERE ended_as IS NOT NULL;
