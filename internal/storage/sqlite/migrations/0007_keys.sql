-- until: the end that a key was made with. bound: the MAC binds owner, terms and until; keys
-- from before this step are bound when they move to a newer pepper. kind: 0 ours, 1 a canary,
-- 2 made elsewhere.
ALTER TABLE api_key ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN note TEXT NOT NULL DEFAULT '';
UPDATE api_key SET until = expires_at;
