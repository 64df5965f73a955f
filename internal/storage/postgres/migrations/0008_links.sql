-- Links that are good once, and who is whom at another provider. Of a link there is the
-- hash of 256 random bits.
CREATE TABLE link (
	hash       BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
	kind       TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	email      TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX link_by_email ON link (email, kind, created_at);
CREATE INDEX link_by_end ON link (expires_at);

CREATE TABLE federated (
	issuer     TEXT COLLATE "C" NOT NULL,
	subject    TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject)
);
CREATE INDEX federated_by_user ON federated (user_id);
