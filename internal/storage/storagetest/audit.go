package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/internal/openapi"
	"github.com/sanmon-gate/sanmon/internal/storage"
	signing "github.com/sanmon-gate/sanmon/internal/trail"
	"github.com/sanmon-gate/sanmon/secret"
)

// evidence is a store with a signed trail, and what an attacker can do to it.
type evidence struct {
	db      *storage.DB
	outside func(string) error
	signer  *signing.Signer
	keys    tree.PublicKeys
	anchors []tree.Anchor
}

// attack runs SQL as somebody would who owns the database: without triggers.
func (e *evidence) attack(t *testing.T, queries ...string) {
	t.Helper()
	for _, trigger := range []string{"audit_update audit", "audit_hashes audit", "audit_delete audit", "audit_change audit",
		"audit_checkpoint_update audit_checkpoint", "audit_checkpoint_delete audit_checkpoint", "audit_checkpoint_change audit_checkpoint"} {
		name, table, _ := strings.Cut(trigger, " ")
		if e.outside("DROP TRIGGER IF EXISTS "+name) != nil {
			ok(t, e.outside("DROP TRIGGER IF EXISTS "+name+" ON "+table))
		}
	}
	for _, q := range queries {
		if err := e.outside(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func (e *evidence) sign(t *testing.T) signing.Signed {
	t.Helper()
	return must(e.signer.Sign(t.Context(), t0))(t)
}

func (e *evidence) verify(t *testing.T, anchored bool) tree.Report {
	t.Helper()
	v := &tree.Verifier{Source: e.db, Keys: e.keys, Trusted: true, Page: 4}
	if anchored {
		v.Anchors = e.anchors
	}
	return must(v.Run(t.Context()))(t)
}

// record writes n events.
func (e *evidence) record(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		ok(t, e.db.Record(t.Context(), audit.Event{
			At: t0.Add(time.Duration(i) * time.Second), Event: audit.LoginOK, Subject: fmt.Sprint("usr_", i), Actor: "system", SID: "ses_1", KeyID: "k",
			Route: "notes", Network: "203.0.113.0/24", RequestID: fmt.Sprint("req_", i), Detail: `"quoted" \ é`,
		}))
	}
}

// gather makes a trail of 20 events: checkpoints of the first 5 and 14, each followed by
// its event, both anchored.
func gather(t *testing.T, open Open) *evidence {
	t.Helper()
	e := &evidence{}
	e.db, e.outside = open(t)
	ring := secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString(strings.Repeat("k", 32))})
	e.signer = &signing.Signer{Store: e.db, Ring: ring, Actor: "system"}
	e.keys = must(signing.Keys(ring))(t)
	for _, n := range []int{5, 8} {
		e.record(t, n)
		signed := e.sign(t)
		e.anchors = append(e.anchors, tree.Anchor{Checkpoint: signed.Checkpoint, Where: "of the test"})
	}
	e.record(t, 5)
	return e
}

// auditIntact: what was written stands, its hashes are those of the reference
// implementation, and every event can be proven.
func auditIntact(t *testing.T, open Open) {
	e := gather(t, open)
	r := e.verify(t, true)
	if r.Verdict != tree.Intact || r.Records != 20 || r.Checkpoints != 2 || r.Anchors != 2 || r.Signed != 14 || len(r.Findings)+len(r.Warnings) > 0 {
		t.Fatalf("%+v", r)
	}
	if root := must(tlog.TreeHash(20, e.db.Hashes(t.Context())))(t); root != r.Root {
		t.Errorf("root %s, stored %s", r.Root, root)
	}
	last := must(e.signer.Newest(t.Context()))(t)
	for _, ev := range must(e.db.Events(t.Context(), 0, 14))(t) {
		p := must(tree.Prove(ev, last.Checkpoint, last.Note, e.db.Hashes(t.Context())))(t)
		if got, c, err := tree.OpenProof(p.String(), e.keys); err != nil || got != ev || c.Size != 14 {
			t.Errorf("event %d: %v", ev.Seq, err)
		}
	}
	if again := e.sign(t); !again.New || again.Size != 20 {
		t.Errorf("signed again: %+v", again)
	}
	if again := e.sign(t); again.New || again.Size != 20 {
		t.Error("nothing happened but the checkpoint, and it was signed again")
	}
}

// forgery is what an attacker does, and what is found of it.
type forgery struct {
	name     string
	attack   []string
	anchored bool
	bad      int64 // first bad event
	code     string
}

// auditTampered: whoever owns the database changes what they like, and it is found.
func auditTampered(t *testing.T, open Open) {
	cut := func(n int) []string {
		return []string{fmt.Sprintf("DELETE FROM audit WHERE seq > %d", n), fmt.Sprintf("UPDATE head SET audit = %d", n), fmt.Sprintf("DELETE FROM audit_checkpoint WHERE size > %d", n)}
	}
	tests := []forgery{
		{"deleted in the middle", []string{"DELETE FROM audit WHERE seq = 7"}, false, 7, tree.EventMissing},
		{"deleted first", []string{"DELETE FROM audit WHERE seq = 1"}, false, 1, tree.EventMissing},
		{"deleted last", []string{"DELETE FROM audit WHERE seq = 20"}, false, 20, tree.TailCut},
		{"emptied", []string{"DELETE FROM audit"}, false, 1, tree.TailCut},
		{"tail cut below a checkpoint", cut(12)[:2], false, 13, tree.TailCut},
		{"tail cut, with its checkpoints", cut(12), true, 13, tree.TailCut},
		{"all cut", cut(0), true, 1, tree.TailCut},
		{"inserted behind the end", []string{"INSERT INTO audit SELECT 21, at, event, subject, actor, sid, key_id, route, network, request_id, detail, hashes FROM audit WHERE seq = 20"}, false, 21, tree.EventForeign},
		{"inserted before the first", []string{"INSERT INTO audit SELECT -5, at, event, subject, actor, sid, key_id, route, network, request_id, detail, hashes FROM audit WHERE seq = 20"}, false, 0, tree.EventForeign},
		{"inserted and counted", []string{"INSERT INTO audit SELECT 21, at, event, subject, actor, sid, key_id, route, network, request_id, detail, hashes FROM audit WHERE seq = 19", "UPDATE head SET audit = 21"}, false, 21, tree.EventEdited},
		{"reordered", []string{"UPDATE audit SET seq = -1 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = -1"}, false, 3, tree.EventEdited},
		{"hashes edited", []string{"UPDATE audit SET hashes = (SELECT hashes FROM audit WHERE seq = 4) WHERE seq = 8"}, false, 8, tree.EventEdited},
		{"hashes taken away", []string{"UPDATE audit SET hashes = NULL WHERE seq = 8"}, false, 8, tree.EventEdited},
		{"hashes behind the leaf cut off", []string{"UPDATE audit SET hashes = substr(hashes, 1, 32) WHERE seq = 8"}, false, 8, tree.HashesEdited},
		{"checkpoint of other bytes", []string{"UPDATE audit_checkpoint SET note = replace(note, '14', '13')"}, false, 0, tree.CheckpointForged},
		{"checkpoint without a signature", []string{"UPDATE audit_checkpoint SET note = 'x' WHERE size = 5"}, false, 0, tree.CheckpointForged},
		{"checkpoint moved", []string{"UPDATE audit_checkpoint SET size = 6 WHERE size = 5"}, false, 0, tree.CheckpointForged},
	}
	for _, column := range []string{"event", "subject", "actor", "sid", "key_id", "route", "network", "request_id", "detail"} {
		tests = append(tests, forgery{"edited " + column, []string{"UPDATE audit SET " + column + " = 'x' WHERE seq = 9"}, false, 9, tree.EventEdited})
	}
	tests = append(tests, forgery{"edited at", []string{"UPDATE audit SET at = at + 1 WHERE seq = 18"}, false, 18, tree.EventEdited})
	for _, c := range tests {
		e := gather(t, open)
		e.attack(t, c.attack...)
		r := e.verify(t, c.anchored)
		found := false
		for _, f := range r.Findings {
			found = found || f.Code == c.code
		}
		if r.Verdict != tree.Tampered || r.FirstBad != c.bad || !found {
			t.Errorf("%s: %+v\nwant first bad %d and %s", c.name, r, c.bad, c.code)
		}
	}
	e := gather(t, open) // without an anchor a cut that is complete cannot be seen; the docs say so
	e.attack(t, cut(12)...)
	if r := e.verify(t, false); r.Verdict != tree.Intact {
		t.Errorf("a complete cut: %+v", r)
	}
}

// auditRewritten: an attacker who computes all hashes again is found by the next
// checkpoint, and one who forges that too by the anchor.
func auditRewritten(t *testing.T, open Open) {
	e := gather(t, open)
	e.attack(t, "UPDATE audit SET detail = 'nothing happened' WHERE seq = 9")
	var b tree.Builder
	var h tree.Hasher
	for _, r := range must(e.db.Rows(t.Context(), 0, 99))(t) {
		e.attack(t, fmt.Sprintf("UPDATE audit SET hashes = %s WHERE seq = %d", e.blob(t, tree.Join(b.Add(h.Leaf(&r.Event)))), r.Event.Seq))
	}
	if r := e.verify(t, false); r.Verdict != tree.Tampered || r.FirstBad != 6 || r.Findings[0].Code != tree.CheckpointDiffers {
		t.Errorf("with checkpoints: %+v", r) // one of 6 to 14, between the two
	}
	if _, err := e.signer.Sign(t.Context(), t0); !errors.Is(err, signing.ErrChanged) {
		t.Errorf("it was signed: %v", err)
	}
	e.attack(t, "DELETE FROM audit_checkpoint")
	if _, err := e.signer.Sign(t.Context(), t0); !errors.Is(err, signing.ErrChanged) {
		t.Errorf("a signer that has seen more signed: %v", err)
	}
	if r := e.verify(t, true); r.Verdict != tree.Tampered || r.FirstBad != 6 || r.Findings[0].Code != tree.AnchorDiffers {
		t.Errorf("with anchors: %+v", r)
	}
	mallory := secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString(strings.Repeat("m", 32))})
	forger := &signing.Signer{Store: e.db, Ring: mallory, Actor: "system"}
	must(forger.Sign(t.Context(), t0))(t)
	if r := e.verify(t, false); r.Verdict != tree.Tampered || r.Findings[0].Code != tree.CheckpointForged {
		t.Errorf("signed by another key: %+v", r)
	}
}

// blob writes bytes as both databases read them.
func (e *evidence) blob(t *testing.T, b []byte) string {
	t.Helper()
	if e.outside("SELECT typeof(1)") == nil { // SQLite
		return fmt.Sprintf("x'%x'", b)
	}
	return fmt.Sprintf(`'\x%x'::bytea`, b)
}

// auditEdge: an edit since the last checkpoint is never signed.
func auditEdge(t *testing.T, open Open) {
	for _, attack := range []string{"UPDATE audit SET detail = 'x' WHERE seq = 18", "DELETE FROM audit WHERE seq = 18", "DELETE FROM audit WHERE seq = 20",
		"UPDATE audit SET hashes = NULL WHERE seq = 12", "UPDATE audit_checkpoint SET note = replace(note, '14', '13') WHERE size = 14"} {
		e := gather(t, open)
		e.attack(t, attack)
		if signed, err := e.signer.Sign(t.Context(), t0); err == nil {
			t.Errorf("%s: signed %d events", attack, signed.Size)
		}
	}
}

// auditAdopt: events that an older version wrote are taken into the tree, and this is
// written down; those that a checkpoint covers are not.
func auditAdopt(t *testing.T, open Open) {
	db, outside := open(t)
	old := &evidence{db: db, outside: outside}
	old.record(t, 3)
	const insert = `INSERT INTO audit SELECT seq + 3, at, event, subject, actor, sid, key_id, route, network, request_id, detail, NULL FROM audit WHERE seq <= 3`
	ok(t, outside(insert), outside("UPDATE head SET audit = 6"))
	old.record(t, 2) // the seventh needs the sixth; the eighth needs them all
	r := must((&tree.Verifier{Source: db}).Run(t.Context()))(t)
	if r.Verdict != tree.Intact || r.Records != 8 {
		t.Errorf("%+v", r)
	}
	e := gather(t, open)
	e.attack(t, "UPDATE audit SET hashes = NULL")
	var err error
	for range 4 { // the 24th needs the first 16
		err = errors.Join(err, e.db.Record(t.Context(), event(audit.Logout)))
	}
	if err == nil {
		t.Error("hashes that a checkpoint covers were made again")
	}
}

// auditOutside: a checkpoint that another node made first is not made twice, and the
// trail keeps one name.
func auditOutside(t *testing.T, open Open) {
	e := gather(t, open)
	c := tree.Checkpoint{Origin: "another/name", Size: 20}
	if added := must(e.db.AddCheckpoint(t.Context(), c, "note", 5, "system", t0))(t); added {
		t.Error("a checkpoint after one that is not the newest any more")
	}
	line, err := json.Marshal(must(e.signer.Newest(t.Context()))(t).Line())
	ok(t, err)
	anchors, forged, err := tree.ReadAnchors(strings.NewReader(string(line)), e.keys)
	if err != nil || len(forged) > 0 || anchors[0].Size != 14 {
		t.Errorf("%s: %v, %v", line, forged, err)
	}
	other := must(signing.Keys(secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString(strings.Repeat("o", 32))})))(t)
	if r := must((&tree.Verifier{Source: e.db, Keys: other}).Run(t.Context()))(t); r.Verdict != tree.Unverifiable || r.Findings[0].Code != tree.KeyUnknown {
		t.Errorf("with another public key: %+v", r)
	}
	e.anchors[0].Root[0]++
	if r := e.verify(t, true); r.Verdict != tree.Tampered || r.Findings[0].Code != tree.AnchorDiffers || r.FirstBad != 1 {
		t.Errorf("an anchor of another history: %+v", r)
	}
}

// wholeAudit: a change whose event the database does not take does not happen, whatever
// the reason.
func wholeAudit(t *testing.T, open Open) {
	db, outside := open(t)
	seed(t, db)
	before := snapshot(t, db)
	if outside("CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END") != nil { // PostgreSQL
		ok(t, outside("CREATE TRIGGER no_audit BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()"))
	}
	for name, change := range changes(t.Context(), db) {
		if name == "rotate silently" {
			continue // it has no event to lose
		}
		if change() == nil {
			t.Errorf("%s without its event: done", name)
		}
	}
	for name, change := range moreChanges(t, db) {
		if change() == nil {
			t.Errorf("%s without its event: done", name)
		}
	}
	if outside("DROP TRIGGER no_audit") != nil {
		ok(t, outside("DROP TRIGGER no_audit ON audit"))
	}
	equal(t, snapshot(t, db), before)
	for name, change := range moreChanges(t, db) { // each succeeds where nothing is broken
		if err := change(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := must((&tree.Verifier{Source: db}).Run(t.Context()))(t); r.Verdict == tree.Tampered {
		t.Errorf("%+v", r)
	}
}

// moreChanges are the changes of factors, signing keys, documents and the trail itself.
func moreChanges(t *testing.T, db *storage.DB) map[string]func() error {
	ctx, ev := t.Context(), event(audit.FactorAdded)
	return map[string]func() error{
		"AddTOTP": func() error {
			return db.AddTOTP(ctx, factor.TOTP{User: "usr_1", Sealed: []byte("s"), CreatedAt: t0}, [][32]byte{hash("c")}, ev)
		},
		"AddPasskey": func() error {
			return db.AddPasskey(ctx, passkey.Record{Handle: "pky_1", User: "usr_1", ID: []byte("id"), PublicKey: []byte("k"), Name: "n", AAGUID: make([]byte, 16), CreatedAt: t0}, 5, ev)
		},
		"TurnServerKeys": func() error {
			return db.TurnServerKeys(ctx, secret.Turn{Purpose: "token", Actor: "cli", Add: []secret.SealedKey{{Purpose: "token", Version: 1, Sealed: []byte("x")}}})
		},
		"PinFirst": func() error {
			_, err := db.PinFirst(ctx, openapi.Pin{Upstream: "app", Source: []byte("{}"), At: t0}, event(audit.OpenAPIPinned))
			return err
		},
		"AddCheckpoint": func() error {
			_, err := db.AddCheckpoint(ctx, tree.Checkpoint{Origin: "o", Size: 1}, "note", 0, "cli", t0)
			return err
		},
		"Record": func() error { return db.Record(ctx, event(audit.LoginFailed)) },
	}
}

// raceSign: nodes that write and sign at once make one trail under one name.
func raceSign(t *testing.T, open Open) {
	e := gather(t, open)
	fresh := &evidence{}
	fresh.db, fresh.outside = open(t)
	for _, e := range []*evidence{e, {db: fresh.db, outside: fresh.outside, signer: &signing.Signer{Store: fresh.db, Ring: e.signer.Ring, Actor: "system"}, keys: e.keys}} {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				node := &signing.Signer{Store: e.db, Ring: e.signer.Ring, Actor: "system"}
				for range 8 {
					if err := e.db.Record(t.Context(), event(audit.LoginOK)); err != nil {
						t.Error(err)
					}
					if _, err := node.Sign(t.Context(), t0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 10 { // while it grows
			if r := e.verify(t, false); r.Verdict != tree.Intact {
				t.Errorf("meanwhile: %+v", r)
			}
		}
		wg.Wait()
		if r := e.verify(t, true); r.Verdict != tree.Intact || r.Checkpoints < 2 {
			t.Errorf("%+v", r)
		}
	}
}
