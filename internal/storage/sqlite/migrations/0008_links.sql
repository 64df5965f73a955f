-- Links that are good once, and who is whom at another provider. Of a link there is the
-- hash of 256 random bits.
CREATE TABLE link (
	hash       BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
	kind       TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	email      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_email ON link (email, kind, created_at);
CREATE INDEX link_by_end ON link (expires_at);

CREATE TABLE federated (
	issuer     TEXT NOT NULL,
	subject    TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX federated_by_user ON federated (user_id);
