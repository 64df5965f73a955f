package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
	"pgregory.net/rapid"
)

const host = "app.example.com"

var (
	anyone   = BoundaryOf(caller.Anonymous)
	sessions = BoundaryOf(caller.Session)
	both     = BoundaryOf(caller.Session, caller.Key)
)

func compile(t *testing.T, routes ...Route) *Table {
	t.Helper()
	for i := range routes {
		if routes[i].Host == "" {
			routes[i].Host = host
		}
	}
	table, err := Compile(1, map[string][]string{
		"reader": {"notes:read"}, "writer": {"notes:write"}, "notes": {"notes:*"}, "admin": {"*"}, "empty": {},
	}, routes)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestMatch(t *testing.T) {
	table := compile(t,
		Route{ID: "home", Path: "/", Methods: []string{"GET", "HEAD"}},
		Route{ID: "list", Path: "/notes", Methods: []string{"GET", "HEAD"}},
		Route{ID: "create", Path: "/notes", Methods: []string{"POST"}},
		Route{ID: "one", Path: "/notes/{id}", Methods: []string{"GET"}},
		Route{ID: "new", Path: "/notes/new", Methods: []string{"GET"}},
		Route{ID: "parts", Path: "/notes/{id}/parts/{part}"},
		Route{ID: "deep", Path: "/notes/new/{rest...}"},
		Route{ID: "static", Path: "/static/{rest...}", Methods: []string{"GET", "HEAD"}},
		Route{ID: "other", Host: "other.example.com", Path: "/{rest...}"},
	)
	for _, tt := range []struct {
		host, method, path, want string
	}{
		{host, "GET", "/", "home"},
		{host, "POST", "/", "method_not_allowed"},
		{host, "GET", "/notes", "list"},
		{host, "POST", "/notes", "create"},
		{host, "DELETE", "/notes", "method_not_allowed"},
		{host, "GET", "/notes/", "route_unknown"}, // a parameter is never empty
		{host, "GET", "/notes/7", "one"},
		{host, "GET", "/notes/new", "new"},                           // literal before parameter
		{host, "POST", "/notes/new", "method_not_allowed"},           // falls to no other template
		{host, "PUT", "/notes/new/parts/2", "deep"},                  // longest literal wins
		{host, "PUT", "/notes/7/parts/2", "parts"},                   //
		{host, "PUT", "/notes/7/parts/", "route_unknown"},            //
		{host, "PROPFIND", "/notes/7/parts/2", "method_not_allowed"}, // uncommon methods are named or refused
		{host, "GET", "/static", "route_unknown"},                    // /x/{rest...} is not /x
		{host, "GET", "/static/", "static"},                          //
		{host, "GET", "/static/a/b.css", "static"},                   //
		{host, "GET", "/STATIC/a", "route_unknown"},                  // paths are compared exactly
		{host, "GET", "/notes/a%2Fb", "one"},                         // an encoded slash separates nothing
		{host, "GET", "", "route_unknown"},                           //
		{"other.example.com", "GET", "/anything", "other"},           //
		{"evil.example.com", "GET", "/", "host_unknown"},             //
		{"APP.example.com", "GET", "/", "host_unknown"},              // hosts come canonical
	} {
		_, r, err := table.Match(tt.host, tt.method, tt.path)
		got := ""
		if err != nil {
			got = string(refusal.From(err).Code)
		} else {
			got = r.ID
		}
		if got != tt.want {
			t.Errorf("Match(%q, %s %s) = %s, want %s", tt.host, tt.method, tt.path, got, tt.want)
		}
	}
}

func TestAllowListsEveryMethodOfTheTemplate(t *testing.T) {
	table := compile(t, Route{ID: "a", Path: "/n", Methods: []string{"GET", "HEAD"}}, Route{ID: "b", Path: "/n", Methods: []string{"POST"}})
	_, _, err := table.Match(host, "DELETE", "/n")
	if got := refusal.From(err).Allow; !slices.Equal(got, []string{"GET", "HEAD", "POST"}) {
		t.Errorf("Allow = %v", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		routes []Route
		want   string
	}{
		{"equal rank", []Route{{ID: "a", Path: "/n/{x}"}, {ID: "b", Path: "/n/{y}", Methods: []string{"GET"}}}, `"a" and "b"`},
		{"equal rest", []Route{{ID: "a", Path: "/n/{x...}"}, {ID: "b", Path: "/n/{y...}"}}, `"a" and "b"`},
		{"no slash", []Route{{ID: "a", Path: "n"}}, "does not start"},
		{"rest inside", []Route{{ID: "a", Path: "/{x...}/n"}}, "not the last"},
		{"mixed", []Route{{ID: "a", Path: "/n{x}"}}, "whole segment"},
		{"open", []Route{{ID: "a", Path: "/{x"}}, "no parameter"},
		{"nameless", []Route{{ID: "a", Path: "/{}"}}, "no parameter"},
		{"pattern", []Route{{ID: "a", Path: "/", Require: []string{"notes:*"}}}, "pattern"},
	} {
		_, err := Compile(1, nil, tt.routes)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	if _, err := Compile(1, nil, []Route{{ID: "a", Path: "/n", Methods: []string{"GET"}}, {ID: "b", Path: "/n", Methods: []string{"POST"}}}); err != nil {
		t.Errorf("separate methods are no conflict: %v", err)
	}
}

var whole = &caller.Rights{Whole: true}

func roles(names ...string) *caller.Rights { return &caller.Rights{Roles: names} }

func TestAuthorise(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	table := compile(t,
		Route{ID: "public", Path: "/p", Boundary: anyone},
		Route{ID: "any", Path: "/a", Boundary: sessions},
		Route{ID: "read", Path: "/r", Boundary: both, Require: []string{"notes:read"}},
		Route{ID: "both", Path: "/b", Boundary: both, Require: []string{"notes:read", "notes:write"}},
		Route{ID: "fresh", Path: "/f", Boundary: both, Require: []string{"notes:write"}, Fresh: 10 * time.Minute},
	)
	session := func(rights *caller.Rights, age time.Duration) *caller.Caller {
		return &caller.Caller{Kind: caller.Session, Credential: whole, Principal: rights, AuthTime: now.Add(-age)}
	}
	key := func(credential, principal *caller.Rights) *caller.Caller {
		return &caller.Caller{Kind: caller.Key, Credential: credential, Principal: principal}
	}
	for _, tt := range []struct {
		name, path string
		c          *caller.Caller
		want       refusal.Code
	}{
		{"public takes nobody", "/p", &caller.Caller{}, ""},
		{"nobody at a closed route", "/a", &caller.Caller{}, refusal.LoginRequired},
		{"key where only sessions go", "/a", key(roles("admin"), roles("admin")), refusal.LoginRequired},
		{"session without roles where none are needed", "/a", session(roles(), 0), ""},
		{"session with the role", "/r", session(roles("reader"), 0), ""},
		{"session without the role", "/r", session(roles("writer"), 0), refusal.PermissionMissing},
		{"a principal is never whole", "/r", session(&caller.Rights{Whole: true}, 0), refusal.PermissionMissing},
		{"unknown role", "/r", session(roles("ghost"), 0), refusal.PermissionMissing},
		{"one of two scopes", "/b", session(roles("reader"), 0), refusal.PermissionMissing},
		{"two roles", "/b", session(roles("reader", "writer"), 0), ""},
		{"pattern role", "/b", session(roles("notes"), 0), ""},
		{"star role", "/b", session(roles("admin"), 0), ""},
		{"key narrows an admin", "/b", key(roles("reader"), roles("admin")), refusal.PermissionMissing},
		{"key outlives its owner's rights", "/r", key(roles("reader"), roles("writer")), refusal.PermissionMissing},
		{"key and owner agree", "/r", key(roles("reader"), roles("reader")), ""},
		{"key with scopes alone", "/r", key(&caller.Rights{Scopes: []string{"notes:read"}}, roles("admin")), ""},
		{"key with a scope pattern", "/b", key(&caller.Rights{Scopes: []string{"notes:*"}}, roles("admin")), ""},
		{"key with role and scope: the intersection", "/r", key(&caller.Rights{Roles: []string{"writer"}, Scopes: []string{"notes:read"}}, roles("admin")), refusal.PermissionMissing},
		{"key with neither", "/r", key(&caller.Rights{}, roles("admin")), refusal.PermissionMissing},
		{"no rights at all", "/r", key(nil, nil), refusal.PermissionMissing},
		{"fresh enough", "/f", session(roles("writer"), 10*time.Minute), ""},
		{"too old", "/f", session(roles("writer"), 10*time.Minute+time.Second), refusal.StepUpRequired},
		{"a key has nothing to renew", "/f", key(roles("writer"), roles("writer")), ""},
	} {
		_, r, err := table.Match(host, "GET", tt.path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = table.Authorise(r, tt.c, now)
		var got refusal.Code
		if err != nil {
			got = refusal.From(err).Code
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.name, got, tt.want, err)
		}
	}
}

func TestARouteOfNoTableAuthorisesNobody(t *testing.T) {
	table := compile(t, Route{ID: "r", Path: "/r", Boundary: both})
	if _, err := table.Authorise(&Route{ID: "r", Boundary: both}, &caller.Caller{Kind: caller.Key}, time.Time{}); err == nil {
		t.Error("a route without compiled needs let somebody in")
	}
}

func TestBothVerdictsAreTold(t *testing.T) {
	table := compile(t, Route{ID: "r", Path: "/r", Boundary: both, Require: []string{"notes:read"}})
	for _, tt := range []struct {
		credential, principal string
		want                  Verdict
	}{
		{"reader", "reader", Verdict{true, true}},
		{"reader", "writer", Verdict{true, false}},
		{"writer", "reader", Verdict{false, true}},
		{"writer", "writer", Verdict{false, false}},
	} {
		got, err := table.Authorise(table.Route(0), &caller.Caller{Kind: caller.Key, Credential: roles(tt.credential), Principal: roles(tt.principal)}, time.Time{})
		if got != tt.want || (err == nil) != (tt.want == Verdict{true, true}) {
			t.Errorf("%s/%s: %v, %v", tt.credential, tt.principal, got, err)
		}
	}
}

func TestSlotIsOnlyACache(t *testing.T) {
	table := compile(t, Route{ID: "r", Path: "/r", Boundary: sessions, Require: []string{"notes:read"}})
	c := &caller.Caller{Kind: caller.Session, Credential: whole, Principal: roles("reader"), Slot: &caller.Slot{}}
	if _, err := table.Authorise(table.Route(0), c, time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.Principal = roles("writer") // the role was taken away
	if _, err := table.Authorise(table.Route(0), c, time.Time{}); err == nil {
		t.Error("a cached right outlived the role")
	}
	c.Principal = roles("reader")
	other := compile(t, Route{ID: "r", Path: "/r", Boundary: sessions, Require: []string{"other:scope"}})
	other.Generation = 2
	if _, err := other.Authorise(other.Route(0), c, time.Time{}); err == nil {
		t.Error("a cached right outlived the configuration")
	}
}

// The formula, against a model with maps instead of bits.
func TestFormulaAgainstModel(t *testing.T) {
	names := []string{"a:r", "a:w", "b:r", "b:w", "c:x"}
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names), rapid.ID).Draw(rt, label)
		}
		need, keyRole, keyScopes, ownerRole := pick("need"), pick("keyRole"), pick("keyScopes"), pick("ownerRole")
		hasRole := rapid.Bool().Draw(rt, "hasRole")
		table, err := Compile(1, map[string][]string{"key": keyRole, "owner": ownerRole}, []Route{{ID: "r", Path: "/", Boundary: both, Require: need}})
		if err != nil {
			rt.Fatal(err)
		}
		credential := &caller.Rights{Scopes: keyScopes}
		if hasRole {
			credential.Roles = []string{"key"}
		}
		want := true
		for _, n := range need {
			byKey := slices.Contains(keyScopes, n)
			if hasRole {
				byKey = slices.Contains(keyRole, n) && (len(keyScopes) == 0 || slices.Contains(keyScopes, n))
			}
			want = want && byKey && slices.Contains(ownerRole, n)
		}
		_, err = table.Authorise(table.Route(0), &caller.Caller{Kind: caller.Key, Credential: credential, Principal: roles("owner")}, time.Time{})
		if (err == nil) != want {
			rt.Fatalf("allowed %v, want %v", err == nil, want)
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("/notes/1/parts/2")
	f.Add("//")
	table, err := Compile(1, nil, []Route{
		{ID: "a", Host: host, Path: "/notes/{id}/parts/{p}"}, {ID: "b", Host: host, Path: "/notes/{rest...}"}, {ID: "c", Host: host, Path: "/x"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		_, r, err := table.Match(host, "GET", path)
		if err != nil {
			return
		}
		if r.ID == "c" && path != "/x" || r.ID != "c" && !strings.HasPrefix(path, "/notes/") {
			t.Errorf("%q matched %s", path, r.ID)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	table, _ := Compile(1, nil, []Route{
		{ID: "a", Host: host, Path: "/notes/{id}/parts/{p}"}, {ID: "b", Host: host, Path: "/notes/{rest...}"}, {ID: "c", Host: host, Path: "/x"},
	})
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = table.Match(host, "GET", "/notes/1234/parts/2")
	}
}

func BenchmarkAuthoriseWarm(b *testing.B) {
	table, _ := Compile(1, map[string][]string{"reader": {"notes:read"}}, []Route{{ID: "r", Path: "/r", Boundary: both, Require: []string{"notes:read"}}})
	c := &caller.Caller{Kind: caller.Key, Credential: roles("reader"), Principal: roles("reader"), Slot: &caller.Slot{}}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = table.Authorise(table.Route(0), c, now)
	}
}
