-- The hash tree of the audit trail (RFC 6962). A row holds the hash of its own leaf and,
-- behind it, those of all subtrees that the leaf completes, 32 bytes each. NULL are rows
-- from before the tree, until they are taken into it.
ALTER TABLE audit RENAME COLUMN leaf_hash TO hashes;
CREATE INDEX audit_outside ON audit (seq) WHERE hashes IS NULL;
DROP TRIGGER audit_change ON audit;
CREATE TRIGGER audit_change BEFORE DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_update BEFORE UPDATE OF seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail ON audit
	FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_hashes BEFORE UPDATE OF hashes ON audit FOR EACH ROW WHEN (OLD.hashes IS NOT NULL) EXECUTE FUNCTION audit_refuse();

-- Signed checkpoints: the first size rows have the root that the note names.
CREATE TABLE audit_checkpoint (
	size BIGINT PRIMARY KEY,
	at   BIGINT NOT NULL,
	note TEXT COLLATE "C" NOT NULL
);
CREATE TRIGGER audit_checkpoint_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
	FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
