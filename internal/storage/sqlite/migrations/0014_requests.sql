-- Which events name a request, so that sanmon explain finds them. This follows from the
-- trail and proves nothing: whoever reads it looks at the event.
CREATE INDEX audit_by_request ON audit (request_id, seq) WHERE request_id <> '' AND length(request_id) <= 128;
-- The further requests that a gathered event names ("also=" in its detail).
CREATE TABLE audit_also (
	request_id TEXT NOT NULL,
	seq        INTEGER NOT NULL,
	PRIMARY KEY (request_id, seq)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO audit_also (request_id, seq)
	WITH named (seq, rest) AS (SELECT seq, substr(detail, instr(detail, ' also=') + 6) || ' ' FROM audit WHERE detail LIKE '% also=%'),
	listed (seq, ids) AS (SELECT seq, '["' || replace(substr(rest, 1, instr(rest, ' ') - 1), ',', '","') || '"]' FROM named)
	SELECT j.value, l.seq FROM listed l, json_each(CASE WHEN json_valid(l.ids) THEN l.ids ELSE '[]' END) j
	WHERE j.value <> '' AND length(j.value) <= 128;
