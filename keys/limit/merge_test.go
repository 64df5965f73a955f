package limit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// RFC 9651, Section 4.2; draft-ietf-httpapi-ratelimit-headers-11, Sections 3 and 4.
func TestWellFormed(t *testing.T) {
	for _, s := range []string{
		`"a";r=1`, `"a";r=0;t=5`, `"a";r=5, "b";r=7;t=1`, `"a"; r=1;pk=:aGVsbG8=:`, `a;r=1`, `"a\"b\\";r=1`, `"";r=1`, `  "a";r=1  `, "\"a\";r=1\t,\t\"b\";r=2", `"a";x;r=1`, `"a";x=?1;r=1`, `"a";x=1.5;r=2`, `"a";r=999999999999999`, `"a";*k=tok/en;r=1`,
	} {
		if !wellFormed(s, "r") {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{
		``, ` `, `,`, `"a"`, `"a";r`, `"a";r=`, `"a";r=-1`, `"a";r=1.5`, `"a";r="1"`, `"a";r=1,`, `"a";r=1,,"b";r=1`, `"a;r=1`, `"a\x";r=1`, `"a";R=1`, `"a";r=1 "b";r=1`, `("a");r=1`, `1;r=1`, `"a";r=1;`, `"a";r=1;;t=1`,
		`limit=10, remaining=5, reset=3`, `10`, `"ä";r=1`, `"a";r=1000000000000000`, `"a";pk=:x;r=1`, `"a";x=?2;r=1`, "\"a\";r=1\n", `"a";1=2;r=1`, `"a";r=1;q=`, `"a` + strings.Repeat("a", maxList) + `";r=1`,
	} {
		if wellFormed(s, "r") {
			t.Errorf("%q is taken", s)
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	for _, s := range []string{`"a";r=1;t=5, b;r=7;pk=:aGVsbG8=:`, `"a\"";r=1.5`, `;`, `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !wellFormed(s, "r") {
			return
		}
		// What is taken can stand in a list behind ours, and the list is still one.
		if strings.ContainsAny(s, "\r\n\x00") || !wellFormed(`"ours";r=1, `+s, "r") && len(s) < maxList-20 {
			t.Fatalf("%q", s)
		}
	})
}

func TestMerge(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "route", Rate{10, time.Minute, 1}), Key: tab.Named("a", "")}
	r := tab.Take(t0, d) // none left, 6 s to wait
	const q, s = `"route";q=10;w=60`, `"route";r=0;t=6`
	for _, tt := range []struct{ name, policy, state, wait, wantPolicy, wantState, wantWait string }{
		{"nothing of theirs", "", "", "", q, s, ""},
		{"theirs stays", `"app";q=5;w=1`, `"app";r=4;t=1`, "", q + `, "app";q=5;w=1`, s + `, "app";r=4;t=1`, ""},
		{"malformed", `10, 10;w=1`, `limit=10, remaining=5`, "", q, s, ""},
		{"a policy without quota", `"app";w=1`, `"app";r=1`, "", q, s + `, "app";r=1`, ""},
		{"a wait that is too short", "", "", "1", q, s, "6"},
		{"a longer wait", "", "", "60", q, s, "60"},
		{"a date", "", "", "Wed, 25 Nov 2026 12:00:03 GMT", q, s, "6"},
		{"a later date", "", "", "Wed, 25 Nov 2026 12:01:00 GMT", q, s, "Wed, 25 Nov 2026 12:01:00 GMT"},
		{"no wait at all", "", "", "soon", q, s, ""},
		{"a negative wait", "", "", "-1", q, s, ""},
	} {
		h := map[string][]string{}
		for name, v := range map[string]string{"Ratelimit-Policy": tt.policy, "Ratelimit": tt.state, "Retry-After": tt.wait} {
			if v != "" {
				h[name] = []string{v}
			}
		}
		r.Merge(h, t0)
		want := map[string][]string{"RateLimit-Policy": {tt.wantPolicy}, "RateLimit": {tt.wantState}}
		if tt.wantWait != "" {
			want["Retry-After"] = []string{tt.wantWait}
		}
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	h := map[string][]string{"Ratelimit": {`"a";r=1`, `"b";r=2`}}
	if r.Merge(h, t0); h["RateLimit"][0] != s+`, "a";r=1, "b";r=2` {
		t.Errorf("two lines: %v", h)
	}
	h = map[string][]string{"Ratelimit": {"whatever"}, "Retry-After": {"soon"}}
	if new(Result).Merge(h, t0); h["Ratelimit"][0] != "whatever" || h["Retry-After"][0] != "soon" {
		t.Errorf("where we limit nothing, something was changed: %v", h)
	}
}
