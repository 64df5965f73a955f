-- Alerts on their way to the receiver. The audit trail says what happened; sorted is the
-- number of the event up to which it was looked through. next_at of a waiting alert is
-- when somebody may try it: whoever does moves it on first, so that one node tries at a
-- time, and the next one when that node dies.
CREATE TABLE alert_desk (
	id     BIGINT PRIMARY KEY CHECK (id = 1),
	sorted BIGINT NOT NULL
);
INSERT INTO alert_desk (id, sorted) SELECT 1, audit FROM head WHERE id = 1;

CREATE TABLE alert (
	id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	type     TEXT COLLATE "C" NOT NULL,
	state    BIGINT NOT NULL,
	count    BIGINT NOT NULL,
	first_at BIGINT NOT NULL,
	last_at  BIGINT NOT NULL,
	from_seq BIGINT NOT NULL,
	to_seq   BIGINT NOT NULL,
	events   TEXT COLLATE "C" NOT NULL,
	due_at   BIGINT NOT NULL,
	next_at  BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	done_at  BIGINT NOT NULL,
	failure  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX alert_by_next ON alert (state, next_at);
CREATE INDEX alert_by_type ON alert (type, due_at);
