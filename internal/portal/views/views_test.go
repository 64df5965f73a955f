package views

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestCatalogues fails on a text that one language lacks, that a page asks for in vain, or
// that no page asks for.
func TestCatalogues(t *testing.T) {
	s, err := newSpeakers()
	if err != nil {
		t.Fatal(err)
	}
	used := usedKeys(t)
	for _, w := range s.words {
		for _, key := range used {
			if w.texts[key] == "" {
				t.Errorf("%s lacks %q", w.lang, key)
			}
		}
		for key := range w.texts {
			if !slices.Contains(used, key) {
				t.Errorf("%s has %q, which nothing uses", w.lang, key)
			}
		}
	}
	for key, en := range s.words[0].texts {
		if strings.Count(en, "{}") != strings.Count(s.words[1].texts[key], "{}") {
			t.Errorf("%q takes different arguments in the two languages", key)
		}
		if ja := s.words[1].texts[key]; strings.Contains(ja, "サインイン") || strings.Contains(ja, "サインアウト") {
			t.Errorf("%q: one thing has two words (ログイン, ログアウト)", key)
		}
	}
}

// usedKeys reads the keys out of templates and code. Keys that are made of a code are
// spelled out here.
func usedKeys(t *testing.T) []string {
	t.Helper()
	var keys []string
	plain := regexp.MustCompile(`(?:\.T|\.text\(|f\.T\() ?"([a-z_.]+)"`)
	files, _ := fs.Glob(os.DirFS("."), "*.go")
	pages, _ := fs.Glob(os.DirFS("."), "assets/*.tmpl")
	for _, name := range append(files, pages...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range plain.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(m[1], ".") { // the beginning of a composed key
				keys = append(keys, m[1])
			}
		}
	}
	for code := range refusal.Codes() {
		keys = append(keys, "refusal."+string(code)+".title", "refusal."+string(code)+".hint")
	}
	for _, code := range []string{"login_failed", "rate_limited", "busy", "input_invalid", "csrf_missing", "csrf_invalid"} {
		keys = append(keys, "login."+code, "code."+code, "enrol."+code, "ask."+code)
	}
	for _, word := range []string{"failed", "old", "other", "silent"} {
		keys = append(keys, "login.provider_"+word)
	}
	keys = append(keys, "login.full")
	for _, notice := range []string{ // that the portal gives
		"session_ended", "others_ended", "passkey_added", "passkey_renamed", "passkey_removed", "totp_added", "totp_removed",
		"recovery_renewed", "password_changed", "provider_unlinked", "key_created", "key_rotated", "key_revoked",
	} {
		keys = append(keys, "account.notice."+notice)
	}
	for _, fault := range faults() {
		keys = append(keys, "account.error."+fault)
	}
	for _, acr := range []string{"one", "two", "unknown"} {
		keys = append(keys, "account.acr."+acr)
	}
	return keys
}

func TestLanguage(t *testing.T) {
	s, err := newSpeakers()
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"":                                  "en",
		"ja":                                "ja",
		"ja-JP,ja;q=0.9,en;q=0.8":           "ja",
		"en-GB,en;q=0.9,ja;q=0.8":           "en",
		"de,ja;q=0.5":                       "ja",
		"fr":                                "en",
		"en;q=0.1,ja":                       "ja",
		"*":                                 "en",
		";;;":                               "en",
		"\xff":                              "en",
		strings.Repeat("ja,", 500):          "en",
		"x-klingon, ja-JP-u-ca-japanese":    "ja",
		"ja;q=0":                            "en",
		"../../etc/passwd, <script>, ja-JP": "en",
	} {
		if got := s.of(accept).lang; got != want {
			t.Errorf("%.40q: %s, want %s", accept, got, want)
		}
	}
}

// TestContrast holds the colours to WCAG 2.2, 1.4.3 (text, 4.5:1) and 1.4.11 (edges of
// controls and focus, 3:1), in both colour schemes.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	for name, scheme := range map[string]string{"light": light, "dark": dark} {
		c := colours(scheme)
		for _, p := range []struct {
			front, back string
			least       float64
		}{
			{"text", "card", 4.5}, {"text", "ground", 4.5}, {"soft", "card", 4.5}, {"soft", "ground", 4.5}, {"soft", "ground-far", 4.5},
			{"on-action", "action", 4.5}, {"on-action", "action-over", 4.5}, {"wrong", "wrong-ground", 4.5}, {"text", "note-ground", 4.5}, {"soft", "note-ground", 4.5},
			{"edge", "card", 3}, {"focus", "card", 3}, {"action", "card", 3},
		} {
			if got := contrast(c[p.front], c[p.back]); got < p.least {
				t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", name, p.front, p.back, got, p.least)
			}
		}
	}
}

func colours(css string) map[string]float64 {
	all := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		if _, seen := all[m[1]]; !seen {
			all[m[1]] = luminance(m[2])
		}
	}
	return all
}

func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// TestPictureAndStyleStandAlone: nothing is loaded from elsewhere.
func TestPictureAndStyleStandAlone(t *testing.T) {
	for _, name := range []string{"assets/style.css", "assets/mark.svg"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rest := strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", "")
		for _, part := range []string{"url(", "@import", "http:", "https:", "<script", "href"} {
			if strings.Contains(rest, part) {
				t.Errorf("%s has %s", name, part)
			}
		}
	}
}

// TestCatalogueHasNoDouble: encoding/json would keep the last of two silently.
func TestCatalogueHasNoDouble(t *testing.T) {
	for _, name := range []string{"assets/en.json", "assets/ja.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]string
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\": \""); lines != len(all) {
			t.Errorf("%s has %d lines and %d keys", name, lines, len(all))
		}
	}
}
