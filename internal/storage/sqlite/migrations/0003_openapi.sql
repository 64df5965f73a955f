-- OpenAPI documents of backends: the one that is in force, and a changed one that waits
-- for approval.
CREATE TABLE openapi_document (
	upstream TEXT NOT NULL,
	state    TEXT NOT NULL CHECK (state IN ('approved', 'seen')),
	hash     BLOB NOT NULL CHECK (length(hash) = 32),
	source   BLOB NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (upstream, state)
) STRICT, WITHOUT ROWID;

-- Requests that no route took, without what names a thing.
CREATE TABLE unknown_request (
	method     TEXT NOT NULL,
	path       TEXT NOT NULL,
	count      INTEGER NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL,
	PRIMARY KEY (method, path)
) STRICT, WITHOUT ROWID;
