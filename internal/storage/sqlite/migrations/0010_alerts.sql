-- Alerts on their way to the receiver. The audit trail says what happened; sorted is the
-- number of the event up to which it was looked through. next_at of a waiting alert is
-- when somebody may try it: whoever does moves it on first, so that one node tries at a
-- time, and the next one when that node dies.
CREATE TABLE alert_desk (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	sorted INTEGER NOT NULL
) STRICT;
INSERT INTO alert_desk (id, sorted) SELECT 1, audit FROM head WHERE id = 1;

CREATE TABLE alert (
	id       TEXT NOT NULL PRIMARY KEY,
	type     TEXT NOT NULL,
	state    INTEGER NOT NULL,
	count    INTEGER NOT NULL,
	first_at INTEGER NOT NULL,
	last_at  INTEGER NOT NULL,
	from_seq INTEGER NOT NULL,
	to_seq   INTEGER NOT NULL,
	events   TEXT NOT NULL,
	due_at   INTEGER NOT NULL,
	next_at  INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	done_at  INTEGER NOT NULL,
	failure  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_by_next ON alert (state, next_at);
CREATE INDEX alert_by_type ON alert (type, due_at);
