package sanmon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/nature"
)

// declare gives the route "write" natures, and no bound that would come first.
func declare(t testing.TB, g *sanmon.Gate, observe bool) {
	t.Helper()
	f, err := nature.NewFields(map[string]string{"title": "text", "body": "html(ugc)"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(g.Routes, func(r *sanmon.Route) bool { return r.ID == "write" })
	g.Routes[i].Fields, g.Routes[i].ObserveFields, g.Routes[i].MaxBody, g.Routes[i].Types = f, observe, -1, nil
}

func TestFieldsAreHeldAgainstTheirNature(t *testing.T) {
	const isMulti = "Content-Type: multipart/form-data; boundary=b"
	big := `{"title":"` + strings.Repeat("a", sanmon.FieldsWindow) + `"}`
	for _, tt := range []struct {
		name, target, body string
		fields             []string
		want               refusal.Code
	}{
		{"text", "/notes", `{"title":"a < b","body":"<b>x</b>"}`, []string{isJSON}, ""},
		{"markup in text", "/notes", `{"title":"<b>x</b>"}`, []string{isJSON}, refusal.InputInvalid},
		{"markup in an undeclared field", "/notes", "title=x&other=%3Cb%3E", []string{isForm}, refusal.InputInvalid},
		{"markup beyond the policy", "/notes", "body=%3Cscript%3E", []string{isForm}, refusal.InputInvalid},
		{"markup in the query", "/notes?q=%3Cb%3E", "title=x", []string{isForm}, refusal.InputInvalid},
		{"no body", "/notes", "", nil, ""},
		{"multipart", "/notes", "--b\r\nContent-Disposition: form-data; name=title\r\n\r\n<b>\r\n--b--", []string{isMulti}, refusal.InputInvalid},
		{"compressed", "/notes", "title=x", []string{isForm, "Content-Encoding: gzip"}, refusal.TypeNotAllowed},
		{"not compressed", "/notes", "title=x", []string{isForm, "Content-Encoding: identity"}, ""},
		{"of no type", "/notes", "title=x", nil, refusal.TypeNotAllowed},
		{"of another type", "/notes", "title=x", []string{"Content-Type: text/plain"}, refusal.TypeNotAllowed},
		{"charset", "/notes", "title=x", []string{isForm + "; charset=utf-7"}, refusal.TypeNotAllowed},
		{"too large to be judged", "/notes", big, []string{isJSON}, refusal.BodyTooLarge},
	} {
		for _, observe := range []bool{false, true} {
			g := newGate(t)
			declare(t, g, observe)
			token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, binding, "", now)
			p, err := ask(g, "POST", tt.target, tt.body, append(tt.fields, cookie, same, ours, token)...)
			var got, observed refusal.Code
			if err != nil {
				got = refusal.From(err).Code
			}
			if len(p.Observed) > 0 {
				observed = p.Observed[0].Code
			}
			wantGot, wantObserved := tt.want, refusal.Code("")
			if observe {
				wantGot, wantObserved = "", tt.want
			}
			if got != wantGot || observed != wantObserved {
				t.Errorf("%s, observed %v: %v, observed %q, want %q", tt.name, observe, err, observed, tt.want)
			}
		}
	}
}

// observe_all reports what a route would refuse.
func TestObserveAllCoversFields(t *testing.T) {
	g := newGate(t)
	declare(t, g, false)
	g.ObserveUntil = now.Add(time.Hour)
	token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, binding, "", now)
	p, err := ask(g, "POST", "/notes", "title=%3Cb%3E", isForm, cookie, same, ours, token)
	if err != nil || len(p.Observed) != 1 || p.Observed[0].Code != refusal.InputInvalid {
		t.Errorf("%v, observed %v", err, p.Observed)
	}
}
