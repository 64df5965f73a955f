-- What all nodes count together: failed attempts to sign in and letters that were asked for,
-- by keyed hashes of names.
CREATE TABLE failure_count (
	id         BLOB NOT NULL PRIMARY KEY,
	state      BLOB NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failure_count_by_expires ON failure_count (expires_at);
