package factor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var (
	t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	bg = context.Background()
)

func service(t testing.TB) *factor.Service {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	master, err := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return &factor.Service{Store: db, Master: master}
}

func TestLife(t *testing.T) {
	s, key := service(t), totp.NewSecret()
	if enrolled, err := s.Enrolled(bg, "usr_1"); enrolled || err != nil {
		t.Errorf("before: %v, %v", enrolled, err)
	}
	if _, err := s.Renew(bg, "usr_1", audit.Event{}, t0); !errors.Is(err, factor.ErrNotFound) {
		t.Errorf("recovery codes of nobody: %v", err)
	}
	if _, err := s.Confirm(bg, "usr_1", key, "000000", audit.Event{}, t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a code of no app: %v", err)
	}
	codes, err := s.Confirm(bg, "usr_1", key, totp.Code(key, totp.Step(t0)), audit.Event{}, t0)
	if err != nil || len(codes) != 10 {
		t.Fatal(len(codes), err)
	}
	check := func(code string) (factor.Method, string) {
		t.Helper()
		m, why, err := s.Check(bg, "usr_1", code, audit.Event{}, t0)
		if err != nil {
			t.Fatal(err)
		}
		return m, why
	}
	for _, c := range []struct {
		what, code string
		method     factor.Method
		why        string
	}{
		{"the code that confirmed", totp.Code(key, totp.Step(t0)), factor.ByApp, "used before"}, {"the next", totp.Code(key, totp.Step(t0)+1), factor.ByApp, ""}, {"and again", totp.Code(key, totp.Step(t0)+1), factor.ByApp, "used before"},
		{"a recovery code", string(codes[0].Expose()), factor.ByRecovery, ""}, {"and again", string(codes[0].Expose()), factor.ByRecovery, "used before"}, {"somebody's", "0000-0000-0000-0000-0000-0000", factor.ByRecovery, "none of the person's"},
		{"nothing", "", factor.ByApp, "wrong or was used"}, {"long", strings.Repeat("1", 1000), factor.ByApp, "wrong or was used"},
	} {
		if m, why := check(c.code); m != c.method || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %s, %q", c.what, m, why)
		}
	}
	renewed, err := s.Renew(bg, "usr_1", audit.Event{}, t0)
	if _, why := check(string(codes[1].Expose())); err != nil || why == "" || len(renewed) != 10 {
		t.Errorf("a replaced code is taken: %v", err)
	}
	if err := s.Remove(bg, "usr_1", audit.Event{}, t0); err != nil {
		t.Fatal(err)
	}
	if _, why := check(string(renewed[0].Expose())); why == "" {
		t.Error("a code of a removed app is taken")
	}
	if err := s.Remove(bg, "usr_1", audit.Event{}, t0); !errors.Is(err, factor.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

// A secret that was moved to another person's row, or is of another master key, opens nothing.
func TestSealed(t *testing.T) {
	s, key := service(t), totp.NewSecret()
	if _, err := s.Confirm(bg, "usr_1", key, totp.Code(key, totp.Step(t0)), audit.Event{}, t0); err != nil {
		t.Fatal(err)
	}
	row, err := s.Store.TOTP(bg, "usr_1")
	if err != nil || strings.Contains(string(row.Sealed), string(key.Expose())) {
		t.Fatal("the secret is at rest in the clear", err)
	}
	row.User, row.LastStep = "usr_2", 0
	if err := s.Store.AddTOTP(bg, row, nil, audit.Event{At: t0, Event: audit.FactorAdded}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Check(bg, "usr_2", totp.Code(key, totp.Step(t0)), audit.Event{}, t0); !errors.Is(err, secret.ErrSeal) || refusal.From(err).Code != refusal.Internal {
		t.Errorf("a moved secret: %v", err)
	}
}

// TestEnrolledOnce: of two apps that are enrolled at once, one is; the other's owner is told.
func TestEnrolledOnce(t *testing.T) {
	s := service(t)
	type result struct {
		key   secret.Value
		codes []secret.Value
		err   error
	}
	start, results := make(chan struct{}), make(chan result)
	const n = 8
	for range n {
		go func() {
			key := totp.NewSecret()
			<-start
			codes, err := s.Confirm(bg, "usr_1", key, totp.Code(key, totp.Step(t0)), audit.Event{}, t0)
			results <- result{key, codes, err}
		}()
	}
	close(start)
	var won []result
	for range n {
		r := <-results
		if r.err == nil {
			won = append(won, r)
			continue
		}
		if no := refusal.From(r.err); no.Code != refusal.InputInvalid || !errors.Is(r.err, factor.ErrExists) || !strings.Contains(no.Reason, "remove it first") || r.codes != nil {
			t.Errorf("the other: %v, %d codes", r.err, len(r.codes))
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d apps were enrolled", len(won))
	}
	for _, code := range []string{totp.Code(won[0].key, totp.Step(t0)+1), string(won[0].codes[9].Expose())} {
		if _, why, err := s.Check(bg, "usr_1", code, audit.Event{}, t0); why != "" || err != nil {
			t.Errorf("a code of the app that was enrolled: %q, %v", why, err)
		}
	}
}

// A store that does not answer says nothing about the code.
func TestStoreDown(t *testing.T) {
	s := service(t)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, why, err := s.Check(ctx, "usr_1", "123456", audit.Event{}, t0); why != "" || refusal.From(err).Code != refusal.Busy {
		t.Errorf("%q, %v", why, err)
	}
	if _, err := s.Enrolled(ctx, "usr_1"); refusal.From(err).Code != refusal.Busy {
		t.Errorf("%v", err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "sanmon")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := sqlite.Open(bg, filepath.Join(dir, "s.db"), sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	master, _ := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	s, key, now := factor.Service{Store: db, Master: master}, totp.NewSecret(), time.Now()
	codes, err := s.Confirm(bg, "usr_1", key, totp.Code(key, totp.Step(now)), audit.Event{}, now)
	fmt.Println(len(codes), err)
	by, why, err := s.Check(bg, "usr_1", string(codes[0].Expose()), audit.Event{}, now)
	fmt.Println(by, why == "", err)
	// Output:
	// 10 <nil>
	// recovery true <nil>
}
