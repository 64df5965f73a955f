-- What people prove themselves with beside a password. A TOTP secret is sealed with the
-- master key; of a recovery code there is a hash of 120 random bits.
ALTER TABLE session ADD COLUMN amr TEXT NOT NULL DEFAULT '[]';
ALTER TABLE session ADD COLUMN acr TEXT NOT NULL DEFAULT '';

CREATE TABLE passkey (
	handle          TEXT NOT NULL PRIMARY KEY,
	user_id         TEXT NOT NULL,
	credential_id   BLOB NOT NULL UNIQUE,
	public_key      BLOB NOT NULL,
	name            TEXT NOT NULL,
	transports      TEXT NOT NULL,
	aaguid          BLOB NOT NULL,
	attestation     TEXT NOT NULL,
	sign_count      INTEGER NOT NULL,
	backup_eligible INTEGER NOT NULL,
	backed_up       INTEGER NOT NULL,
	created_at      INTEGER NOT NULL,
	last_used_at    INTEGER NOT NULL,
	flagged_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_by_user ON passkey (user_id, created_at);

CREATE TABLE totp (
	user_id      TEXT NOT NULL PRIMARY KEY,
	sealed       BLOB NOT NULL,
	last_step    INTEGER NOT NULL,
	failures     INTEGER NOT NULL,
	created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
	user_id TEXT NOT NULL,
	hash    BLOB NOT NULL CHECK (length(hash) = 32),
	used_at INTEGER NOT NULL,
	PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
