-- What pages under the strict content security policy have and do: reports of browsers,
-- inline scripts, views. Nothing here decides anything.

CREATE TABLE csp_report (
	route       TEXT NOT NULL,
	directive   TEXT NOT NULL,
	blocked     TEXT NOT NULL,
	disposition TEXT NOT NULL,
	first_seen  INTEGER NOT NULL,
	last_seen   INTEGER NOT NULL,
	count       INTEGER NOT NULL,
	sample      TEXT NOT NULL,
	source      TEXT NOT NULL,
	PRIMARY KEY (route, directive, blocked, disposition)
) STRICT, WITHOUT ROWID;
CREATE INDEX csp_report_by_last ON csp_report (last_seen);

CREATE TABLE csp_script (
	route      TEXT NOT NULL,
	hash       TEXT NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL,
	count      INTEGER NOT NULL,
	reflected  INTEGER NOT NULL,
	sample     TEXT NOT NULL,
	PRIMARY KEY (route, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX csp_script_by_last ON csp_script (last_seen);

CREATE TABLE csp_visitor (
	route TEXT NOT NULL,
	hash  TEXT NOT NULL,
	tag   INTEGER NOT NULL,
	PRIMARY KEY (route, hash, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE csp_view (
	route      TEXT NOT NULL PRIMARY KEY,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL,
	count      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
