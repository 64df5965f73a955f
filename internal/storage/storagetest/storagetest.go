// Package storagetest is the suite that a store must pass, whatever database is below
// it.
package storagetest

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// Open returns a new, empty store, closed with the test, and a way to run SQL on the
// same data from outside.
type Open func(t *testing.T) (db *storage.DB, outside func(query string) error)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"sessions/create":   sessionCreate,
		"sessions/find":     sessionFind,
		"sessions/evict":    sessionEvict,
		"sessions/rotate":   sessionRotate,
		"sessions/touch":    sessionTouch,
		"sessions/revoke":   sessionRevoke,
		"sessions/user":     sessionRevokeUser,
		"sessions/list":     sessionList,
		"sessions/late":     sessionLateMark,
		"sessions/children": sessionChildren,
		"sessions/grants":   sessionGrants,
		"grants/create":     grantCreate,
		"grants/origin":     grantOrigin,
		"grants/evict":      grantEvict,
		"grants/rotate":     grantRotate,
		"grants/theft":      grantTheft,
		"grants/code":       codeRedeem,
		"grants/maintain":   grantMaintain,
		"grants/idle":       grantIdle,
		"race/grant":        raceGrant,
		"sessions/jar":      sessionJar,
		"sessions/jarends":  sessionJarEnds,
		"sessions/bind":     sessionBind,
		"principals/create": principalCreate,
		"principals/find":   principalFind,
		"principals/change": principalChange,
		"principals/forms":  foreignPasswords,
		"principals/delete": userDelete,
		"links/use":         links,
		"links/race":        linkRace,
		"links/signup":      linkSignup,
		"links/federated":   federated,
		"links/own":         unlinkOwn, "links/own race": unlinkRace,
		"keys/create":       keyCreate,
		"keys/replace":      keyReplace,
		"keys/planted":      keyPlanted,
		"keys/revoke":       keyRevoke,
		"keys/touch":        keyTouch,
		"keys/each":         keyEach,
		"serverkeys":        serverKeys,
		"ring":              ring,
		"turn":              turn,
		"keychain":          keychain,
		"spent":             spent,
		"audit":             auditTrail,
		"audit/append-only": auditAppendOnly,
		"audit/intact":      auditIntact,
		"audit/tampered":    auditTampered,
		"audit/rewritten":   auditRewritten,
		"audit/edge":        auditEdge,
		"audit/adopt":       auditAdopt,
		"audit/nodes":       auditOutside,
		"audit/request":     auditRequest,
		"feed":              feed,
		"feed/wait":         feedWait,
		"whole/journal":     wholeJournal,
		"whole/audit":       wholeAudit,
		"whole/cancel":      wholeCancel,
		"odd/text":          oddText,
		"odd/names":         oddNames,
		"odd/large":         oddLarge,
		"race/rotate":       raceRotate,
		"race/evict":        raceEvict,
		"race/name":         raceName,
		"race/spend":        raceSpend,
		"race/revoke":       raceRevoke,
		"race/mixed":        raceMixed,
		"race/sign":         raceSign,
		"race/pages":        racePages,
		"pages/add":         pagesAdd,
		"pages/bounded":     pagesBounded,
		"documents":         documentsPin,
		"requests":          requestsBounded,
		"maintain":          maintain,
		"maintain/prefix":   maintainPrefix,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range sealedSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range alertSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range nodeSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range restoredSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range placesSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
	for name, test := range factorSuite() {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// t0 is a moment with microseconds, all that is kept.
var t0 = time.Date(2026, 11, 25, 12, 0, 0, 123456000, time.UTC)

func hash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// ses is a live session of a user whose secret is its sid.
func ses(sid, user string, seen time.Duration) session.Record {
	return session.Record{
		SID: sid, User: user, SecretHash: hash(sid), Kind: session.Login, RotatedAt: t0, CreatedAt: t0, AuthTime: t0,
		LastSeenAt: t0.Add(seen), ExpiresAt: t0.Add(24 * time.Hour), Networks: []string{"203.0.113.0/24"}, Device: "Firefox on Linux",
	}
}

func usr(id, name string) principal.Record {
	return principal.Record{
		ID: id, Kind: principal.User, Name: name, Password: secret.NewString("$argon2id$" + id), Roles: []string{"reader"},
		Version: 1, CreatedAt: t0,
	}
}

func key(id string) apikey.Record {
	return apikey.Record{
		ID: id, Owner: "usr_1", Env: "live", Roles: []string{"reader"}, Scopes: []string{"notes:read"}, Limit: "10/m",
		Pepper: 1, MAC: hash(id), CreatedAt: t0,
	}
}

func event(name audit.Name) audit.Event { return audit.Event{At: t0, Event: name, Actor: "cli"} }

// equal compares records; secrets by their bytes, empty lists with nil ones.
func equal(t *testing.T, got, want any) {
	t.Helper()
	opts := cmp.Options{
		cmp.Comparer(secret.Value.Equal), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// must returns v when there was no error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// trail is the feed and the audit trail in words: "session:a key:b" and "logout".
func trail(t *testing.T, db *storage.DB) (changes, events string) {
	t.Helper()
	var c, e []string
	for i, line := range must(db.Changes(t.Context(), 0, 100000))(t) {
		if line.Seq != int64(i+1) {
			t.Fatalf("line %d of the feed has number %d", i+1, line.Seq)
		}
		c = append(c, string(line.Kind)+":"+line.ID)
	}
	for i, ev := range must(db.Events(t.Context(), 0, 100000))(t) {
		if ev.Seq != int64(i+1) {
			t.Fatalf("event %d of the trail has number %d", i+1, ev.Seq)
		}
		e = append(e, string(ev.Event))
	}
	return strings.Join(c, " "), strings.Join(e, " ")
}

func wantTrail(t *testing.T, db *storage.DB, changes, events string) {
	t.Helper()
	c, e := trail(t, db)
	if c != changes || e != events {
		t.Fatalf("feed  %q\nwant  %q\ntrail %q\nwant  %q", c, changes, e, events)
	}
}
