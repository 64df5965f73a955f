package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/passkey/passkeytest"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

type spent struct {
	mu  sync.Mutex
	ids map[[16]byte]bool
}

func (s *spent) Spend(_ context.Context, id [16]byte, _, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.ids[id]
	s.ids[id] = true
	return first, nil
}

var (
	t0      = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	browser = []byte("this browser")
	bg      = context.Background()
)

func ceremonies(t testing.TB) *Ceremonies {
	t.Helper()
	m, err := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Origin: "https://app.example.com", Name: "app.example.com", Office: &ticket.Office{Master: m, Spent: &spent{ids: map[[16]byte]bool{}}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// enrolled is a passkey of usr_alice.
func enrolled(t testing.TB, c *Ceremonies, a *passkeytest.Authenticator) Record {
	t.Helper()
	b, err := c.BeginRegistration("usr_alice", "alice@example.com", nil, browser, t0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.FinishRegistration(bg, "usr_alice", "alice@example.com", browser, b.Ticket, a.Register(b.Options), t0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRegistration(t *testing.T) {
	c, a := ceremonies(t), passkeytest.New(t)
	r := enrolled(t, c, a)
	if !strings.HasPrefix(r.Handle, "pky_") || r.User != "usr_alice" || string(r.ID) != string(a.ID) || r.SignCount != 1 || !r.BackupEligible || r.BackedUp ||
		len(r.Transports) != 2 || r.Attestation != "none" || !r.CreatedAt.Equal(t0) || len(r.AAGUID) != 16 {
		t.Errorf("%+v", r)
	}
	b, err := c.BeginRegistration("usr_alice", "alice@example.com", []Record{r}, browser, t0)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		RP                     struct{ ID string }
		User                   struct{ Name string }
		Attestation            string
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		ExcludeCredentials     []struct{ ID string }
		Timeout                int
	}
	if err := json.Unmarshal(b.Options, &o); err != nil {
		t.Fatal(err)
	}
	if o.RP.ID != "app.example.com" || o.User.Name != "alice@example.com" || o.AuthenticatorSelection.ResidentKey != "required" || o.AuthenticatorSelection.UserVerification != "required" ||
		o.Attestation != "none" || len(o.ExcludeCredentials) != 1 || o.ExcludeCredentials[0].ID != b64(r.ID) || o.Timeout != 300000 {
		t.Errorf("%s", b.Options)
	}
}

// What an authenticator or browser may not get away with, at registration and at login.
func TestHostile(t *testing.T) {
	for what, lie := range map[string]func(a *passkeytest.Authenticator){
		"another origin":        func(a *passkeytest.Authenticator) { a.Origin = "https://evil.example" },
		"a subdomain":           func(a *passkeytest.Authenticator) { a.Origin = "https://x.app.example.com" },
		"plain http":            func(a *passkeytest.Authenticator) { a.Origin = "http://app.example.com" },
		"another port":          func(a *passkeytest.Authenticator) { a.Origin = "https://app.example.com:8443" },
		"other case":            func(a *passkeytest.Authenticator) { a.Origin = "https://APP.example.com" },
		"a path behind":         func(a *passkeytest.Authenticator) { a.Origin = "https://app.example.com/" },
		"another relying party": func(a *passkeytest.Authenticator) { a.RP = "example.com" },
		"no user verification":  func(a *passkeytest.Authenticator) { a.Flags &^= passkeytest.UserVerified },
		"no user presence":      func(a *passkeytest.Authenticator) { a.Flags &^= passkeytest.UserPresent },
		"backed up, not eligible": func(a *passkeytest.Authenticator) {
			a.Flags = a.Flags&^passkeytest.BackupEligible | passkeytest.BackedUp
		},
		"another ceremony": func(a *passkeytest.Authenticator) { a.Create, a.Get = a.Get, a.Create },
	} {
		c := ceremonies(t)
		a := passkeytest.New(t)
		r := enrolled(t, c, a)
		lie(a)
		b, err := c.BeginLogin(browser, "", t0)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Read(a.Answer(b.Options))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.FinishLogin(bg, browser, b.Ticket, answer, r, t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("login, %s: %v", what, err)
		}
		other := passkeytest.New(t)
		lie(other)
		if b, err = c.BeginRegistration("usr_alice", "alice@example.com", nil, browser, t0); err != nil {
			t.Fatal(err)
		}
		if _, err := c.FinishRegistration(bg, "usr_alice", "alice@example.com", browser, b.Ticket, other.Register(b.Options), t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("registration, %s: %v", what, err)
		}
	}
}

func TestLogin(t *testing.T) {
	c, a := ceremonies(t), passkeytest.New(t)
	r := enrolled(t, c, a)
	a.Count, a.Flags = 2, a.Flags|passkeytest.BackedUp
	p, err := login(t, c, a, r, "alice@example.com", t0)
	if err != nil || p.Stuck || p.Record.SignCount != 2 || !p.Record.BackedUp || !p.Record.LastUsedAt.Equal(t0) || p.Account != "alice@example.com" {
		t.Fatalf("%+v, %v", p, err)
	}
	// A counter that stands still or goes back: there may be a copy.
	for _, count := range []uint32{2, 1, 0} {
		a.Count = count
		q, err := login(t, c, a, p.Record, "", t0.Add(time.Minute))
		if err != nil || !q.Stuck || q.Record.SignCount != 2 || !q.Record.FlaggedAt.Equal(t0.Add(time.Minute)) || !q.Record.LastUsedAt.Equal(t0) {
			t.Errorf("count %d: %+v, %v", count, q, err)
		}
	}
	// Most passkeys never count.
	a.Count = 0
	r.SignCount = 0
	if q, err := login(t, c, a, r, "", t0); err != nil || q.Stuck {
		t.Errorf("never counts: %+v, %v", q, err)
	}
	// Backup eligibility is fixed for life (WebAuthn, Section 6.1.3).
	a.Flags = passkeytest.UserPresent | passkeytest.UserVerified
	if _, err := login(t, c, a, r, "", t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("another eligibility: %v", err)
	}
}

func login(t *testing.T, c *Ceremonies, a *passkeytest.Authenticator, r Record, account string, now time.Time) (Proven, error) {
	t.Helper()
	b, err := c.BeginLogin(browser, account, now)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := Read(a.Answer(b.Options))
	if err != nil {
		t.Fatal(err)
	}
	return c.FinishLogin(bg, browser, b.Ticket, answer, r, now)
}

func TestCeremonyIsForOneBrowserOnceForFiveMinutes(t *testing.T) {
	c, a := ceremonies(t), passkeytest.New(t)
	r := enrolled(t, c, a)
	for _, row := range []struct {
		what    string
		binding string
		after   time.Duration
		record  Record
		tickets int // how often it was used before
	}{
		{"another browser", "other", 0, r, 0}, {"too late", string(browser), Life, r, 0}, {"used before", string(browser), 0, r, 1}, {"an unknown credential", string(browser), 0, Record{}, 0},
		{"another person's", string(browser), 0, someoneElse(r), 0},
	} {
		b, err := c.BeginLogin(browser, "", t0)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := Read(a.Answer(b.Options))
		for range row.tickets {
			_, _ = c.FinishLogin(bg, browser, b.Ticket, answer, r, t0)
		}
		if _, err := c.FinishLogin(bg, []byte(row.binding), b.Ticket, answer, row.record, t0.Add(row.after)); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	// The answer of one ceremony is none for another.
	first, _ := c.BeginLogin(browser, "", t0)
	second, _ := c.BeginLogin(browser, "", t0)
	answer, _ := Read(a.Answer(first.Options))
	if _, err := c.FinishLogin(bg, browser, second.Ticket, answer, r, t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("another challenge: %v", err)
	}
	reg, _ := c.BeginRegistration("usr_alice", "a", nil, browser, t0)
	if _, err := c.FinishLogin(bg, browser, reg.Ticket, answer, r, t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a ticket of a registration: %v", err)
	}
	if _, err := c.FinishRegistration(bg, "usr_bob", "b", browser, reg.Ticket, passkeytest.New(t).Register(reg.Options), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a registration begun by somebody else: %v", err)
	}
}

// TestStrangersLeaveNothingAtRest: a login page begins a ceremony for whoever opens it, and
// answers of nobody's passkey, or signed by another key, cost no row.
func TestStrangersLeaveNothingAtRest(t *testing.T) {
	c, a, thief := ceremonies(t), passkeytest.New(t), passkeytest.New(t)
	r := enrolled(t, c, a)
	rows := c.office.Spent.(*spent).ids
	clear(rows) // the registration's
	thief.ID, thief.User, thief.Count = a.ID, a.User, 9
	for range 10 {
		if _, err := login(t, c, thief, Record{}, "", t0); err == nil {
			t.Error("an unknown passkey was taken")
		}
		if _, err := login(t, c, thief, r, "", t0); err == nil {
			t.Error("another key was taken")
		}
	}
	if len(rows) != 0 {
		t.Errorf("%d rows of strangers", len(rows))
	}
	a.Count = 10
	if _, err := login(t, c, a, r, "", t0); err != nil || len(rows) != 1 {
		t.Errorf("%d rows of the owner, %v", len(rows), err)
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func someoneElse(r Record) Record { r.User = "usr_bob"; return r }

// A forged signature, and another key for the same credential.
func TestSignature(t *testing.T) {
	c, a := ceremonies(t), passkeytest.New(t)
	r := enrolled(t, c, a)
	thief := passkeytest.New(t)
	thief.ID, thief.User, thief.Count = a.ID, a.User, 9
	if _, err := login(t, c, thief, r, "", t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("another key: %v", err)
	}
	if strings.Contains(fmt.Sprint(refusal.From(errOf(login(t, c, thief, r, "", t0))).Reason), b64(a.ID)) {
		t.Error("the reason quotes the credential")
	}
}

func errOf(_ Proven, err error) error { return err }

// TestBeginTellsNothing: the options are the same for every address, but the challenge.
func TestBeginTellsNothing(t *testing.T) {
	c := ceremonies(t)
	shape := func(account string) string {
		b, err := c.BeginLogin(browser, account, t0)
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]any
		_ = json.Unmarshal(b.Options, &o)
		if len(o["challenge"].(string)) < 22 {
			t.Errorf("challenge %v", o["challenge"])
		}
		delete(o, "challenge")
		out, _ := json.Marshal(o)
		return string(out)
	}
	if a, b := shape("alice@example.com"), shape("nobody@example.com"); a != b || strings.Contains(a, "allowCredentials") {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestNew(t *testing.T) {
	m, _ := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	o := &ticket.Office{Master: m, Spent: &spent{}}
	for origin, ok := range map[string]bool{"https://app.example.com": true, "http://localhost:8080": true, "https://192.0.2.1": false, "https://[2001:db8::1]": false, "app.example.com": false, "": false} {
		if _, err := New(Options{Origin: origin, Name: "x", Office: o}); (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
	if _, err := New(Options{Origin: "https://app.example.com", Name: "x"}); err == nil {
		t.Error("no office")
	}
}

func FuzzRead(f *testing.F) {
	c, a := ceremonies(f), passkeytest.New(f)
	r := enrolled(f, c, a)
	b, _ := c.BeginLogin(browser, "", t0)
	f.Add(a.Answer(b.Options))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		answer, err := Read(response)
		if err != nil {
			if refusal.From(err).Code != refusal.LoginFailed {
				t.Fatal(err)
			}
			return
		}
		b, _ := c.BeginLogin(browser, "", t0)
		if _, err := c.FinishLogin(bg, browser, b.Ticket, answer, r, t0); err == nil {
			t.Error("an answer to another challenge was taken")
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	c, a := ceremonies(b), passkeytest.New(b)
	r := enrolled(b, c, a)
	r.SignCount, a.Count = 0, 0
	b.ReportAllocs()
	for b.Loop() {
		begun, _ := c.BeginLogin(browser, "", t0)
		answer, _ := Read(a.Answer(begun.Options))
		if _, err := c.FinishLogin(bg, browser, begun.Ticket, answer, r, t0); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	m, _ := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	c, err := New(Options{Origin: "https://app.example.com", Name: "Example", Office: &ticket.Office{Master: m, Spent: &spent{ids: map[[16]byte]bool{}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	begun, _ := c.BeginLogin([]byte("the browser's pre-session"), "", time.Now())
	fmt.Println(strings.Contains(string(begun.Options), `"userVerification":"required"`), begun.Ticket != "")
	// Output: true true
}
