-- What all nodes count together: failed attempts to sign in and letters that were asked for,
-- by keyed hashes of names, and proofs and assertions that were used.
CREATE TABLE failure_count (
	id         BLOB NOT NULL PRIMARY KEY,
	state      BLOB NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failure_count_by_expires ON failure_count (expires_at);

CREATE TABLE used_proof (
	id         BLOB NOT NULL PRIMARY KEY,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_proof_by_expires ON used_proof (expires_at);
