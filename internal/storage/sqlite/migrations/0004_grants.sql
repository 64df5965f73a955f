-- Grants: what a person allowed a client. Each has a session of its own, which is what
-- its access tokens name and what ends it.
ALTER TABLE session ADD COLUMN kind TEXT NOT NULL DEFAULT 'login';
ALTER TABLE session ADD COLUMN parent TEXT NOT NULL DEFAULT ''; -- sid of the login session of a grant
ALTER TABLE session ADD COLUMN client TEXT NOT NULL DEFAULT ''; -- client id of a grant
CREATE INDEX session_by_parent ON session (parent) WHERE parent <> '' AND revoked_at = 0;

-- The refresh tokens of a grant: one row for ever, no token in it.
CREATE TABLE refresh_family (
	id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	sid             TEXT NOT NULL UNIQUE REFERENCES session (sid) ON DELETE CASCADE,
	client          TEXT NOT NULL,
	scope           TEXT NOT NULL,
	audience        TEXT NOT NULL,
	bind            BLOB CHECK (length(bind) = 32), -- thumbprint of the client's key; NULL for none
	gen             INTEGER NOT NULL,
	rotated_at      INTEGER NOT NULL,
	rotated_from    TEXT NOT NULL, -- network
	confirmed       INTEGER NOT NULL,
	redeliveries    INTEGER NOT NULL,
	idle_expires_at INTEGER NOT NULL,
	retry_at        INTEGER NOT NULL, -- when the retries of the past are forgotten
	noted_at        INTEGER NOT NULL  -- last refusal in the audit trail
) STRICT, WITHOUT ROWID;

-- Authorization codes, used or not.
CREATE TABLE auth_code (
	hash         BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
	user_id      TEXT NOT NULL,
	sid          TEXT NOT NULL, -- of the login session
	client       TEXT NOT NULL,
	redirect_uri TEXT NOT NULL,
	scope        TEXT NOT NULL,
	audience     TEXT NOT NULL,
	challenge    TEXT NOT NULL, -- PKCE, S256
	nonce        TEXT NOT NULL,
	bind         BLOB CHECK (length(bind) = 32),
	auth_time    INTEGER NOT NULL,
	created_at   INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	used_at      INTEGER NOT NULL,
	granted      TEXT NOT NULL -- sid of the grant that it was exchanged for
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_code_by_expires ON auth_code (expires_at);

-- When a signing key begins to sign; 0 for one that is only published yet.
ALTER TABLE server_key ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;
UPDATE server_key SET active_at = created_at;
