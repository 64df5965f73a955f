-- OpenAPI documents of backends: the one that is in force, and a changed one that waits
-- for approval.
CREATE TABLE openapi_document (
	upstream TEXT COLLATE "C" NOT NULL,
	state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('approved', 'seen')),
	hash     BYTEA NOT NULL CHECK (length(hash) = 32),
	source   BYTEA NOT NULL,
	at       BIGINT NOT NULL,
	PRIMARY KEY (upstream, state)
);

-- Requests that no route took, without what names a thing.
CREATE TABLE unknown_request (
	method     TEXT COLLATE "C" NOT NULL,
	path       TEXT COLLATE "C" NOT NULL,
	count      BIGINT NOT NULL,
	first_seen BIGINT NOT NULL,
	last_seen  BIGINT NOT NULL,
	PRIMARY KEY (method, path)
);
