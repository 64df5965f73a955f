-- Which events name a request, so that sanmon explain finds them. This follows from the
-- trail and proves nothing: whoever reads it looks at the event.
CREATE INDEX audit_by_request ON audit (request_id, seq) WHERE request_id <> '' AND length(request_id) <= 128;
-- The further requests that a gathered event names ("also=" in its detail).
CREATE TABLE audit_also (
	request_id TEXT COLLATE "C" NOT NULL,
	seq        BIGINT NOT NULL,
	PRIMARY KEY (request_id, seq)
);
INSERT INTO audit_also (request_id, seq)
	SELECT id, seq FROM audit, unnest(string_to_array(split_part(split_part(detail, ' also=', 2), ' ', 1), ',')) id
	WHERE detail LIKE '% also=%' AND id <> '' AND length(id) <= 128
	ON CONFLICT DO NOTHING;
