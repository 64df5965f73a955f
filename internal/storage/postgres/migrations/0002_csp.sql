-- What pages under the strict content security policy have and do: reports of browsers,
-- inline scripts, views. Nothing here decides anything.

CREATE TABLE csp_report (
	route       TEXT COLLATE "C" NOT NULL,
	directive   TEXT COLLATE "C" NOT NULL,
	blocked     TEXT COLLATE "C" NOT NULL,
	disposition TEXT COLLATE "C" NOT NULL,
	first_seen  BIGINT NOT NULL,
	last_seen   BIGINT NOT NULL,
	count       BIGINT NOT NULL,
	sample      TEXT COLLATE "C" NOT NULL,
	source      TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (route, directive, blocked, disposition)
);
CREATE INDEX csp_report_by_last ON csp_report (last_seen);

CREATE TABLE csp_script (
	route      TEXT COLLATE "C" NOT NULL,
	hash       TEXT COLLATE "C" NOT NULL,
	first_seen BIGINT NOT NULL,
	last_seen  BIGINT NOT NULL,
	count      BIGINT NOT NULL,
	reflected  BIGINT NOT NULL,
	sample     TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (route, hash)
);
CREATE INDEX csp_script_by_last ON csp_script (last_seen);

CREATE TABLE csp_visitor (
	route TEXT COLLATE "C" NOT NULL,
	hash  TEXT COLLATE "C" NOT NULL,
	tag   BIGINT NOT NULL,
	PRIMARY KEY (route, hash, tag)
);

CREATE TABLE csp_view (
	route      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	first_seen BIGINT NOT NULL,
	last_seen  BIGINT NOT NULL,
	count      BIGINT NOT NULL
);
