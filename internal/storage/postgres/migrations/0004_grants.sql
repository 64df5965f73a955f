-- Grants: what a person allowed a client. Each has a session of its own, which is what
-- its access tokens name and what ends it.
ALTER TABLE session ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'login';
ALTER TABLE session ADD COLUMN parent TEXT COLLATE "C" NOT NULL DEFAULT ''; -- sid of the login session of a grant
ALTER TABLE session ADD COLUMN client TEXT COLLATE "C" NOT NULL DEFAULT ''; -- client id of a grant
CREATE INDEX session_by_parent ON session (parent) WHERE parent <> '' AND revoked_at = 0;

-- The refresh tokens of a grant: one row for ever, no token in it.
CREATE TABLE refresh_family (
	id              BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	sid             TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES session (sid) ON DELETE CASCADE,
	client          TEXT COLLATE "C" NOT NULL,
	scope           TEXT COLLATE "C" NOT NULL,
	audience        TEXT COLLATE "C" NOT NULL,
	bind            BYTEA CHECK (length(bind) = 32), -- thumbprint of the client's key; NULL for none
	gen             BIGINT NOT NULL,
	rotated_at      BIGINT NOT NULL,
	rotated_from    TEXT COLLATE "C" NOT NULL, -- network
	confirmed       BIGINT NOT NULL,
	redeliveries    BIGINT NOT NULL,
	idle_expires_at BIGINT NOT NULL,
	retry_at        BIGINT NOT NULL, -- when the retries of the past are forgotten
	noted_at        BIGINT NOT NULL  -- last refusal in the audit trail
);

-- Authorization codes, used or not.
CREATE TABLE auth_code (
	hash         BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
	user_id      TEXT COLLATE "C" NOT NULL,
	sid          TEXT COLLATE "C" NOT NULL, -- of the login session
	client       TEXT COLLATE "C" NOT NULL,
	redirect_uri TEXT COLLATE "C" NOT NULL,
	scope        TEXT COLLATE "C" NOT NULL,
	audience     TEXT COLLATE "C" NOT NULL,
	challenge    TEXT COLLATE "C" NOT NULL, -- PKCE, S256
	nonce        TEXT COLLATE "C" NOT NULL,
	bind         BYTEA CHECK (length(bind) = 32),
	auth_time    BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT NOT NULL,
	granted      TEXT COLLATE "C" NOT NULL -- sid of the grant that it was exchanged for
);
CREATE INDEX auth_code_by_expires ON auth_code (expires_at);

-- When a signing key begins to sign; 0 for one that is only published yet.
ALTER TABLE server_key ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0;
UPDATE server_key SET active_at = created_at;
