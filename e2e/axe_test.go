package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// standards are the rules of axe-core for WCAG 2.0, 2.1 and 2.2, levels A and AA.
const standards = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`

// checker is the program of axe-core, or the test skips.
func checker(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), ".cache", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Skip("no axe-core (run scripts/testdeps.sh)")
	}
	return string(text)
}

// auditor checks the pages that its person looks at.
type auditor struct {
	*person
	axe string
}

// finding is a rule that a page breaks.
type finding struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// audit runs the rules. Where the ground is a gradient they could not tell a contrast, so it
// is the end of it that text stands out from least.
const audit = `(async () => {
	const ground = document.body.style
	ground.background = matchMedia("(prefers-color-scheme: dark)").matches ? "var(--ground)" : "var(--ground-far)"
	const r = await axe.run(document, {runOnly: {type: "tag", values: ` + standards + `}})
	ground.background = ""
	return JSON.stringify({kept: r.passes.length, broken: r.violations, unclear: r.incomplete})
})()`

// findings are the rules that the page breaks, or that could not be judged. They come in by
// the debugger, which the policy of the page does not bind.
func (a *auditor) findings(name string) []finding {
	a.t.Helper()
	run(a.t, a.ctx, chromedp.Evaluate[bool](a.axe+"; true"))
	var result struct {
		Kept            int
		Broken, Unclear []finding
	}
	said := run(a.t, a.ctx, chromedp.Evaluate[string](audit, chromedp.EvalAwaitPromise))
	if err := json.Unmarshal([]byte(said), &result); err != nil || result.Kept < 8 {
		a.t.Fatalf("%s: %d rules were kept, %v", name, result.Kept, err)
	}
	return append(result.Broken, result.Unclear...)
}

// check says what is wrong with a page, once it has loaded.
func (a *auditor) check(name string) {
	a.t.Helper()
	a.shot("axe-" + name)
	for _, f := range a.findings(name) {
		for _, n := range f.Nodes {
			a.t.Errorf("%s: %s (%s): %s\n%s", name, f.ID, f.Help, n.HTML, n.FailureSummary)
		}
	}
}

// look opens a page of the gate and checks it.
func (a *auditor) look(name, path, selector string) {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL+path), chromedp.WaitReady(selector))
	a.check(name)
}

// TestPagesAreAccessible: the pages that a person meets keep the rules of axe-core, in
// both languages, wide and as narrow as WCAG has it (1.4.10: 320 pixels), light and dark.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe := checker(t)
	for _, row := range []struct {
		language, scheme string
		width, height    int
	}{{"en", "light", 1280, 900}, {"ja", "dark", 320, 640}} {
		t.Run(row.language, func(t *testing.T) {
			back := harness.SharedBackend(t, harness.FastAPI)
			g := harness.StartGate(t, harness.Options{Upstream: back.URL, Top: fmt.Sprintf(`
login: { signup: open, smtp: { url: "smtp://127.0.0.1:%d", from: "Notes <no-reply@notes.example>" } }
clients:
  - { id: app, redirect_uris: ["com.example.app:/cb"], scopes: ["notes:read"] }`, closedPort(t)), Routes: `
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST] }, boundary: [session, key], require: ["notes:read"] }
  - { id: admin, match: { path: "/admin", methods: [GET] }, boundary: [session], require: ["site:admin"] }
  - { id: fresh, match: { path: "/fresh", methods: [GET] }, boundary: [session], fresh: 1s }
  - { id: danger, match: { path: "/danger", methods: [GET] }, effect: write, boundary: [session], csrf: once }
  - { id: token-only, match: { path: "/token", methods: [GET] }, boundary: [token] }
  - { id: limited, match: { path: "/limited", methods: [GET] }, boundary: public, limit: { rate: 1/h, burst: 1, per: network } }
`})
			g.AddUser(t, writer, "writer")
			ctx, _ := browser(t, row.width, row.height, row.language)
			a := &auditor{&person{t: t, g: g, ctx: ctx, dir: shots(t), name: row.language + "-"}, axe}
			a.do(chromedp.EmulateViewport(int64(row.width), int64(row.height)), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: row.scheme}}})
				return err
			}))
			a.authenticator()
			a.strangers()
			a.owner()
			a.refusals()
			a.leaves()
			a.sees()
		})
	}
}
