package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// tab is one tab of a real browser in front of a gate.
type tab struct {
	t   *testing.T
	g   *harness.Gate
	ctx context.Context
	// complaints are what Chromium writes to its console.
	complaints func() []string

	mu     sync.Mutex
	sent   []sentRequest
	status map[string][]int64 // by path
}

// sentRequest is a request as the browser made it.
type sentRequest struct {
	method, url string
	token       bool // with the header X-Sanmon-Csrf
}

// openTab starts a browser and signs in.
func openTab(t *testing.T, g *harness.Gate, email string) *tab {
	t.Helper()
	ctx, complaints := browser(t, 1000, 900, "en")
	p := &tab{t: t, g: g, ctx: ctx, complaints: complaints}
	p.watch()
	p.enter(email)
	return p
}

// another opens a second tab of the same browser.
func (p *tab) another() *tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	q := &tab{t: p.t, g: p.g, ctx: ctx}
	q.watch()
	return q
}

func (p *tab) watch() {
	p.t.Helper()
	p.status = map[string][]int64{}
	err := chromedp.Listen(p.ctx, func(ev any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			text, _ := json.Marshal(e.Request.Headers)
			p.sent = append(p.sent, sentRequest{e.Request.Method, e.Request.URL, strings.Contains(strings.ToLower(string(text)), `"x-sanmon-csrf"`)})
		case *network.EventResponseReceived:
			path := strings.TrimPrefix(e.Response.URL, p.g.URL)
			p.status[path] = append(p.status[path], int64(e.Response.Status))
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// requests are those whose address has the text in it, so far.
func (p *tab) requests(text string) []sentRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []sentRequest
	for _, r := range p.sent {
		if strings.Contains(r.url, text) {
			found = append(found, r)
		}
	}
	return found
}

// answers are the statuses that came for a path, in order, and forgotten with this.
func (p *tab) answers(path string) []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.status[path]
	delete(p.status, path)
	return all
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		at, _ := chromedp.Run(p.ctx, chromedp.Location())
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText.slice(0, 600) : ""`))
		p.t.Fatalf("%v (at %s)\n%s", err, at, text)
	}
}

// visit opens a page of the gate.
func (p *tab) visit(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.g.URL+path), chromedp.WaitReady("body"))
}

// enter signs in with the login page.
func (p *tab) enter(email string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.g.URL+"/.sanmon/login"), chromedp.WaitVisible(`input[name="email"]`),
		chromedp.SetValue(`input[name="email"]`, email), chromedp.SendKeys(`input[name="password"]`, harness.Password))
	p.leave(`document.querySelector('form').requestSubmit()`)
}

// js evaluates an expression; a promise is waited for.
func (p *tab) js(expression string) string {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// leave evaluates a statement that leads to another document and waits until that is there.
func (p *tab) leave(statement string) {
	p.t.Helper()
	p.arrive(func() { p.js(`window.old = true; setTimeout(() => { ` + statement + ` }, 20); ""`) })
}

// click presses a button that leads to another document.
func (p *tab) click(selector string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.BringToFront, cdp.Empty{}); err != nil { // a mouse needs to see it
		p.t.Fatal(err)
	}
	p.arrive(func() { p.do(chromedp.Evaluate[chromedp.Void](`window.old = true`), chromedp.Click(selector)) })
}

func (p *tab) arrive(act func()) {
	p.t.Helper()
	act()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		arrived, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`window.old !== true && document.readyState === "complete" && location.protocol !== "about:"`))
		if err == nil && arrived {
			return
		}
	}
	p.t.Fatalf("no other document came; at %s", run(p.t, p.ctx, chromedp.Location()))
}

// back goes back to the page at path, which the browser may have kept as it was.
func (p *tab) back(path string) {
	p.t.Helper()
	p.js(`setTimeout(() => history.back(), 20); ""`)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		arrived, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`location.pathname === "`+path+`" && document.readyState === "complete" && !(window.old = false)`))
		if err == nil && arrived {
			return
		}
	}
	p.t.Fatalf("%s did not come back; at %s", path, run(p.t, p.ctx, chromedp.Location()))
}

// text is what the page says.
func (p *tab) text() string {
	p.t.Helper()
	return p.js(`(document.querySelector("pre") || document.body).textContent`)
}

// got reads the document as the JSON of a backend.
func (p *tab) got() arrival {
	p.t.Helper()
	var a arrival
	if err := json.Unmarshal([]byte(p.text()), &a); err != nil {
		p.t.Fatalf("at %s: %v\n%s", run(p.t, p.ctx, chromedp.Location()), err, p.js(`document.body.innerText.slice(0, 600)`))
	}
	return a
}

// age makes the page's clock go on.
func (p *tab) age(d time.Duration) {
	p.t.Helper()
	p.js(`Date.now = (now => () => now() + ` + d.String()[:len(d.String())-1] + `000)(Date.now); ""`)
}

// arrival is what a backend says it received.
type arrival struct {
	What     string   `json:"what"`
	Method   string   `json:"method"`
	Query    string   `json:"query"`
	Type     string   `json:"type"`
	Raw      string   `json:"raw"`
	Token    string   `json:"token"`
	Names    []string `json:"names"`
	Filename string   `json:"filename"`
	Comment  string   `json:"comment"`
	SHA256   string   `json:"sha256"`
	User     string   `json:"user"`
}
