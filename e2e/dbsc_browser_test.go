package e2e_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// bindingBrowser is a Chromium that binds sessions. On Linux it has no store of keys that
// cannot be copied, so they are in memory; everything else is what people have. The one
// certificate of the gate counts as good, for Chromium binds nothing across a bad one.
func bindingBrowser(t *testing.T, g *harness.Gate, features ...string) (*person, *bindings) {
	t.Helper()
	c, err := tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	_ = c.Close()
	features = append(features, "DeviceBoundSessions", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting")
	ctx, _ := browser(t, 800, 700, "en", chromedp.Flag("enable-features", strings.Join(features, ",")),
		chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(sum[:])))
	b := &bindings{t: t}
	err = chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*network.EventDeviceBoundSessionEventOccurred); ok {
			b.add(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: "bound-"}
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, network.EnableDeviceBoundSessions, network.EnableDeviceBoundSessionsParams{Enable: true})
		return err
	}))
	return p, b
}

// cookie is the value that Chromium has under a name; "" none.
func (p *person) cookie(name string) string {
	p.t.Helper()
	var value string
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{p.g.URL + "/"}})
		if err != nil {
			return err
		}
		for _, c := range got.Cookies {
			if c.Name == name {
				value = c.Value
			}
		}
		return nil
	}))
	return value
}

const boundName = "__Host-sanmon-bound"

// letExpire gives the bound cookie a second to live, and waits until Chromium has dropped it.
func (p *person) letExpire() {
	p.t.Helper()
	value, yes := p.cookie(boundName), true
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: boundName, Value: value, URL: p.g.URL + "/", Path: "/", Secure: &yes, HTTPOnly: &yes,
			SameSite: network.CookieSameSiteLax, Expires: cdp.TimeSinceEpoch(float64(time.Now().UnixMilli()+1000) / 1000)})
		return err
	}))
	for end := time.Now().Add(15 * time.Second); p.cookie(boundName) != ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("the cookie does not expire")
		}
	}
}

// TestDeviceBoundSessionInChromium: a person signs in over TLS. Chromium registers a key with
// the gate unasked, and when its short-lived cookie has expired it holds the next request
// back, answers the gate's challenge with that key, and sends the request with a new cookie.
// Meanwhile a copy of the session cookie has become worth nothing.
func TestDeviceBoundSessionInChromium(t *testing.T) {
	t.Parallel()
	g := bindingGate(t, "")
	p, b := bindingBrowser(t, g)
	p.signIn()
	sid := b.created()
	var trail []string
	for line := range strings.Lines(g.CLI(t, "", "audit", "export")) {
		if strings.Contains(line, `"event":"session.bound"`) {
			trail = append(trail, line)
		}
	}
	if len(trail) != 1 || !strings.Contains(trail[0], sid) || !strings.Contains(trail[0], "kind=dbsc") {
		t.Errorf("Chromium bound %s, the trail has %q", sid, trail)
	}

	thief := holding(t, g, p.cookie("__Host-sanmon"))
	for end := time.Now().Add(45 * time.Second); time.Now().Before(end) && thief.Get(t, "/private/x").Status != 401; time.Sleep(500 * time.Millisecond) {
	}
	want(t, "the thief", thief.Get(t, "/private/x"), 401, "login_required")

	before := p.cookie(boundName)
	p.letExpire()
	p.do(chromedp.Navigate(g.URL+account), chromedp.WaitVisible("#sessions"))
	b.refreshed(sid)
	if after := p.cookie(boundName); after == "" || after == before {
		t.Errorf("the cookie after the refresh is %q, before %q", after, before)
	}
	p.shot("refreshed")

	// Signing out ends the binding (Clear-Site-Data), and the next login binds its own session.
	p.logout()
	b.ended(sid, network.TerminationEventDetailsDeletionReasonStoragePartitionCleared)
	p.signIn()
	next := b.created()
	if next == sid {
		t.Errorf("session %s twice", sid)
	}
	p.letExpire()
	p.do(chromedp.Navigate(g.URL+account), chromedp.WaitVisible("#sessions"))
	b.refreshed(next)

	// An administrator ends the session: Chromium is told so instead of a challenge, lets go of
	// the key, and the person is asked to sign in.
	g.CLI(t, "", "session", "revoke", next)
	p.letExpire()
	p.do(chromedp.Navigate(g.URL+account), chromedp.WaitVisible("#password"))
	b.ended(next, network.TerminationEventDetailsDeletionReasonRefreshFatalError)
}
