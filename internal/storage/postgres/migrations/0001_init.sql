-- Times are microseconds since 1970, 0 is "not set". Lists are JSON texts. Texts are
-- compared and ordered by their bytes, as SQLite does.

-- The one row that every change takes and numbers itself from.
CREATE TABLE head (
	id    BIGINT PRIMARY KEY CHECK (id = 1),
	audit BIGINT NOT NULL,
	feed  BIGINT NOT NULL
);
INSERT INTO head (id, audit, feed) VALUES (1, 0, 0);

CREATE TABLE audit (
	seq        BIGINT PRIMARY KEY,
	at         BIGINT NOT NULL,
	event      TEXT COLLATE "C" NOT NULL,
	subject    TEXT COLLATE "C" NOT NULL,
	actor      TEXT COLLATE "C" NOT NULL,
	sid        TEXT COLLATE "C" NOT NULL,
	key_id     TEXT COLLATE "C" NOT NULL,
	route      TEXT COLLATE "C" NOT NULL,
	network    TEXT COLLATE "C" NOT NULL,
	request_id TEXT COLLATE "C" NOT NULL,
	detail     TEXT COLLATE "C" NOT NULL,
	leaf_hash  BYTEA -- of the hash tree; NULL where there is none
);
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$;
CREATE TRIGGER audit_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE feed (
	seq  BIGINT PRIMARY KEY,
	at   BIGINT NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	id   TEXT COLLATE "C" NOT NULL
);

-- Wakes the nodes that listen. The hint is sent when the transaction commits.
CREATE FUNCTION feed_notify() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_notify('sanmon_feed', ''); RETURN NULL; END $$;
CREATE TRIGGER feed_insert AFTER INSERT ON feed FOR EACH STATEMENT EXECUTE FUNCTION feed_notify();

CREATE TABLE principal (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'service')),
	name       TEXT COLLATE "C" NOT NULL,
	password   TEXT COLLATE "C" NOT NULL,
	roles      TEXT COLLATE "C" NOT NULL,
	disabled   BIGINT NOT NULL,
	version    BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	UNIQUE (kind, name)
);

CREATE TABLE session (
	sid            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	user_id        TEXT COLLATE "C" NOT NULL,
	secret_hash    BYTEA NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
	prev_hash      BYTEA,
	prev_auth_time BIGINT NOT NULL,
	rotated_at     BIGINT NOT NULL,
	confirmed      BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	auth_time      BIGINT NOT NULL,
	last_seen_at   BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	networks       TEXT COLLATE "C" NOT NULL,
	device         TEXT COLLATE "C" NOT NULL,
	revoked_at     BIGINT NOT NULL,
	revoke_reason  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX session_by_prev ON session (prev_hash) WHERE prev_hash IS NOT NULL;
CREATE INDEX session_by_user ON session (user_id, created_at) WHERE revoked_at = 0;
CREATE INDEX session_by_created ON session (created_at) WHERE revoked_at = 0;
CREATE INDEX session_by_expires ON session (expires_at);
CREATE INDEX session_by_revoked ON session (revoked_at) WHERE revoked_at > 0;

CREATE TABLE api_key (
	id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	owner             TEXT COLLATE "C" NOT NULL,
	env               TEXT COLLATE "C" NOT NULL,
	roles             TEXT COLLATE "C" NOT NULL,
	scopes            TEXT COLLATE "C" NOT NULL,
	networks          TEXT COLLATE "C" NOT NULL,
	rate              TEXT COLLATE "C" NOT NULL,
	pepper            BIGINT NOT NULL,
	mac               BYTEA NOT NULL CHECK (length(mac) = 32),
	created_at        BIGINT NOT NULL,
	expires_at        BIGINT NOT NULL,
	revoked_at        BIGINT NOT NULL,
	replaces          TEXT COLLATE "C" NOT NULL,
	last_used_at      BIGINT NOT NULL,
	last_used_network TEXT COLLATE "C" NOT NULL
);
CREATE INDEX api_key_by_owner ON api_key (owner);

CREATE TABLE server_key (
	purpose    TEXT COLLATE "C" NOT NULL,
	version    BIGINT NOT NULL,
	sealed     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	retired_at BIGINT NOT NULL,
	PRIMARY KEY (purpose, version)
);

CREATE TABLE csrf_spent (
	id         BYTEA NOT NULL PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX csrf_spent_by_expires ON csrf_spent (expires_at);
