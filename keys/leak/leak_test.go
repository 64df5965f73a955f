package leak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// sample is the body that GitHub's documentation shows.
const sample = `[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]`

// hub is a GitHub that signs messages and publishes its keys.
type hub struct {
	keys  map[string]*ecdsa.PrivateKey
	past  map[string]bool // no longer current
	asked int
	err   error
}

func newHub(t testing.TB, names ...string) *hub {
	h := &hub{keys: map[string]*ecdsa.PrivateKey{}, past: map[string]bool{}}
	for _, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h.keys[name] = key
	}
	return h
}

func (h *hub) fetch(context.Context) ([]byte, error) {
	h.asked++
	var list struct {
		Keys []publicKey `json:"public_keys"`
	}
	for name, key := range h.keys {
		der, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
		list.Keys = append(list.Keys, publicKey{name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), !h.past[name]})
	}
	b, _ := json.Marshal(list)
	return b, h.err
}

func (h *hub) sign(name, body string) string {
	sum := sha256.Sum256([]byte(body))
	der, err := ecdsa.SignASN1(rand.Reader, h.keys[name], sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// store knows one credential.
type store struct {
	live    map[string]bool
	details []string
	err     error
}

func (s *store) Revoke(_ context.Context, token secret.Value, detail string, _ time.Time) (Found, error) {
	text := string(token.Expose())
	alive, ours := s.live[text]
	if ours {
		s.live[text] = false
		s.details = append(s.details, detail)
	}
	return Found{Ours: ours, Revoked: alive, ID: "id"}, s.err
}

func receiver(h *hub, s *store, log *strings.Builder) *GitHub {
	return &GitHub{Keys: &Keys{Fetch: h.fetch}, Revoker: s, Logger: slog.New(slog.NewTextHandler(log, nil))}
}

func TestReceive(t *testing.T) {
	h, s, log := newHub(t, "k1"), &store{live: map[string]bool{"ours": true}}, new(strings.Builder)
	g := receiver(h, s, log)
	body := `[{"token":"ours","type":"sanmon_key","url":"https://u:p@github.com/o/r/blob/c/f?token=ours#ours","source":"Gist_content","new":{"a":1}},
	 {"token":"other","type":"sanmon_key","url":"","source":"commit"}]`
	sha := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	want := []Feedback{{sha("ours"), "sanmon_key", TruePositive}, {sha("other"), "sanmon_key", FalsePositive}}
	for range 2 { // a message that comes again says the same and ends nothing
		got, err := g.Receive(t.Context(), "k1", h.sign("k1", body), []byte(body), t0)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	if s.details[0] != "reported by GitHub, source=gist_content url=https://github.com/o/r/blob/c/f" {
		t.Errorf("detail %q", s.details[0])
	}
	if h.asked != 1 || strings.Contains(log.String(), "ours") || !strings.Contains(log.String(), "id=id") {
		t.Errorf("%d questions, log %s", h.asked, log)
	}
}

func TestReceiveRefuses(t *testing.T) {
	h := newHub(t, "k1", "old")
	h.past["old"] = true
	good := h.sign("k1", sample)
	der, _ := base64.StdEncoding.DecodeString(good)
	for what, c := range map[string]struct {
		id, signature, body string
		code                refusal.Code
	}{
		"signed":              {"k1", good, sample, ""},
		"no identifier":       {"", good, sample, refusal.TokenInvalid},
		"no signature":        {"k1", "", sample, refusal.TokenInvalid},
		"unknown key":         {"k2", good, sample, refusal.TokenInvalid},
		"key of yesterday":    {"old", h.sign("old", sample), sample, refusal.TokenInvalid},
		"key of another":      {"k1", h.sign("old", sample), sample, refusal.TokenInvalid},
		"a byte changed":      {"k1", good, strings.Replace(sample, "some_token", "some_tokeN", 1), refusal.TokenInvalid},
		"a space more":        {"k1", good, sample + "\n", refusal.TokenInvalid},
		"not base64":          {"k1", "!" + good[1:], sample, refusal.TokenInvalid},
		"base64 with newline": {"k1", good + "\n", sample, refusal.TokenInvalid},
		"DER with more":       {"k1", base64.StdEncoding.EncodeToString(append(der, 0)), sample, refusal.TokenInvalid},
		"long":                {"k1", strings.Repeat("A", 4096), sample, refusal.TokenInvalid},
		"object":              {"k1", h.sign("k1", `{}`), `{}`, refusal.InputInvalid},
		"empty array":         {"k1", h.sign("k1", `[]`), `[]`, refusal.InputInvalid},
		"not UTF-8 or JSON":   {"k1", h.sign("k1", "[\xff"), "[\xff", refusal.InputInvalid},
		"two arrays":          {"k1", h.sign("k1", sample+sample), sample + sample, refusal.InputInvalid},
		"token is a number":   {"k1", h.sign("k1", `[{"token":1,"type":"t"}]`), `[{"token":1,"type":"t"}]`, refusal.InputInvalid},
		"no token":            {"k1", h.sign("k1", `[{"type":"t"}]`), `[{"type":"t"}]`, refusal.InputInvalid},
		"type with newline":   {"k1", h.sign("k1", `[{"token":"x","type":"a\nb"}]`), `[{"token":"x","type":"a\nb"}]`, refusal.InputInvalid},
		"source with markup":  {"k1", h.sign("k1", `[{"token":"x","type":"t","source":"<b>"}]`), `[{"token":"x","type":"t","source":"<b>"}]`, refusal.InputInvalid},
	} {
		_, err := receiver(h, &store{}, new(strings.Builder)).Receive(t.Context(), c.id, c.signature, []byte(c.body), t0)
		got := refusal.Code("")
		if err != nil {
			got = refusal.From(err).Code
		}
		if got != c.code {
			t.Errorf("%s: %q (%v), want %q", what, got, err, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "some_token") {
			t.Errorf("%s: the refusal repeats the token: %v", what, err)
		}
	}
}

func TestTooManyReports(t *testing.T) {
	one := `{"token":"x","type":"t"},`
	for n, ok := range map[int]bool{MaxReports: true, MaxReports + 1: false} {
		if _, err := Parse([]byte("[" + strings.TrimSuffix(strings.Repeat(one, n), ",") + "]")); (err == nil) != ok {
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, err := Parse(make([]byte, MaxBody+1)); err == nil {
		t.Error("a body beyond the bound was read")
	}
}

// TestKeys: made-up identifiers do not become questions, a new key is found within a
// minute, a list that cannot be had is no permission.
func TestKeys(t *testing.T) {
	h := newHub(t, "k1")
	k := &Keys{Fetch: h.fetch}
	find := func(name string, now time.Time) error { _, err := k.find(t.Context(), name, now); return err }
	if err := find("k1", t0); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := find(fmt.Sprint("x", i), t0.Add(time.Second)); !errors.Is(err, errUnknownKey) {
			t.Fatal(err)
		}
	}
	if h.asked != 1 {
		t.Errorf("%d questions, want 1", h.asked)
	}
	h.keys["k2"] = newHub(t, "k2").keys["k2"]
	if err := find("k2", t0.Add(time.Minute)); err != nil || h.asked != 2 {
		t.Errorf("%v after %d questions", err, h.asked)
	}
	h.past["k1"] = true
	if err := find("k1", t0.Add(25*time.Hour)); !errors.Is(err, errUnknownKey) {
		t.Errorf("a key that was withdrawn a day ago: %v", err)
	}
	h.err = errors.New("offline")
	if err := find("k2", t0.Add(26*time.Hour)); err != nil {
		t.Errorf("the list of an hour ago: %v", err)
	}
	if err := find("k2", t0.Add(50*time.Hour)); err == nil || errors.Is(err, errUnknownKey) {
		t.Errorf("a list of two days ago that cannot be had again: %v", err)
	}
}

func TestKeyListRefused(t *testing.T) {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	der, _ := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	list := func(id, key string) string {
		b, _ := json.Marshal(map[string]any{"public_keys": []publicKey{{id, key, true}}})
		return string(b)
	}
	for what, body := range map[string]string{
		"nothing": "", "no list": "{}", "HTML": "<html>", "no PEM": list("a", "x"),
		"another curve": list("a", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
		"private key":   list("a", "-----BEGIN EC "+"PRIVATE KEY-----\nAAAA\n-----END EC "+"PRIVATE KEY-----\n"),
	} {
		if keys, err := parseKeys([]byte(body)); err == nil {
			t.Errorf("%s: %v", what, keys)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{sample, `[]`, `[{}]`, `[{"token":"a","type":"b","url":"http://x/%00"}] `, `[{"token":"\ud800","type":"b"}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reports, err := Parse(body)
		if err != nil {
			return
		}
		if !json.Valid(body) || len(reports) == 0 {
			t.Fatalf("%q was read", body)
		}
		for _, r := range reports {
			if r.Token.Empty() || !word(r.Type) || strings.ContainsAny(r.URL, "?#@ \r\n") {
				t.Fatalf("%q gives %+v", body, r)
			}
		}
	})
}
