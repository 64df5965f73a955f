package storage

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/internal/rollout"
)

// addReport keeps the first sample that is known; counts add up, whichever node saw them.
const addReport = `INSERT INTO csp_report (route, directive, blocked, disposition, first_seen, last_seen, count, sample, source)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	ON CONFLICT (route, directive, blocked, disposition) DO UPDATE SET
	first_seen = CASE WHEN excluded.first_seen < csp_report.first_seen THEN excluded.first_seen ELSE csp_report.first_seen END,
	last_seen = CASE WHEN excluded.last_seen > csp_report.last_seen THEN excluded.last_seen ELSE csp_report.last_seen END,
	count = csp_report.count + excluded.count,
	sample = CASE WHEN csp_report.sample = '' THEN excluded.sample ELSE csp_report.sample END,
	source = CASE WHEN csp_report.source = '' THEN excluded.source ELSE csp_report.source END`

const addScript = `INSERT INTO csp_script (route, hash, first_seen, last_seen, count, reflected, sample)
	VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (route, hash) DO UPDATE SET
	first_seen = CASE WHEN excluded.first_seen < csp_script.first_seen THEN excluded.first_seen ELSE csp_script.first_seen END,
	last_seen = CASE WHEN excluded.last_seen > csp_script.last_seen THEN excluded.last_seen ELSE csp_script.last_seen END,
	count = csp_script.count + excluded.count,
	reflected = csp_script.reflected + excluded.reflected`

// addVisitor keeps few: more visitors than that say nothing new.
const addVisitor = `INSERT INTO csp_visitor (route, hash, tag)
	SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
	WHERE (SELECT COUNT(*) FROM csp_visitor WHERE route = $1 AND hash = $2) < $4
	ON CONFLICT (route, hash, tag) DO NOTHING`

const addView = `INSERT INTO csp_view (route, first_seen, last_seen, count) VALUES ($1, $2, $3, $4)
	ON CONFLICT (route) DO UPDATE SET
	last_seen = CASE WHEN excluded.last_seen > csp_view.last_seen THEN excluded.last_seen ELSE csp_view.last_seen END,
	count = csp_view.count + excluded.count`

const allReports = `SELECT route, directive, blocked, disposition, first_seen, last_seen, count, sample, source
	FROM csp_report ORDER BY last_seen DESC, route, directive, blocked, disposition LIMIT 5000`

const allScripts = `SELECT route, hash, first_seen, last_seen, count, reflected, sample
	FROM csp_script ORDER BY route, first_seen, hash LIMIT 20000`

const allVisitors = `SELECT route, hash, tag FROM csp_visitor ORDER BY route, hash, tag`

const allViews = `SELECT route, first_seen, last_seen, count FROM csp_view ORDER BY route`

// AddSeen implements rollout.Store. Rows are written in the order of their keys, so that
// two nodes never wait for each other.
func (db *DB) AddSeen(ctx context.Context, s rollout.Seen) error {
	s.Sort()
	return db.touch(ctx, "add what pages do", func(t *transaction) error {
		for _, r := range s.Reports {
			if _, err := t.exec(addReport, text(r.Route), text(r.Directive), text(r.Blocked), text(r.Disposition),
				micros(r.First), micros(r.Last), r.Count, text(r.Sample), text(r.Source)); err != nil {
				return err
			}
		}
		for _, v := range s.Views {
			if _, err := t.exec(addView, text(v.Route), micros(v.First), micros(v.Last), v.Count); err != nil {
				return err
			}
		}
		return t.addScripts(s.Scripts)
	})
}

func (t *transaction) addScripts(all []rollout.Script) error {
	for _, s := range all {
		if _, err := t.exec(addScript, text(s.Route), text(s.Hash), micros(s.First), micros(s.Last), s.Count, s.Reflected, text(s.Sample)); err != nil {
			return err
		}
		for _, tag := range s.Visitors {
			if _, err := t.exec(addVisitor, text(s.Route), text(s.Hash), tag, rollout.MaxVisitors); err != nil {
				return err
			}
		}
	}
	return nil
}

// Seen implements rollout.Store.
func (db *DB) Seen(ctx context.Context) (s rollout.Seen, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	if s.Reports, err = list(ctx, db, scanReport, allReports); err != nil {
		return s, db.failure("read reports", err)
	}
	if s.Views, err = list(ctx, db, scanView, allViews); err != nil {
		return s, db.failure("read views", err)
	}
	if s.Scripts, err = list(ctx, db, scanScript, allScripts); err != nil {
		return s, db.failure("read scripts", err)
	}
	visitors, err := list(ctx, db, scanScriptVisitor, allVisitors)
	if err != nil {
		return s, db.failure("read visitors", err)
	}
	type id struct{ route, hash string }
	tags := map[id][]int64{}
	for _, v := range visitors {
		tags[id{v.Route, v.Hash}] = append(tags[id{v.Route, v.Hash}], v.Visitors...)
	}
	for i := range s.Scripts {
		s.Scripts[i].Visitors = tags[id{s.Scripts[i].Route, s.Scripts[i].Hash}]
	}
	return s, nil
}

func scanReport(row scanner) (r rollout.Reports, err error) {
	var first, last int64
	err = row.Scan(&r.Route, &r.Directive, &r.Blocked, &r.Disposition, &first, &last, &r.Count, &r.Sample, &r.Source)
	r.First, r.Last = at(first), at(last)
	return r, err
}

func scanView(row scanner) (v rollout.Views, err error) {
	var first, last int64
	err = row.Scan(&v.Route, &first, &last, &v.Count)
	v.First, v.Last = at(first), at(last)
	return v, err
}

func scanScript(row scanner) (s rollout.Script, err error) {
	var first, last int64
	err = row.Scan(&s.Route, &s.Hash, &first, &last, &s.Count, &s.Reflected, &s.Sample)
	s.First, s.Last = at(first), at(last)
	return s, err
}

func scanScriptVisitor(row scanner) (s rollout.Script, err error) {
	s.Visitors = make([]int64, 1)
	err = row.Scan(&s.Route, &s.Hash, &s.Visitors[0])
	return s, err
}

// Reports and scripts that nobody has seen for KeepSeen are over, and of more than
// keepRows the ones that were seen last are kept: whoever sends reports decides how many
// groups there are.
const (
	KeepSeen = 90 * 24 * time.Hour
	keepRows = 5000
)

const pruneReports = `DELETE FROM csp_report WHERE last_seen < $1
	OR last_seen < (SELECT last_seen FROM csp_report ORDER BY last_seen DESC LIMIT 1 OFFSET $2)`

const pruneScripts = `DELETE FROM csp_script WHERE last_seen < $1
	OR last_seen < (SELECT last_seen FROM csp_script ORDER BY last_seen DESC LIMIT 1 OFFSET $2)`

const pruneVisitors = `DELETE FROM csp_visitor WHERE NOT EXISTS
	(SELECT 1 FROM csp_script s WHERE s.route = csp_visitor.route AND s.hash = csp_visitor.hash)`

// forget prunes what pages did.
func (db *DB) forget(ctx context.Context, before time.Time) error {
	for _, query := range []string{pruneReports, pruneScripts} {
		if _, err := db.exec(ctx, query, micros(before), keepRows); err != nil {
			return db.failure("prune what pages did", err)
		}
	}
	_, err := db.exec(ctx, pruneVisitors)
	return db.failure("prune visitors", err)
}
