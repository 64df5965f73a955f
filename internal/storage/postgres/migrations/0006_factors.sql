-- What people prove themselves with beside a password. A TOTP secret is sealed with the
-- master key; of a recovery code there is a hash of 120 random bits.
ALTER TABLE session ADD COLUMN amr TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE session ADD COLUMN acr TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE passkey (
	handle          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	user_id         TEXT COLLATE "C" NOT NULL,
	credential_id   BYTEA NOT NULL UNIQUE,
	public_key      BYTEA NOT NULL,
	name            TEXT COLLATE "C" NOT NULL,
	transports      TEXT COLLATE "C" NOT NULL,
	aaguid          BYTEA NOT NULL,
	attestation     TEXT COLLATE "C" NOT NULL,
	sign_count      BIGINT NOT NULL,
	backup_eligible BIGINT NOT NULL,
	backed_up       BIGINT NOT NULL,
	created_at      BIGINT NOT NULL,
	last_used_at    BIGINT NOT NULL,
	flagged_at      BIGINT NOT NULL
);
CREATE INDEX passkey_by_user ON passkey (user_id, created_at);

CREATE TABLE totp (
	user_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	sealed       BYTEA NOT NULL,
	last_step    BIGINT NOT NULL,
	failures     BIGINT NOT NULL,
	created_at   BIGINT NOT NULL
);

CREATE TABLE recovery_code (
	user_id TEXT COLLATE "C" NOT NULL,
	hash    BYTEA NOT NULL CHECK (length(hash) = 32),
	used_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, hash)
);
