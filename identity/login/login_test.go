package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// users is a principal.Store in memory, as far as logins reach.
type users struct {
	principal.Store
	mu     sync.Mutex
	rows   map[string]principal.Record
	events []audit.Event
	reads  int
	err    error
	onRead func(n int)
}

func (u *users) PrincipalByName(_ context.Context, kind principal.Kind, name string) (principal.Record, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reads++
	if u.onRead != nil {
		u.onRead(u.reads)
	}
	for _, r := range u.rows {
		if r.Kind == kind && r.Name == name {
			return r, u.err
		}
	}
	return principal.Record{}, errors.Join(u.err, principal.ErrNotFound)
}

func (u *users) PrincipalByID(_ context.Context, id string) (principal.Record, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.rows[id]
	if !ok {
		return r, principal.ErrNotFound
	}
	return r, u.err
}

func (u *users) CreatePrincipal(_ context.Context, r principal.Record, ev audit.Event) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, x := range u.rows {
		if x.Name == r.Name {
			return principal.ErrExists
		}
	}
	u.rows[r.ID] = r
	u.events = append(u.events, ev)
	return u.err
}

func (u *users) SetPassword(_ context.Context, id string, hash secret.Value, end bool, _ time.Time, ev audit.Event) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.rows[id]
	r.Password = hash
	u.rows[id] = r
	ev.Detail = fmt.Sprintf("%s end=%v", ev.Detail, end)
	u.events = append(u.events, ev)
	return u.err
}

// sessions is a session.Store that keeps and finds rows.
type sessions struct {
	session.Store
	mu   sync.Mutex
	rows map[string]session.Record
	err  error
}

func (s *sessions) CreateSession(_ context.Context, r session.Record, _ int, _ audit.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[r.SID] = r
	return s.err
}

func (s *sessions) SessionBySecret(_ context.Context, h [32]byte) (session.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.SecretHash == h || r.PrevHash == h {
			return r, s.err
		}
	}
	return session.Record{}, session.ErrNotFound
}

func (s *sessions) RotateSession(_ context.Context, sid string, from, to [32]byte, _ session.Place, auth, at time.Time, up *session.Raised) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[sid]
	if r.SecretHash != from {
		return session.ErrConflict
	}
	r.PrevHash, r.PrevAuthTime, r.SecretHash, r.AuthTime, r.RotatedAt = from, r.AuthTime, to, auth, at
	if up != nil {
		r.AMR, r.ACR = up.AMR, up.ACR
	}
	s.rows[sid] = r
	return nil
}

func (s *sessions) RevokeSession(_ context.Context, sid, _ string, _ time.Time, _ audit.Event) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, sid)
	return true, nil
}

func (s *sessions) TouchSession(context.Context, string, [32]byte, time.Time, []string, bool) error {
	return nil
}

type journal struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (j *journal) Record(_ context.Context, ev audit.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, ev)
	return j.err
}

const right = "correct horse battery staple"

var (
	t0   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	home = netip.MustParseAddr("203.0.113.7")
	bg   = context.Background()
)

type world struct {
	*Service
	t        testing.TB
	users    *users
	sessions *sessions
	journal  *journal
}

// newWorld has alice, disabled dora, passwordless paul, and bruno whose hash is broken.
func newWorld(t testing.TB) world {
	t.Helper()
	h := password.New(password.Options{Slots: 2, Share: 1})
	hash, err := h.Hash(bg, secret.NewString(right))
	if err != nil {
		t.Fatal(err)
	}
	u := &users{rows: map[string]principal.Record{
		"usr_alice": {ID: "usr_alice", Kind: principal.User, Name: "alice@example.com", Password: hash, Roles: []string{"reader"}},
		"usr_dora":  {ID: "usr_dora", Kind: principal.User, Name: "dora@example.com", Password: hash, Disabled: true},
		"usr_paul":  {ID: "usr_paul", Kind: principal.User, Name: "paul@example.com"},
		"usr_bruno": {ID: "usr_bruno", Kind: principal.User, Name: "bruno@example.com", Password: secret.NewString("$argon2id$broken")},
		"svc_x":     {ID: "svc_x", Kind: principal.Service, Name: "svc@example.com", Password: hash},
	}}
	s := &sessions{rows: map[string]session.Record{}}
	k, err := session.New(s, principal.NewDirectory(u, principal.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	ring := secret.NewRing(secret.PurposeDevice, secret.Key{Version: 1, Value: secret.NewString("device key")})
	return world{&Service{Users: u, Sessions: k, Hasher: h, Throttle: throttle.New(throttle.Options{}), Devices: throttle.Devices{Ring: ring}, Journal: j}, t, u, s, j}
}

func try(email, pw string) Attempt {
	return Attempt{Email: email, Password: secret.NewString(pw), Addr: home, UserAgent: "curl/8.5.0", RequestID: "req1"}
}

func (w world) ok(a Attempt, now time.Time) Grant {
	w.t.Helper()
	g, err := w.Login(bg, a, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// nowhere is a Store of counts that fails a test which asks it.
type nowhere struct{ t testing.TB }

func (n nowhere) ChangeCounts(context.Context, [][16]byte, func([]throttle.Kept) error) error {
	n.t.Error("the store was asked")
	return nil
}

// In a flood most logins find the queue for a hash full. They cost the store nothing; from a
// known device one waits in a line of its own.
func TestAFloodCostsTheStoreNothing(t *testing.T) {
	w := newWorld(t)
	device := w.ok(try("alice@example.com", right), t0).DeviceCookie
	counted := w.Throttle
	w.Throttle = throttle.NewShared(throttle.Options{}, nowhere{t}, w.Devices.Ring)
	w.Hasher = password.New(password.Options{Slots: 1, Queue: 1, Share: 1})
	for range 2 { // one for the slot, one that waits
		p, err := w.Hasher.Reserve(false)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Leave()
	}
	if _, err := w.Login(bg, try("alice@example.com", right), t0); refusal.From(err).Code != refusal.Busy {
		t.Errorf("got %v, want busy", err)
	}
	w.Throttle = counted
	a := try("alice@example.com", right)
	a.DeviceCookie = device
	w.ok(a, t0)
}

func TestLogin(t *testing.T) {
	w := newWorld(t)
	g := w.ok(try(" Alice@Example.COM ", right), t0)
	if g.Subject != "usr_alice" || g.SID == "" || g.DeviceCookie == "" || !g.ExpiresAt.Equal(t0.Add(24*time.Hour)) {
		t.Errorf("%+v", g)
	}
	var c caller.Caller
	if _, err := w.Sessions.Judge(bg, string(g.Secret.Expose()), session.Client{Addr: home}, t0, &c); err != nil || c.Subject != "usr_alice" || !cmp.Equal(c.Principal.Roles, []string{"reader"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if r := w.sessions.rows[g.SID]; r.Device != "curl" || !cmp.Equal(r.Networks, []string{"203.0.113.0/24"}) {
		t.Errorf("%q, %v", r.Device, r.Networks)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", g, g), string(g.Secret.Expose())) {
		t.Error("the grant prints its secret")
	}
	if len(w.journal.events) != 0 {
		t.Error("a success is in the journal: the store writes it with the session")
	}
}

// ASVS 6.3.8: nothing that a client sees or measures in work tells the cases apart.
func TestNoEnumeration(t *testing.T) {
	long := strings.Repeat("a", 300) + "@example.com"
	reads := map[int]bool{}
	for _, c := range []struct{ email, pw, subject, reason string }{
		{"alice@example.com", "wrong password", "usr_alice", "password is wrong"},
		{"alice@example.com", "", "usr_alice", "password is wrong"},
		{"alice@example.com", strings.Repeat("x", 5000), "usr_alice", "password is wrong"},
		{"nobody@example.com", right, "", "no user"},
		{"dora@example.com", right, "usr_dora", "disabled"},
		{"dora@example.com", "wrong password", "usr_dora", "password is wrong"},
		{"paul@example.com", "", "usr_paul", "no password"},
		{"paul@example.com", right, "usr_paul", "no password"},
		{"bruno@example.com", right, "usr_bruno", "malformed"},
		{"svc@example.com", right, "", "no user"}, // services do not sign in
		{"alice", right, "", "no user"}, {"", "", "", "no user"}, {long, right, "", "no user"},
		{"alice@example.com@evil.example", right, "", "no user"}, // oauth2-proxy CVE-2026-40574
		{"alice@example.com\x00", right, "", "no user"},
	} {
		w := newWorld(t)
		g, err := w.Login(bg, try(c.email, c.pw), t0)
		r := refusal.From(err)
		if g != (Grant{}) || r.Code != refusal.LoginFailed || r.Detail != "" || r.RetryAfter != 0 || r.Status() != 401 {
			t.Errorf("%q: got %+v, %v; want login_failed", c.email, g, err)
		}
		if !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%q: reason %q, want %q in it", c.email, r.Reason, c.reason)
		}
		reads[w.users.reads] = true
		if len(w.journal.events) != 1 {
			t.Fatalf("%q: %d events, want 1", c.email, len(w.journal.events))
		}
		e := w.journal.events[0]
		if e.Event != audit.LoginFailed || e.Subject != c.subject || e.Network != "203.0.113.0/24" || e.RequestID != "req1" {
			t.Errorf("%q: event %+v", c.email, e)
		}
		if text := fmt.Sprint(e, err); c.email != "" && c.email != "alice" && strings.Contains(text, c.email) {
			t.Errorf("what was typed is written down: %s", text)
		}
		if len(w.sessions.rows) != 0 {
			t.Errorf("%q: a session was made", c.email)
		}
	}
	if len(reads) != 1 {
		t.Errorf("reads of the store differ: %v", reads)
	}
}

func TestThrottling(t *testing.T) {
	w := newWorld(t)
	for _, email := range []string{"alice@example.com", "nobody@example.com"} {
		for i := range 10 {
			// Authelia CVE-2025-24806: another spelling must not give more tries.
			spelling := []string{email, strings.ToUpper(email), "  " + email}[i%3]
			if _, err := w.Login(bg, try(spelling, "wrong password"), t0); refusal.From(err).Code != refusal.LoginFailed {
				t.Fatalf("%s, try %d: %v", email, i+1, err)
			}
		}
		_, err := w.Login(bg, try(email, right), t0)
		if r := refusal.From(err); r.Code != refusal.RateLimited || r.RetryAfter != 15*time.Minute {
			t.Errorf("%s: got %v, want rate_limited for 15m", email, err)
		}
	}
	var throttled []audit.Event
	for _, ev := range w.journal.events {
		if ev.Event == audit.LoginThrottled {
			throttled = append(throttled, ev)
		}
	}
	if n := len(w.journal.events); n != 22 || len(throttled) != 2 {
		t.Errorf("%d events, %d of them login.throttled; want 22 and 2: a slowed attempt is not written down", n, len(throttled))
	}
	if ev := throttled[0]; ev.Detail != "full=account" || ev.Network != "203.0.113.0/24" || ev.RequestID != "req1" || ev.Subject != "usr_alice" {
		t.Errorf("%+v", ev)
	}
	w.ok(try("alice@example.com", right), t0.Add(15*time.Minute))
}

func TestTheOwnersDeviceGetsThrough(t *testing.T) {
	w := newWorld(t)
	g := w.ok(try("alice@example.com", right), t0)
	for range 12 {
		_, _ = w.Login(bg, try("alice@example.com", "wrong password"), t0)
	}
	a := try("alice@example.com", right)
	a.DeviceCookie = g.DeviceCookie
	if again := w.ok(a, t0); again.DeviceCookie != "" {
		t.Error("a good device cookie was replaced")
	}
	a.DeviceCookie = g.DeviceCookie[:40] + "AAAA" + g.DeviceCookie[44:]
	if _, err := w.Login(bg, a, t0); refusal.From(err).Code != refusal.RateLimited {
		t.Errorf("forged device cookie: %v", err)
	}
}

func TestStepUp(t *testing.T) {
	w := newWorld(t)
	g := w.ok(try("alice@example.com", right), t0)
	a := try("alice@example.com", right)
	a.Current = string(g.Secret.Expose())
	up := w.ok(a, t0.Add(time.Hour/2))
	if up.SID != g.SID || up.Secret.Equal(g.Secret) || !up.ExpiresAt.Equal(g.ExpiresAt) {
		t.Error("want the same session and end, and another secret")
	}
}

func TestChangedDuringTheLogin(t *testing.T) {
	for name, change := range map[string]func(*principal.Record){
		"disabled": func(r *principal.Record) { r.Disabled = true },
		"reset":    func(r *principal.Record) { r.Password = secret.NewString("$argon2id$other") },
		"deleted":  func(r *principal.Record) { r.Name = "gone" },
	} {
		for _, before := range []int{2, 3} { // the second read is before the session's row, the third behind it
			w := newWorld(t)
			w.users.onRead = func(n int) {
				if n == before {
					r := w.users.rows["usr_alice"]
					change(&r)
					w.users.rows["usr_alice"] = r
				}
			}
			if _, err := w.Login(bg, try("alice@example.com", right), t0); refusal.From(err).Code != refusal.LoginFailed || len(w.sessions.rows) != 0 {
				t.Errorf("%s before read %d: got %v, %d sessions", name, before, err, len(w.sessions.rows))
			}
		}
	}
}

func TestAFailureIsNotAWrongPassword(t *testing.T) {
	down := errors.New("down")
	for name, breakIt := range map[string]func(world) context.Context{
		"users":    func(w world) context.Context { w.users.err = down; return bg },
		"sessions": func(w world) context.Context { w.sessions.err = down; return bg },
		"gone":     func(world) context.Context { ctx, cancel := context.WithCancel(bg); cancel(); return ctx },
	} {
		w := newWorld(t)
		ctx := breakIt(w)
		for range 12 {
			_, err := w.Login(ctx, try("alice@example.com", right), t0)
			if name == "users" && errors.Is(err, principal.ErrNotFound) {
				t.Fatal("fake")
			}
			if refusal.From(err).Code != refusal.Busy {
				t.Fatalf("%s: got %v, want busy", name, err)
			}
		}
		if len(w.journal.events) != 0 || w.Throttle.Len() != 0 {
			t.Errorf("%s: counted as failed", name)
		}
	}
}

func TestADeadJournalDoesNotLetIn(t *testing.T) {
	w := newWorld(t)
	w.journal.err = errors.New("down")
	_, err := w.Login(bg, try("alice@example.com", "wrong password"), t0)
	if r := refusal.From(err); r.Code != refusal.LoginFailed || !errors.Is(err, w.journal.err) {
		t.Errorf("got %v", err)
	}
}

func TestUpgradeOfAnOldHash(t *testing.T) {
	w := newWorld(t)
	r := w.users.rows["usr_alice"]
	// "password" in the argon2 reference implementation: t=1, m=2^16, p=1, and less
	// time than now.
	r.Password = secret.NewString("$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg")
	w.users.rows["usr_alice"] = r
	w.ok(try("alice@example.com", "password"), t0)
	if got := string(w.users.rows["usr_alice"].Password.Expose()); !strings.HasPrefix(got, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %.40s", got)
	}
	if e := w.users.events; len(e) != 1 || !strings.HasSuffix(e[0].Detail, "end=false") {
		t.Errorf("events %+v", e)
	}
	w.ok(try("alice@example.com", "password"), t0)
	if len(w.users.events) != 1 {
		t.Error("upgraded again")
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"a@b", "a@b", true}, {" Alice@Example.COM\t", "alice@example.com", true}, {"ÄRGER@example.com", "ärger@example.com", true}, {"a+b@example.com", "a+b@example.com", true},
		{strings.Repeat("a", 242) + "@example.com", strings.Repeat("a", 242) + "@example.com", true},
		{strings.Repeat("a", 243) + "@example.com", (strings.Repeat("a", 243) + "@example.com")[:254], false},
		// Other characters with the lower case of i, k, ω and å: other mailboxes.
		{"v\u0130ctim@b", "victim@b", false}, {"a@b.\u212a", "a@b.k", false}, {"\u2126@b", "ω@b", false}, {"\u212b@b", "å@b", false}, {"ΩÅ@b", "ωå@b", true},
		{"", "", false}, {"a", "a", false}, {"@b", "@b", false}, {"a@", "a@", false}, {"a@b@c", "a@b@c", false}, {"a b@c", "a b@c", false}, {"a\x00@c", "a\x00@c", false}, {"a\r\n@c", "a\r\n@c", false},
	} {
		if got, ok := Canonical(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: got %q, %v; want %q, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add(" Alice@Example.COM")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Canonical(s)
		if len(got) > MaxEmail {
			t.Errorf("%d bytes", len(got))
		}
		if again, ok2 := Canonical(got); ok && (again != got || !ok2) {
			t.Errorf("%q becomes %q and then %q", s, got, again)
		}
	})
}

func TestAdministration(t *testing.T) {
	w := newWorld(t)
	a := Administration{Store: w.users, Hasher: w.Hasher}
	r, err := a.AddUser(bg, NewUser{Email: "Eve@example.com", Password: secret.NewString("another horse entirely"), Roles: []string{"reader"}, Actor: "cli"}, t0)
	if err != nil || !strings.HasPrefix(r.ID, "usr_") || r.Name != "eve@example.com" {
		t.Fatal(r, err)
	}
	w.ok(try("eve@example.com", "another horse entirely"), t0)
	for name, c := range map[string]struct {
		u    NewUser
		want error
	}{
		"taken":  {NewUser{Email: "eve@example.com", Password: secret.NewString("another horse entirely")}, principal.ErrExists},
		"weak":   {NewUser{Email: "f@example.com", Password: secret.NewString("password1")}, password.ErrPolicy},
		"myself": {NewUser{Email: "frederik@example.com", Password: secret.NewString("frederik123")}, password.ErrPolicy},
	} {
		if _, err := a.AddUser(bg, c.u, t0); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := a.AddUser(bg, NewUser{Email: "no address"}, t0); err == nil {
		t.Error("no address: accepted")
	}
	if _, err := a.Reset(bg, "EVE@example.com", secret.NewString("a third horse entirely"), "cli", t0); err != nil {
		t.Fatal(err)
	}
	if e := w.users.events[len(w.users.events)-1]; e.Event != audit.UserReset || !strings.HasSuffix(e.Detail, "end=true") || e.Actor != "cli" {
		t.Errorf("event %+v", e)
	}
	w.ok(try("eve@example.com", "a third horse entirely"), t0)
	if _, err := w.Login(bg, try("eve@example.com", "another horse entirely"), t0); err == nil {
		t.Error("the former password still works")
	}
	if _, err := a.Reset(bg, "nobody@example.com", secret.NewString("a third horse entirely"), "cli", t0); !errors.Is(err, principal.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func Example() {
	w := newWorld(&testing.T{})
	grant, err := w.Login(context.Background(), Attempt{Email: "alice@example.com", Password: secret.NewString(right), Addr: home}, time.Now())
	fmt.Println(grant.Subject, grant.Secret, err)
	// Output: usr_alice [REDACTED] <nil>
}
