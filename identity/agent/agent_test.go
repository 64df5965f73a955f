package agent

import (
	"strings"
	"testing"
)

// User-Agents as their makers publish them (RFC 9110, Section 10.1.5, names the form).
func TestOf(t *testing.T) {
	for ua, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36":                                "blink/windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36":                                "blink/windows", // an update
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36 Edg/146.0.0.0":                  "blink/windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/146.0.0.0 Safari/537.36":                                  "blink/linux",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36":                                 "blink/chromeos",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36":                                "blink/android",
		"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0":                                                                         "gecko/linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0":                                                           "gecko/macos",
		"Mozilla/5.0 (Android 14; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0":                                                                           "gecko/android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":                          "webkit/macos",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1":        "webkit/ios",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/146.0.7680.40 Mobile/15E148 Safari/604.1": "webkit/ios",
		"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/150.0 Mobile/15E148 Safari/604.1":                  "webkit/ios",
		"AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; en_us)":                                                                     "webkit/ios",
		"AndroidDownloadManager/14 (Linux; U; Android 14; Pixel 8 Build/UQ1A)":                                                                           "blink/android",
		"curl/8.14.1": "other/other", "python-requests/2.32.5": "other/other", "Go-http-client/2.0": "other/other", "": "other/other",
		"Wget/1.25.0 (linux-gnu)": "other/other", "Mozilla/5.0 (Linux) " + strings.Repeat("Chrome/1 ", 200): "other/other",
	} {
		if got := Of(ua).String(); got != want {
			t.Errorf("%q: %s, want %s", ua, got, want)
		}
	}
}

func TestEveryFamilyIsReadAsWritten(t *testing.T) {
	seen := map[string]bool{}
	for f := range Family(Count) {
		if s := f.String(); Parse(s) != f || seen[s] {
			t.Errorf("family %d is written %q and read %d", f, s, Parse(s))
		} else {
			seen[s] = true
		}
	}
	for _, bad := range []string{"blink", "Blink/windows", "blink/windows ", "blink/beos", "/"} {
		if Parse(bad) != 0 {
			t.Errorf("%q is a family", bad)
		}
	}
	if Family(200).String() != "" || Count > 64 {
		t.Error("a family has no name, or does not fit into a set of 64")
	}
}

func TestDiffers(t *testing.T) {
	a, b := Parse("blink/windows"), Parse("gecko/linux")
	for _, c := range []struct {
		f, known Family
		want     bool
	}{{a, a, false}, {a, b, true}, {a, 0, false}, {Of(""), a, true}, {Of(""), Of("curl/8"), false}} {
		if got := c.f.Differs(c.known); got != c.want {
			t.Errorf("%v of a session of %v: %v", c.f, c.known, got)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
	f.Add("\xff\x00Chrome/")
	f.Fuzz(func(t *testing.T, ua string) {
		fam := Of(ua)
		if fam == 0 || int(fam) >= Count || Parse(fam.String()) != fam {
			t.Errorf("%q: family %d", ua, fam)
		}
		if n := testing.AllocsPerRun(1, func() { Of(ua) }); n != 0 {
			t.Errorf("%q: %v allocations", ua, n)
		}
	})
}
