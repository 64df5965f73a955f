-- Times are microseconds since 1970, 0 is "not set". Lists are JSON texts.

-- The one row that every change takes and numbers itself from.
CREATE TABLE head (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	audit INTEGER NOT NULL,
	feed  INTEGER NOT NULL
) STRICT;
INSERT INTO head (id, audit, feed) VALUES (1, 0, 0);

CREATE TABLE audit (
	seq        INTEGER PRIMARY KEY,
	at         INTEGER NOT NULL,
	event      TEXT NOT NULL,
	subject    TEXT NOT NULL,
	actor      TEXT NOT NULL,
	sid        TEXT NOT NULL,
	key_id     TEXT NOT NULL,
	route      TEXT NOT NULL,
	network    TEXT NOT NULL,
	request_id TEXT NOT NULL,
	detail     TEXT NOT NULL,
	leaf_hash  BLOB -- of the hash tree; NULL where there is none
) STRICT;
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE feed (
	seq  INTEGER PRIMARY KEY,
	at   INTEGER NOT NULL,
	kind TEXT NOT NULL,
	id   TEXT NOT NULL
) STRICT;

CREATE TABLE principal (
	id         TEXT NOT NULL PRIMARY KEY,
	kind       TEXT NOT NULL CHECK (kind IN ('user', 'service')),
	name       TEXT NOT NULL,
	password   TEXT NOT NULL,
	roles      TEXT NOT NULL,
	disabled   INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	UNIQUE (kind, name)
) STRICT;

CREATE TABLE session (
	sid            TEXT NOT NULL PRIMARY KEY,
	user_id        TEXT NOT NULL,
	secret_hash    BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
	prev_hash      BLOB,
	prev_auth_time INTEGER NOT NULL,
	rotated_at     INTEGER NOT NULL,
	confirmed      INTEGER NOT NULL,
	created_at     INTEGER NOT NULL,
	auth_time      INTEGER NOT NULL,
	last_seen_at   INTEGER NOT NULL,
	expires_at     INTEGER NOT NULL,
	networks       TEXT NOT NULL,
	device         TEXT NOT NULL,
	revoked_at     INTEGER NOT NULL,
	revoke_reason  TEXT NOT NULL
) STRICT;
CREATE INDEX session_by_prev ON session (prev_hash) WHERE prev_hash IS NOT NULL;
CREATE INDEX session_by_user ON session (user_id, created_at) WHERE revoked_at = 0;
CREATE INDEX session_by_created ON session (created_at) WHERE revoked_at = 0;
CREATE INDEX session_by_expires ON session (expires_at);
CREATE INDEX session_by_revoked ON session (revoked_at) WHERE revoked_at > 0;

CREATE TABLE api_key (
	id                TEXT NOT NULL PRIMARY KEY,
	owner             TEXT NOT NULL,
	env               TEXT NOT NULL,
	roles             TEXT NOT NULL,
	scopes            TEXT NOT NULL,
	networks          TEXT NOT NULL,
	rate              TEXT NOT NULL,
	pepper            INTEGER NOT NULL,
	mac               BLOB NOT NULL CHECK (length(mac) = 32),
	created_at        INTEGER NOT NULL,
	expires_at        INTEGER NOT NULL,
	revoked_at        INTEGER NOT NULL,
	replaces          TEXT NOT NULL,
	last_used_at      INTEGER NOT NULL,
	last_used_network TEXT NOT NULL
) STRICT;
CREATE INDEX api_key_by_owner ON api_key (owner);

CREATE TABLE server_key (
	purpose    TEXT NOT NULL,
	version    INTEGER NOT NULL,
	sealed     BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	retired_at INTEGER NOT NULL,
	PRIMARY KEY (purpose, version)
) STRICT;

CREATE TABLE csrf_spent (
	id         BLOB NOT NULL PRIMARY KEY,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX csrf_spent_by_expires ON csrf_spent (expires_at);
