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

// browser starts a headless Chromium with a profile of its own, or skips. Further options
// stand behind those that every test has.
func browser(t *testing.T, width, height int, language string, more ...chromedp.ExecAllocatorOption) (context.Context, func() []string) {
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
	options = append(options, more...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
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
			do := func(steps ...chromedp.Action[chromedp.Void]) {
				t.Helper()
				if err := chromedp.Do(ctx, steps...); err != nil {
					at, _ := chromedp.Run(ctx, chromedp.Location())
					t.Fatalf("%v (at %s)", err, at)
				}
			}
			shot := func(name string) {
				t.Helper()
				png := run(t, ctx, chromedp.FullScreenshot(100))
				if err := os.WriteFile(filepath.Join(dir, row.language+"-"+name+".png"), png, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			do(chromedp.EmulateViewport(int64(row.width), int64(row.height)), chromedp.Navigate(g.URL+"/form"), chromedp.WaitVisible(`input[name="email"]`))
			at := run(t, ctx, chromedp.Location())
			language := run(t, ctx, chromedp.Evaluate[string](`document.documentElement.lang`))
			overflow := run(t, ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			shot("login")
			do(chromedp.SetValue(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, "wrong password 123"),
				chromedp.Submit(`input[name="password"]`), chromedp.WaitVisible(`[role="alert"]`))
			alert := run(t, ctx, chromedp.Text(`[role="alert"]`))
			shot("wrong")
			do(chromedp.SetValue(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, harness.Password),
				chromedp.Submit(`input[name="password"]`), chromedp.WaitVisible(`form[action="/form"]`))
			arrived := run(t, ctx, chromedp.Location())
			shot("arrived")
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

func run[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
