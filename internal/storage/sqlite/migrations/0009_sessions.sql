-- What backends know the person of a session by, sealed with the master key; NULL for
-- nothing, and as soon as the session has ended.
ALTER TABLE session ADD COLUMN jar BLOB;
-- Until when a person who has just authenticated may do what needs that; 0 for not at all.
ALTER TABLE session ADD COLUMN sudo_until INTEGER NOT NULL DEFAULT 0;
-- The key that a session is bound to (DBSC): '' or 'dbsc', its public P-256 point, and when.
ALTER TABLE session ADD COLUMN bind_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN bind_key BLOB;
ALTER TABLE session ADD COLUMN bound_at INTEGER NOT NULL DEFAULT 0;
