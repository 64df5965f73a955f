-- held_at: since when a key waits for a person, because the store was put back to an earlier
-- state and may not know that the key was revoked; 0: it does not wait.
ALTER TABLE api_key ADD COLUMN held_at BIGINT NOT NULL DEFAULT 0;

-- Anchors that this store was found behind, and what that asks for was done: once for each.
CREATE TABLE restored (
	size BIGINT NOT NULL,
	root BYTEA NOT NULL CHECK (length(root) = 32),
	at   BIGINT NOT NULL,
	PRIMARY KEY (size, root)
);
