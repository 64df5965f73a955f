package e2e_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// stripped is where a login begins at the provider without some of what we ask of it, as
// whoever sits at the browser can have it.
func stripped(t *testing.T, to string, names ...string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, name := range names {
		if !q.Has(name) {
			t.Errorf("the provider is not asked for %s: %s", name, to)
		}
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// authenticated is when the session's person has.
func (s surfer) authenticated(g *harness.Gate) (who string, at time.Time) {
	s.t.Helper()
	var me harness.SessionInfo
	if err := json.Unmarshal([]byte(s.session(g)), &me); err != nil {
		s.t.Fatal(err)
	}
	at, _ = time.Parse(time.RFC3339, me.AuthTime) // "": the zero time
	return me.Email, at
}

// careful is 200 for who has authenticated recently, and 303 to the login page.
func (s surfer) careful(g *harness.Gate) int {
	_, _, status := s.open("GET", g.URL+"/private/careful", nil)
	return status
}

// TestStepUpWithAProvider: a session that is still open at the provider does not pass
// `fresh`; the provider asks again who it is, and only for the same person.
func TestStepUpWithAProvider(t *testing.T) {
	g := oidcGate(t, ", create: true", "")
	s := newSurfer(t)
	if to, page, status := s.open("GET", s.signIn(g.URL+begins, "ada"), nil); to != g.URL+"/" {
		t.Fatalf("the login = %d to %q\n%.1500s", status, to, page)
	}
	if status := s.careful(g); status != 200 {
		t.Errorf("a moment after the login at the provider: %d", status)
	}
	_, first := s.authenticated(g)

	back, asked := s.walk(s.begin(g.URL+begins+"?next=/private/careful"), "ada")
	if asked != 1 {
		t.Errorf("the provider has asked %d times who it is", asked)
	}
	if to, page, status := s.open("GET", back, nil); to != g.URL+"/private/careful" {
		t.Fatalf("the step-up = %d to %q\n%.1500s", status, to, page)
	}
	who, second := s.authenticated(g)
	if who != "ada@example.com" || second.Before(first) || s.careful(g) != 200 {
		t.Errorf("%s, authenticated %v, then %v", who, first, second)
	}

	// Somebody else at the same browser.
	back, _ = s.walk(s.begin(g.URL+begins), "eve")
	if to, page, status := s.open("GET", back, nil); to != "" || status != 401 || !strings.Contains(page, "You are signed in as ada@example.com, and") {
		t.Errorf("somebody else = %d to %q\n%.1500s", status, to, page)
	}
	if who, at := s.authenticated(g); who != "ada@example.com" || !at.Equal(second) {
		t.Errorf("the session is now of %q, authenticated %v", who, at)
	}

	// Whoever sits there takes out what we ask for: the provider lets them through, and does not
	// say when.
	back, asked = s.walk(stripped(t, s.begin(g.URL+begins), "prompt", "max_age"), "eve")
	if asked != 0 {
		t.Error("the provider asks without being told to: the test needs another one")
	}
	if to, page, status := s.open("GET", back, nil); to != "" || status != 401 || !strings.Contains(page, "does not say when you signed in") {
		t.Errorf("without a time = %d to %q\n%.1500s", status, to, page)
	}
}

// TestAnOldSessionAtTheProvider: signing in takes it, and nothing that has to be recent does.
func TestAnOldSessionAtTheProvider(t *testing.T) {
	g := oidcGate(t, ", create: true", "")
	s := newSurfer(t)
	if to, page, status := s.open("GET", s.signIn(g.URL+begins, "olga"), nil); to != g.URL+"/" {
		t.Fatalf("the login = %d to %q\n%.1500s", status, to, page)
	}
	who, at := s.authenticated(g)
	if age := time.Since(at); who != "olga@example.com" || age < 59*time.Minute || s.careful(g) != 303 {
		t.Errorf("%s, authenticated %v ago", who, age)
	}
	if _, page, _ := s.open("GET", g.URL+"/.sanmon/account", nil); !strings.Contains(page, `id="confirm"`) || strings.Contains(page, "/account/password") {
		t.Errorf("the account page offers changes:\n%.3000s", page)
	}
	back, asked := s.walk(s.begin(g.URL+begins), "olga")
	if to, page, status := s.open("GET", back, nil); asked != 1 || to != "" || status != 401 || !strings.Contains(page, "did not ask you to sign in again") {
		t.Errorf("a step-up that is none = %d to %q, asked %d times\n%.1500s", status, to, asked, page)
	}
	if s.careful(g) != 303 {
		t.Error("the session passes as recent")
	}

	s = newSurfer(t) // and where nobody knows how old it is
	back, _ = s.walk(stripped(t, s.begin(g.URL+begins), "max_age"), "ada")
	if to, page, status := s.open("GET", back, nil); to != g.URL+"/" {
		t.Fatalf("the login = %d to %q\n%.1500s", status, to, page)
	}
	if who, at := s.authenticated(g); who != "ada@example.com" || !at.IsZero() || s.careful(g) != 303 {
		t.Errorf("%s, authenticated %v", who, at)
	}
}
