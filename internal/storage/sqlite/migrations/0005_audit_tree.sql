-- The hash tree of the audit trail (RFC 6962). A row holds the hash of its own leaf and,
-- behind it, those of all subtrees that the leaf completes, 32 bytes each. NULL are rows
-- from before the tree, until they are taken into it.
ALTER TABLE audit RENAME COLUMN leaf_hash TO hashes;
CREATE INDEX audit_outside ON audit (seq) WHERE hashes IS NULL;
DROP TRIGGER audit_update;
CREATE TRIGGER audit_update BEFORE UPDATE OF seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail ON audit
	BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_hashes BEFORE UPDATE OF hashes ON audit WHEN OLD.hashes IS NOT NULL
	BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- Signed checkpoints: the first size rows have the root that the note names.
CREATE TABLE audit_checkpoint (
	size INTEGER PRIMARY KEY,
	at   INTEGER NOT NULL,
	note TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_checkpoint_update BEFORE UPDATE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER audit_checkpoint_delete BEFORE DELETE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
