-- What backends know the person of a session by, sealed with the master key; NULL for
-- nothing, and as soon as the session has ended.
ALTER TABLE session ADD COLUMN jar BYTEA;
-- Until when a person who has just authenticated may do what needs that; 0 for not at all.
ALTER TABLE session ADD COLUMN sudo_until BIGINT NOT NULL DEFAULT 0;
-- The key that a session is bound to (DBSC): '' or 'dbsc', its public P-256 point, and when.
ALTER TABLE session ADD COLUMN bind_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN bind_key BYTEA;
ALTER TABLE session ADD COLUMN bound_at BIGINT NOT NULL DEFAULT 0;
