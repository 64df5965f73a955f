package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// The scripts of the pages. Whoever writes "attack" has injected it.
const (
	attack = `<script>document.title += ' ATTACK'</script><img src=data:, onerror="document.title += ' HANDLER'"><a id=js href="javascript:void(document.title += ' LINK')">x</a>`
	mark   = `document.title += ' own'; document.createElement('p').innerHTML = 'x'` // a sink of Trusted Types
	static = "\r\n  document.title += ' static'\r\n"                                 // browsers hash it with LF
)

// pagesOf is a backend whose pages have inline scripts, with and without a policy of its own.
func pagesOf(t *testing.T) *httptest.Server {
	page := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><html><head><title>t</title></head><body>%s<form method=post action=/session/x><input name=a></form></body></html>", body)
	}
	mux := http.NewServeMux()
	for _, mode := range []string{"floor", "observe", "strict", "session"} {
		mux.HandleFunc("GET /"+mode+"/page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Got-Nonce", strings.Join(r.Header["Sanmon-Csp-Nonce"], ","))
			page(w, "<script nonce='"+r.Header.Get("Sanmon-Csp-Nonce")+"'>"+mark+"</script>"+attack)
		})
		// Django ≥ 6.0, django.middleware.csp with nonces.
		mux.HandleFunc("GET /"+mode+"/django", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'nonce-ZGphbmdvNg=='")
			page(w, "<script nonce='ZGphbmdvNg=='>"+mark+"</script>"+attack)
		})
		// Flask-Talisman with its default policy.
		mux.HandleFunc("GET /"+mode+"/talisman", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'; object-src 'none'")
			page(w, "<script src=/"+mode+"/own.js></script>"+attack)
		})
		mux.HandleFunc("GET /"+mode+"/old", func(w http.ResponseWriter, _ *http.Request) { // reports to a report-uri
			w.Header().Set("Content-Security-Policy", "script-src 'self'; report-uri /.sanmon/report")
			page(w, attack)
		})
		mux.HandleFunc("GET /"+mode+"/learn", func(w http.ResponseWriter, r *http.Request) {
			page(w, "<script>"+static+"</script><script>q = '"+template(r.URL.Query().Get("q"))+"'</script>")
		})
		mux.HandleFunc("GET /"+mode+"/own.js", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(mark))
		})
		mux.HandleFunc("GET /"+mode+"/json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{}"))
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func template(s string) string { return regexp.MustCompile(`[^a-z]`).ReplaceAllString(s, "") }

const cspRoutes = `
  - { id: floor, match: { path: "/floor/{rest...}" }, boundary: public }
  - { id: observe, match: { path: "/observe/{rest...}" }, boundary: public, output: { csp: observe } }
  - { id: strict, match: { path: "/strict/{rest...}" }, boundary: public, output: { csp: strict } }
  - { id: session, match: { path: "/session/{rest...}" }, boundary: session, output: { csp: strict } }
`

func cspGate(t *testing.T) *harness.Gate {
	t.Helper()
	return harness.StartGate(t, harness.Options{Upstream: pagesOf(t).URL, Routes: cspRoutes, Top: "csp: { learn: true, approved: csp-approved.yaml }\nlogin: { password: true }\n"})
}

// asBrowser is what a browser sends when a person opens a page.
var asBrowser = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none", "Accept", "text/html", "If-None-Match", `"x"`, "Sanmon-Csp-Nonce", "evil"}

// TestContentPolicy: the nonce is fresh, handed to the backend and in the policy; a page
// with one is not stored; what is no page of a person gets none; the floor is always there.
func TestContentPolicy(t *testing.T) {
	g := cspGate(t)
	c := g.Client(t)
	nonces := map[string]bool{}
	for range 3 {
		h := c.Get(t, "/strict/page", asBrowser...).Header
		nonce := h.Get("X-Got-Nonce")
		policies := h.Values("Content-Security-Policy")
		if len(policies) != 1 || !strings.Contains(policies[0], "script-src 'nonce-"+nonce+"' 'strict-dynamic'") || len(nonce) != 32 || nonces[nonce] || nonce == "evil" {
			t.Errorf("nonce %q, policies %q", nonce, policies)
		}
		if h.Get("Cache-Control") != "private, no-store" || h.Get("Reporting-Endpoints") != "" || !strings.Contains(policies[0], "report-uri /.sanmon/report") {
			t.Errorf("Cache-Control %q, Reporting-Endpoints %q", h.Get("Cache-Control"), h.Get("Reporting-Endpoints"))
		}
		if ro := h.Values("Content-Security-Policy-Report-Only"); len(ro) != 1 || !strings.HasPrefix(ro[0], "require-trusted-types-for 'script'") {
			t.Errorf("report only %q", ro)
		}
		nonces[nonce] = true
	}
	h := c.Get(t, "/observe/page", asBrowser...).Header
	if p := h.Values("Content-Security-Policy"); len(p) != 1 || !strings.Contains(p[0], "object-src 'none'") || strings.Contains(p[0], "script-src") {
		t.Errorf("observe enforces %q", p)
	}
	if p := h.Values("Content-Security-Policy-Report-Only"); len(p) != 1 || !strings.Contains(p[0], "'nonce-"+h.Get("X-Got-Nonce")+"'") {
		t.Errorf("observe reports %q", p)
	}
	for path, as := range map[string][]string{"/floor/page": asBrowser, "/strict/page": {"Sec-Fetch-Mode", "cors", "Sanmon-Csp-Nonce", "evil"}, "/strict/json": {"Sec-Fetch-Mode", "cors"}} {
		h := c.Get(t, path, as...).Header
		if h.Get("X-Got-Nonce") != "" || strings.Contains(fmt.Sprint(h), "evil") {
			t.Errorf("%s: nonce %q", path, h.Get("X-Got-Nonce"))
		}
	}
}

// TestReports: both formats, grouped, noise left out, bounded, with a limit of its own and
// whatever the origin of the sender.
func TestReports(t *testing.T) {
	t.Parallel()
	g := cspGate(t)
	c := g.Client(t)
	old := func(page, blocked string) string {
		return fmt.Sprintf(`{"csp-report":{"document-uri":%q,"effective-directive":"script-src-elem","disposition":"report","blocked-uri":%q,"script-sample":"alert(1)"}}`, page, blocked)
	}
	batch := fmt.Sprintf(`[{"type":"csp-violation","url":%q,"body":{"documentURL":%q,"effectiveDirective":"img-src","disposition":"enforce","blockedURL":"https://cdn.example/x.png?y"}}]`, g.URL+"/strict/page", g.URL+"/strict/page?q=secret")
	for _, row := range []struct {
		contentType, body string
		header            []string
		want              int
	}{
		{"application/csp-report", old(g.URL+"/observe/page", "inline"), nil, 204},
		{"application/csp-report", old(g.URL+"/observe/page?q=1", "inline"), []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, 204}, // of a sandboxed page
		{"application/reports+json", batch, []string{"Origin", g.URL, "Sec-Fetch-Site", "same-origin"}, 204},
		{"application/csp-report", old("https://elsewhere.example/", "inline"), nil, 204},
		{"application/csp-report", old(g.URL+"/observe/page", "chrome-extension"), nil, 204},
		{"application/csp-report", "{", nil, 422},
		{"text/plain", old(g.URL+"/observe/page", "inline"), nil, 415},
		{"application/csp-report", old(g.URL+"/observe/page", strings.Repeat("x", 16<<10)), nil, 413},
	} {
		if got := c.Post(t, "/.sanmon/report", row.contentType, row.body, row.header...); got.Status != row.want {
			t.Errorf("%s %.60s: %d, want %d: %s", row.contentType, row.body, got.Status, row.want, got.Body)
		}
	}
	if got := c.Get(t, "/.sanmon/report"); got.Status != 405 {
		t.Errorf("GET: %d", got.Status)
	}
	line := g.LogWith(t, 3*time.Second, map[string]any{"msg": "a page did what its content security policy does not allow", "blocked": "inline", "route": "observe"})
	if line["sample"] != "alert(1)" {
		t.Errorf("%v", line)
	}
	if n := g.Metric(t, `sanmon_csp_reports_total{directive="script-src-elem",disposition="report"}`); n != 2 {
		t.Errorf("%v reports counted, want 2", n)
	}
	reports := waitReports(t, g, 2)
	want := "img-src https://cdn.example strict 1, script-src-elem inline observe 2"
	if got := grouped(reports); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	limited := false
	for range 400 {
		limited = limited || c.Post(t, "/.sanmon/report", "application/csp-report", old("https://elsewhere.example/", "inline")).Status == 429
	}
	if !limited {
		t.Error("reports have no limit")
	}
	if got := c.Get(t, "/floor/page"); got.Status != 200 {
		t.Errorf("the limit of reports is that of pages: %d", got.Status)
	}
}

type report struct {
	Route, Directive, Blocked, Disposition, Sample string
	Count                                          int
}

type routeStatus struct {
	Route, Mode string
	Views       int
	Ready       bool
	Why         []string
}

func waitReports(t *testing.T, g *harness.Gate, n int) (all []report) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if g.CLIJSON(t, &all, "", "csp", "reports"); len(all) >= n {
			return all
		}
	}
	return all
}

func grouped(all []report) string {
	var lines []string
	for _, r := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %d", r.Directive, r.Blocked, r.Route, r.Count))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// TestLearnAndApprove: what never changes is proposed, what holds a value of its request is
// not, nothing is in force before a person approves it, and then it is at once.
func TestLearnAndApprove(t *testing.T) {
	t.Parallel()
	g := cspGate(t)
	c := g.Client(t)
	for _, q := range []string{"", "?q=secretvalue", "?q=othervalue", ""} {
		c.Get(t, "/strict/learn"+q, asBrowser...)
	}
	var proposal string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if proposal = g.CLI(t, "", "csp", "propose", "--visitors", "1", "--hours", "0"); strings.Contains(proposal, "hash") {
			break
		}
	}
	hashes := regexp.MustCompile(`sha256-[A-Za-z0-9+/]{43}=`).FindAllString(proposal, -1)
	if len(hashes) != 2 || !strings.Contains(proposal, strings.TrimSpace(static)) || !strings.Contains(proposal, "q = ''") || strings.Contains(proposal, "secretvalue") {
		t.Fatalf("proposed:\n%s", proposal)
	}
	if p := c.Get(t, "/strict/learn", asBrowser...).Header.Get("Content-Security-Policy"); strings.Contains(p, "sha256") {
		t.Errorf("in force without approval: %s", p)
	}
	out := g.CLI(t, "", "csp", "approve", hashes[0])
	if !strings.Contains(out, "approved 1 scripts") {
		t.Errorf("%s", out)
	}
	deadline := time.Now().Add(4 * time.Second)
	for p := ""; !strings.Contains(p, hashes[0]); time.Sleep(100 * time.Millisecond) {
		if p = c.Get(t, "/strict/learn", asBrowser...).Header.Get("Content-Security-Policy"); time.Now().After(deadline) {
			t.Fatalf("not in force: %s", p)
		}
	}
	ctx := reportingBrowser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(g.URL+"/strict/learn?q=secretvalue"), chromedp.WaitReady("form")); err != nil {
		t.Fatal(err)
	}
	if title := run(t, ctx, chromedp.Evaluate[string](`document.title`)); title != "t static" {
		t.Errorf("the approved script does not run: %q", title)
	}
	if p := c.Get(t, "/observe/page", asBrowser...).Header.Get("Content-Security-Policy-Report-Only"); strings.Contains(p, "sha256") {
		t.Errorf("an approval of another route: %s", p)
	}
	g.WriteFile(t, "csp-approved.yaml", "version: 1\nscripts:\n  - { route: strict, hash: \"sha256-x' *\" }\n")
	g.LogWith(t, 5*time.Second, map[string]any{"level": "ERROR", "msg": "the changed file of csp.approved is refused; the one before stays in force"})
	if p := c.Get(t, "/strict/learn", asBrowser...).Header.Get("Content-Security-Policy"); !strings.Contains(p, hashes[0]) {
		t.Errorf("a bad file took the good one away: %s", p)
	}
	g.WriteFile(t, "csp-approved.yaml", "version: 1\nexplained: [ { route: observe, directive: img-src, blocked: data, reason: an extension } ]\n")
	if res := g.Run(t, "", "csp", "approve", "--route", "nowhere", hashes[0]); res.Exit == 0 {
		t.Errorf("approved for a route that is not there: %+v", res)
	}
	var status []routeStatus
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		g.CLIJSON(t, &status, "", "csp", "status", "--views", "1", "--days", "0")
		if i := slices.IndexFunc(status, func(s routeStatus) bool { return s.Route == "observe" }); status[i].Views > 0 {
			break
		}
	}
	for _, s := range status {
		if s.Route == "observe" && !s.Ready || s.Route == "floor" && s.Ready || s.Route == "strict" && s.Views < 4 {
			t.Errorf("%+v", s)
		}
	}
}

// TestContentPolicyInChromium: what a real browser runs and reports under each mode.
func TestContentPolicyInChromium(t *testing.T) {
	t.Parallel()
	g := cspGate(t)
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)
	ctx := reportingBrowser(t)
	if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: g.CookieName(), Value: c.Cookie(t), URL: g.URL})
		return err
	})); err != nil {
		t.Fatal(err)
	}
	title := func(path string) string {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Navigate(g.URL+path), chromedp.WaitReady("form"), chromedp.Click("#js"), chromedp.Sleep(200*time.Millisecond)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return run(t, ctx, chromedp.Evaluate[string](`document.title`))
	}
	for _, row := range []struct{ path, want string }{
		{"/floor/page", "t own ATTACK HANDLER LINK"},   // the floor breaks nothing and stops no script
		{"/observe/page", "t own ATTACK HANDLER LINK"}, // observed, not stopped
		{"/strict/page", "t own"},
		{"/strict/django", "t own"}, {"/strict/talisman", "t own"},
		{"/session/page", "t own"}, {"/session/django", "t own"}, {"/session/talisman", "t own"},
	} {
		if got := title(row.path); got != row.want {
			t.Errorf("%s: %q, want %q", row.path, got, row.want)
		}
		if strings.HasPrefix(row.path, "/session/") {
			// Our own script carries the right nonce: it ran under every policy.
			if n := run(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll('head > script[src="/.sanmon/csrf.js"]').length`)); n != 1 {
				t.Errorf("%s: %d scripts of ours", row.path, n)
			}
			if n := run(t, ctx, chromedp.Evaluate[int](`performance.getEntriesByName(location.origin + "/.sanmon/csrf.js").filter(e => e.responseStatus == 200).length`)); n != 1 {
				t.Errorf("%s: our script was not loaded", row.path)
			}
		}
	}
	title("/floor/old")
	wantReports(t, g,

		"script-src-elem inline observe report", "script-src-attr inline observe report", "script-src-elem inline strict enforce", "script-src-attr inline strict enforce",
		"require-trusted-types-for trusted-types-sink strict report", "require-trusted-types-for trusted-types-sink observe report",
		"script-src-elem inline floor enforce", // of the backend's own policy
	)
}

// TestReportingAPIInChromium: over https reports come in batches by the Reporting API.
func TestReportingAPIInChromium(t *testing.T) {
	t.Parallel()
	g := harness.StartGate(t, harness.Options{Upstream: pagesOf(t).URL, Routes: cspRoutes, TLS: "{ self_signed: true }"})
	ctx := reportingBrowser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(g.URL+"/strict/page"), chromedp.WaitReady("form"), chromedp.Sleep(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantReports(t, g, "script-src-elem inline strict enforce", "script-src-attr inline strict enforce")
}

// wantReports waits for groups of reports, "directive blocked route disposition".
func wantReports(t *testing.T, g *harness.Gate, wants ...string) {
	t.Helper()
	reports := waitReports(t, g, len(wants))
	for _, want := range wants {
		found := false
		for _, r := range reports {
			found = found || want == strings.Join([]string{r.Directive, r.Blocked, r.Route, r.Disposition}, " ")
		}
		if !found {
			text, _ := json.Marshal(reports)
			t.Errorf("no report of %q in %s", want, text)
		}
	}
}

// reportingBrowser is a Chromium that sends reports of the Reporting API soon, not after a
// minute.
func reportingBrowser(t *testing.T) context.Context {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
			chromedp.Flag("disable-background-networking", false), chromedp.Flag("short-reporting-delay", true), chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-component-update", true))
		ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		t.Cleanup(cancel)
		ctx, cancel = chromedp.NewContext(ctx)
		t.Cleanup(cancel)
		ctx, cancel = context.WithTimeout(ctx, 60*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	t.Skip("no Chromium (run scripts/testdeps.sh)")
	return nil
}
