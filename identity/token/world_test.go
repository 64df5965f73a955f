package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const issuer = "https://app.example.com"

var (
	t0   = time.Unix(1_780_000_000, 0)
	addr = netip.MustParseAddr("203.0.113.9")
	bg   = context.Background()
	b64  = base64.RawURLEncoding
)

// live is the sessions of a test: what Live answers, by sid.
type live map[string]struct {
	c   caller.Caller
	err error
}

func (l live) Live(_ context.Context, sid string, _ netip.Addr, _ time.Time, into *caller.Caller) error {
	s, ok := l[sid]
	if !ok {
		return refusal.New(refusal.LoginRequired, "no session %s", sid)
	}
	if s.err == nil {
		*into = s.c
	}
	return s.err
}

func (l live) set(sid string, c caller.Caller, err error) {
	l[sid] = struct {
		c   caller.Caller
		err error
	}{c, err}
}

var writer = &caller.Rights{Roles: []string{"writer"}, Whole: true}

// ada is the live half of the session ses_1.
func ada() caller.Caller {
	return caller.Caller{Kind: caller.Session, Subject: "usr_1", Name: "ada@example.com", Email: "ada@example.com", SID: "ses_1", ClientID: "mobile",
		Credential: &caller.Rights{Whole: true}, Principal: writer, AuthTime: t0.Add(-time.Minute), ExpiresAt: t0.Add(time.Hour), Bindings: [][]byte{{1}}}
}

// world is a Keeper, a Minter and the private key that both use.
type world struct {
	t       testing.TB
	private *ecdsa.PrivateKey
	keys    *keyset.Set
	minter  *Minter
	keeper  *Keeper
	live    live
}

func newWorld(t testing.TB) *world {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := private.Bytes()
	keys := keyset.New(secret.NewRing(secret.PurposeToken, secret.Key{Version: 1, Value: secret.New(raw)}), Type)
	w := &world{t: t, private: private, keys: keys, live: live{}}
	w.live.set("ses_1", ada(), nil)
	if w.minter, err = NewMinter(keys, Options{Issuer: issuer}); err != nil {
		t.Fatal(err)
	}
	w.minter.jitter = func(time.Duration) time.Duration { return 0 }
	if w.keeper, err = New(keys, w.live, KeeperOptions{Options: Options{Issuer: issuer}}); err != nil {
		t.Fatal(err)
	}
	return w
}

// grant is what ada allowed a client.
func grant() Grant {
	return Grant{Subject: "usr_1", ClientID: "mobile", SID: "ses_1", Scope: "notes:read notes:write", AuthTime: t0.Add(-time.Minute), ACR: "aal1", AMR: []string{"pwd"}}
}

func (w *world) mint(g Grant, now time.Time) string {
	w.t.Helper()
	m, err := w.minter.Mint(g, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(m.Token.Expose())
}

// claims are those of a good token at t0, as text.
const claims = `{"iss":"https://app.example.com","aud":"https://app.example.com","sub":"usr_1","client_id":"mobile","sid":"ses_1","scope":"notes:read","iat":1780000000,"nbf":1780000000,"exp":1780000300,"jti":"AAAAAAAAAAAAAAAAAAAA","auth_time":1779999940,"acr":"aal1","amr":["pwd"]}`

// forge signs any header and claims with the server's own key: whoever has that may still
// not say what he likes.
func (w *world) forge(header, payload string) string {
	return w.sign(b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload)))
}

// sign appends the signature to any two segments.
func (w *world) sign(signing string) string {
	w.t.Helper()
	hash := sha256.Sum256([]byte(signing))
	r, s, err := ecdsa.Sign(rand.Reader, w.private, hash[:])
	if err != nil {
		w.t.Fatal(err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return signing + "." + b64.EncodeToString(sig[:])
}

// header is the one of the server's key, decoded.
func (w *world) header() string {
	h, _ := b64.DecodeString(w.keys.At(t0).Keys[0].Header)
	return string(h)
}

// judge gives the code of the verdict, "" for yes.
func (w *world) judge(token string, now time.Time) (caller.Caller, refusal.Code) {
	var c caller.Caller
	err := w.keeper.Judge(bg, Presented{Token: token}, addr, now, &c)
	if err == nil {
		return c, ""
	}
	if no := refusal.From(err); no.Code != refusal.Busy && !strings.HasPrefix(no.Challenge, "Bearer error=") {
		w.t.Errorf("%s without a challenge: %v", no.Code, err)
	} else if len(token) > 40 && strings.Contains(no.Error(), token[len(token)-40:]) {
		w.t.Errorf("the reason shows the token: %v", err)
	}
	if c.Kind != caller.Anonymous || c.Subject != "" {
		w.t.Error("a refusal fills in the caller")
	}
	return c, refusal.From(err).Code
}
