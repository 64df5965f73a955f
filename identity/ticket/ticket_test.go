package ticket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

type spent struct {
	mu  sync.Mutex
	ids map[[16]byte]bool
	err error
}

func (s *spent) Spend(_ context.Context, id [16]byte, _, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.ids[id]
	s.ids[id] = true
	return first, s.err
}

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func office(t testing.TB, key string) (*Office, *spent) {
	t.Helper()
	m, err := secret.NewMaster(secret.NewString(key))
	if err != nil {
		t.Fatal(err)
	}
	s := &spent{ids: map[[16]byte]bool{}}
	return &Office{m, s}, s
}

const master = "0123456789abcdef0123456789abcdef"

func TestTicket(t *testing.T) {
	o, _ := office(t, master)
	text, err := o.Issue("login", []byte("browser"), []byte("payload"), t0.Add(time.Minute))
	if err != nil || strings.Contains(text, "payload") {
		t.Fatal(text, err)
	}
	other, _ := office(t, strings.ToUpper(master))
	for _, c := range []struct {
		what, purpose, binding, text string
		at                           time.Duration
		o                            *Office
		ok                           bool
	}{
		{"as issued", "login", "browser", text, 0, o, true}, {"at the last moment", "login", "browser", text, time.Minute - 1, o, true}, {"at the end", "login", "browser", text, time.Minute, o, false},
		{"another purpose", "enrol", "browser", text, 0, o, false}, {"another browser", "login", "other", text, 0, o, false}, {"no browser", "login", "", text, 0, o, false},
		{"another master key", "login", "browser", text, 0, other, false}, {"cut", "login", "browser", text[:len(text)-1], 0, o, false}, {"longer", "login", "browser", text + "A", 0, o, false},
		{"padded", "login", "browser", text + "=", 0, o, false}, {"a line break", "login", "browser", text + "\n", 0, o, false}, {"empty", "login", "browser", "", 0, o, false}, {"long", "login", "browser", strings.Repeat("A", 1<<16), 0, o, false},
		{"changed", "login", "browser", flip(text), 0, o, false},
	} {
		got, err := c.o.Open(c.purpose, []byte(c.binding), c.text, t0.Add(c.at))
		if (err == nil) != c.ok || c.ok && string(got.Payload.Expose()) != "payload" || !c.ok && refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("%s: %v, %v", c.what, got, err)
		}
	}
}

func flip(s string) string {
	c := byte('A')
	if s[20] == c {
		c = 'B'
	}
	return s[:20] + string(c) + s[21:]
}

func TestUse(t *testing.T) {
	o, s := office(t, master)
	text, _ := o.Issue("login", []byte("b"), nil, t0.Add(time.Minute))
	opened, err := o.Open("login", []byte("b"), text, t0)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Use(t.Context(), opened, t0); err != nil {
		t.Error(err)
	}
	if err := o.Use(t.Context(), opened, t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("again: %v", err)
	}
	s.err = errors.New("down")
	if err := o.Use(t.Context(), opened, t0); refusal.From(err).Code != refusal.Busy {
		t.Errorf("store down: %v", err)
	}
	for what, f := range map[string]func() (string, error){
		"no binding": func() (string, error) { return o.Issue("login", nil, nil, t0) },
		"too large":  func() (string, error) { return o.Issue("login", []byte("b"), make([]byte, MaxPayload+1), t0) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: issued", what)
		}
	}
	if text, err := o.Issue("login", []byte("b"), make([]byte, MaxPayload), t0.Add(time.Second)); err != nil {
		t.Error(err)
	} else if _, err := o.Open("login", []byte("b"), text, t0); err != nil {
		t.Error("the largest payload does not open:", err)
	}
}

func FuzzOpen(f *testing.F) {
	o, _ := office(f, master)
	text, _ := o.Issue("login", []byte("b"), []byte("x"), t0.Add(time.Minute))
	f.Add(text)
	f.Fuzz(func(t *testing.T, s string) {
		// Each worker has an office of its own: what the seed holds was issued by another one.
		got, err := o.Open("login", []byte("b"), s, t0)
		if err == nil && (string(got.Payload.Expose()) != "x" || len(s) != len(text)) {
			t.Errorf("%q opens", s)
		}
	})
}

func Example() {
	m, _ := secret.NewMaster(secret.NewString(master))
	o := Office{Master: m, Spent: &spent{ids: map[[16]byte]bool{}}}
	now := time.Now()
	text, _ := o.Issue("login/second", []byte("this browser"), []byte("usr_1"), now.Add(5*time.Minute))
	t, err := o.Open("login/second", []byte("this browser"), text, now)
	fmt.Println(string(t.Payload.Expose()), err, o.Use(context.Background(), t, now) == nil)
	_, err = o.Open("login/second", []byte("another browser"), text, now)
	fmt.Println(refusal.From(err).Code)
	// Output:
	// usr_1 <nil> true
	// login_failed
}
