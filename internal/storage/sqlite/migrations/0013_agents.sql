-- The kind of browser that a session began with, as an engine and a system ("gecko/linux");
-- '' for sessions from before this.
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
-- The network and the kind of browser that the last rotation of a secret was asked for from.
ALTER TABLE session ADD COLUMN rotated_from TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN rotated_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_family ADD COLUMN rotated_agent TEXT NOT NULL DEFAULT '';
