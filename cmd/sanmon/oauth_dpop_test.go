package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// prover makes proofs of possession (RFC 9449, Section 4.2).
type prover struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func (p prover) thumbprint() string {
	sum := sha256.Sum256([]byte(jwkOf(p.t, p.key))) // the members are in the order of RFC 7638
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proof is for a method and a URL and, where there is one, a token; more are claims.
func (p prover) proof(method, u, token string, more ...string) string {
	claims := fmt.Sprintf(`{"jti":%q,"htm":%q,"htu":%q,"iat":%d`, secret.Random62(20), method, u, time.Now().Unix())
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims += `,"ath":"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	}
	return p.sign(claims + strings.Join(more, "") + "}")
}

func (p prover) sign(claims string) string {
	return signed(p.t, p.key, `{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwkOf(p.t, p.key)+`}`, claims)
}

const tokenURL, notesURL = "http://localhost:8080/.sanmon/oauth/token", "http://localhost:8080/notes"

// bound gets tokens that are bound to a key.
func (f flow) bound(p prover, cookie string) words {
	f.t.Helper()
	code := f.response(f.authorize(cookie)).Get("code")
	w := f.post("token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.redirect}, "client_id": {f.client}, "code_verifier": {f.verifier}},
		"DPoP", p.proof("POST", tokenURL, ""))
	if w.status != 200 || w.TokenType != "DPoP" || w.header.Get("DPoP-Nonce") == "" {
		f.t.Fatalf("bound tokens: %d %s", w.status, w.raw)
	}
	return w
}

// A bound token is worth nothing without its key, on routes and at the token endpoint.
func TestBoundTokens(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	p, thief := prover{t, signer(t, 10)}, prover{t, signer(t, 11)}
	f := g.flow("bound", "com.example.bound:/cb")
	w := f.bound(p, ada.cookie)
	tok := w.AccessToken
	if cnf, _ := claimsOf(t, tok)["cnf"].(map[string]any); cnf["jkt"] != p.thumbprint() {
		t.Errorf("cnf %v, want %s", cnf, p.thumbprint())
	}
	use := func(proof string) reply { return g.ask("GET", "/notes", "Authorization", "DPoP "+tok, "DPoP", proof) }
	g.wantReply("with a proof", use(p.proof("GET", notesURL, tok)), 200, "")
	if strings.Contains(use(p.proof("GET", notesURL, tok)).body, "dpop+jwt") || strings.Contains(use(p.proof("GET", notesURL, tok)).body, "Dpop") {
		t.Error("the backend is given the proof")
	}
	g.wantReply("with a query", g.ask("GET", "/notes?x=1", "Authorization", "DPoP "+tok, "DPoP", p.proof("GET", notesURL, tok)), 200, "")
	once := p.proof("GET", notesURL, tok)
	g.wantReply("the first time", use(once), 200, "")
	for what, r := range map[string]reply{
		"the second time": use(once), "as Bearer": g.get(tok), "without a proof": g.ask("GET", "/notes", "Authorization", "DPoP "+tok), "by another key": use(thief.proof("GET", notesURL, tok)), "for another method": use(p.proof("POST", notesURL, tok)),
		"for another path": use(p.proof("GET", "http://localhost:8080/fresh", tok)), "for another host": use(p.proof("GET", "http://evil.example/notes", tok)), "for another token": use(p.proof("GET", notesURL, tok+"x")), "for no token": use(p.proof("GET", notesURL, "")), "two proofs": g.ask("GET", "/notes", "Authorization", "DPoP "+tok, "DPoP", p.proof("GET", notesURL, tok)+", "+p.proof("GET", notesURL, tok)), "garbage": use("x"),
	} {
		g.wantReply(what, r, 401, "token_invalid")
		if what != "as Bearer" && what != "without a proof" && r.challenge != `DPoP error="invalid_dpop_proof", algs="ES256"` {
			t.Errorf("%s: challenge %s", what, r.challenge)
		}
	}
	unbound := g.flow("mobile", "com.example.app:/cb").tokens(ada.cookie).AccessToken
	g.wantReply("an unbound token as DPoP", g.ask("GET", "/notes", "Authorization", "DPoP "+unbound, "DPoP", p.proof("GET", notesURL, unbound)), 401, "token_invalid")

	// The family is bound, too.
	refresh := func(token string, header ...string) words {
		return g.post("token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"bound"}}, header...)
	}
	g.wantError("refresh without a proof", refresh(w.RefreshToken), 400, "invalid_dpop_proof")
	g.wantError("refresh by another key", refresh(w.RefreshToken, "DPoP", thief.proof("POST", tokenURL, "")), 400, "invalid_grant")
	g.wantError("a proof for the route", refresh(w.RefreshToken, "DPoP", p.proof("POST", notesURL, "")), 400, "invalid_dpop_proof")
	used := p.proof("POST", tokenURL, "")
	if w = refresh(w.RefreshToken, "DPoP", used); w.status != 200 || w.TokenType != "DPoP" {
		t.Fatalf("refresh: %d %s", w.status, w.raw)
	}
	g.wantError("the same proof again", refresh(w.RefreshToken, "DPoP", used), 400, "invalid_dpop_proof")
	if strings.Contains(g.log.String(), once[len(once)-40:]) {
		t.Error("a proof is in the log")
	}
}

// A client whose clock is wrong is given a nonce, and goes on with it.
func TestProofNonces(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	p := prover{t, signer(t, 12)}
	w := g.flow("bound", "com.example.bound:/cb").bound(p, ada.cookie)
	tok := w.AccessToken
	sum := sha256.Sum256([]byte(tok))
	late := func(nonce string) string {
		return p.sign(fmt.Sprintf(`{"jti":%q,"htm":"GET","htu":%q,"iat":%d,"ath":%q%s}`, secret.Random62(20), notesURL, time.Now().Add(-time.Hour).Unix(), base64.RawURLEncoding.EncodeToString(sum[:]), nonce))
	}
	res := g.navigate("/notes", "", "Authorization", "DPoP "+tok, "DPoP", late(""))
	nonce := res.Header.Get("DPoP-Nonce")
	if res.StatusCode != 401 || nonce == "" || res.Header.Get("Www-Authenticate") != `DPoP error="use_dpop_nonce", algs="ES256"` {
		t.Fatalf("%d %q %q", res.StatusCode, nonce, res.Header.Get("Www-Authenticate"))
	}
	if res := g.navigate("/notes", "", "Authorization", "DPoP "+tok, "DPoP", late(`,"nonce":"`+nonce+`"`)); res.StatusCode != 200 {
		t.Errorf("with the nonce: %d", res.StatusCode)
	}
	for _, bad := range []string{"x", nonce[:len(nonce)-2] + "AA", strings.Repeat("A", 32)} {
		if res := g.navigate("/notes", "", "Authorization", "DPoP "+tok, "DPoP", late(`,"nonce":"`+bad+`"`)); res.StatusCode != 401 || res.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("nonce %q: %d", bad, res.StatusCode)
		}
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.RefreshToken}, "client_id": {"bound"}}
	old := p.sign(fmt.Sprintf(`{"jti":"j","htm":"POST","htu":%q,"iat":%d}`, tokenURL, time.Now().Add(-time.Hour).Unix()))
	r := g.post("token", form, "DPoP", old)
	g.wantError("an old proof at the token endpoint", r, 400, "use_dpop_nonce")
	if r.header.Get("DPoP-Nonce") == "" {
		t.Error("no nonce is given")
	}
	if r := g.post("token", form, "DPoP", p.proof("POST", tokenURL, "", `,"nonce":"`+r.header.Get("DPoP-Nonce")+`"`)); r.status != 200 {
		t.Errorf("with the nonce: %d %s", r.status, r.raw)
	}
}

// A code that names a key is good for that key alone (RFC 9449, Section 10).
func TestCodeBoundToAKey(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	p, thief := prover{t, signer(t, 13)}, prover{t, signer(t, 14)}
	f := g.flow("mobile", "com.example.app:/cb")
	redeem := func(header ...string) words {
		code := f.response(f.authorize(ada.cookie, "dpop_jkt", p.thumbprint())).Get("code")
		return f.post("token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.redirect}, "client_id": {f.client}, "code_verifier": {f.verifier}}, header...)
	}
	g.wantError("without a proof", redeem(), 400, "invalid_grant")
	g.wantError("by another key", redeem("DPoP", thief.proof("POST", tokenURL, "")), 400, "invalid_grant")
	if w := redeem("DPoP", p.proof("POST", tokenURL, "")); w.status != 200 || w.TokenType != "DPoP" {
		t.Errorf("by the key: %d %s", w.status, w.raw)
	}
}

// With SQLite a process does not know what the one before it has seen.
func TestProofsFromBeforeTheStart(t *testing.T) {
	before := time.Now().Add(-5 * time.Second)
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	p := prover{t, signer(t, 13)}
	tok := g.flow("bound", "com.example.bound:/cb").bound(p, ada.cookie).AccessToken
	sum := sha256.Sum256([]byte(tok))
	old := func(nonce string) string {
		return p.sign(fmt.Sprintf(`{"jti":%q,"htm":"GET","htu":%q,"iat":%d,"ath":%q%s}`, secret.Random62(20), notesURL, before.Unix(), base64.RawURLEncoding.EncodeToString(sum[:]), nonce))
	}
	res := g.navigate("/notes", "", "Authorization", "DPoP "+tok, "DPoP", old(""))
	if nonce := res.Header.Get("DPoP-Nonce"); res.StatusCode != 401 || nonce == "" || res.Header.Get("Www-Authenticate") != `DPoP error="use_dpop_nonce", algs="ES256"` {
		t.Errorf("made before the start: %d %s", res.StatusCode, res.Header.Get("Www-Authenticate"))
	} else if res := g.navigate("/notes", "", "Authorization", "DPoP "+tok, "DPoP", old(`,"nonce":"`+nonce+`"`)); res.StatusCode != 200 {
		t.Errorf("with the nonce: %d", res.StatusCode)
	}
}
