package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// browser starts a headless Chromium with a profile of its own, or skips.
func browser(t *testing.T, width, height int, language string) (context.Context, func() []string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium (run scripts/testdeps.sh)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("accept-lang", language), chromedp.Flag("lang", language))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text)
		}
	})
	return ctx, func() []string { mu.Lock(); defer mu.Unlock(); return append([]string(nil), complaints...) }
}

// shots is where screenshots are kept: SANMON_E2E_SHOTS or a directory of the test.
func shots(t *testing.T) string {
	if dir := os.Getenv("SANMON_E2E_SHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// TestLoginPageInChromium: a person opens a closed page, signs in without JavaScript
// being needed, and arrives there; a wrong password says so. In both languages.
func TestLoginPageInChromium(t *testing.T) {
	g := notes(t)
	for _, row := range []struct {
		language      string
		width, height int
	}{{"en", 1280, 800}, {"ja", 360, 740}} {
		t.Run(row.language, func(t *testing.T) {
			ctx, complaints := browser(t, row.width, row.height, row.language)
			dir := shots(t)
			shot := func(name string) chromedp.Action {
				var png []byte
				return chromedp.Tasks{chromedp.FullScreenshot(&png, 100), chromedp.ActionFunc(func(context.Context) error {
					return os.WriteFile(filepath.Join(dir, row.language+"-"+name+".png"), png, 0o600)
				})}
			}
			var at, language, alert, arrived string
			var overflow bool
			err := chromedp.Run(ctx,
				chromedp.EmulateViewport(int64(row.width), int64(row.height)),
				chromedp.Navigate(g.URL+"/form"),
				chromedp.WaitVisible(`input[name="email"]`),
				chromedp.Location(&at),
				chromedp.Evaluate(`document.documentElement.lang`, &language),
				chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &overflow),
				shot("login"),
				chromedp.SendKeys(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, "wrong password 123"),
				chromedp.Submit(`input[name="password"]`),
				chromedp.WaitVisible(`[role="alert"]`),
				chromedp.Text(`[role="alert"]`, &alert),
				shot("wrong"),
				chromedp.SetValue(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, harness.Password),
				chromedp.Submit(`input[name="password"]`),
				chromedp.WaitVisible(`form[action="/form"]`),
				chromedp.Location(&arrived),
				shot("arrived"),
			)
			if err != nil {
				t.Fatalf("%v (at %s)", err, at)
			}
			if !strings.Contains(at, "/.sanmon/login?next=%2Fform") || language != row.language || arrived != g.URL+"/form" {
				t.Errorf("login at %s in %q, arrived at %s", at, language, arrived)
			}
			if strings.TrimSpace(alert) == "" || overflow {
				t.Errorf("alert %q, wider than the window: %v", alert, overflow)
			}
			for _, c := range complaints() {
				if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Refused") {
					t.Errorf("Chromium complains: %s", c)
				}
			}
		})
	}
}
