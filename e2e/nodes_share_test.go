package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// signer signs proofs (RFC 9449, Section 4.2) and client assertions (RFC 7523).
type signer struct {
	t   *testing.T
	key *ecdsa.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, k}
}

func (s signer) jwk() string {
	point, err := s.key.PublicKey.Bytes()
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":"%s","y":"%s"}`, b64(point[1:33]), b64(point[33:]))
}

func (s signer) sign(header, claims string) string {
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

// proof is for a method and a URL and, where there is one, an access token.
func (s signer) proof(method, u, token string) string {
	claims := fmt.Sprintf(`{"jti":%q,"htm":%q,"htu":%q,"iat":%d`, rand.Text(), method, u, time.Now().Unix())
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims += `,"ath":"` + b64(sum[:]) + `"`
	}
	return s.sign(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+s.jwk()+`}`, claims+"}")
}

// assertion is of client batch for an issuer.
func (s signer) assertion(issuer string) string {
	now := time.Now().Unix()
	return s.sign(`{"alg":"ES256","kid":"k"}`, fmt.Sprintf(`{"iss":"batch","sub":"batch","aud":%q,"jti":%q,"iat":%d,"exp":%d}`, issuer, rand.Text(), now, now+300))
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// TestNodesShare: what three nodes count together is one count, and a proof is good once on
// all of them, when Valkey is killed in the middle and when a node starts anew.
func TestNodesShare(t *testing.T) {
	t.Parallel()
	address, password, _ := harness.PostgresURL(t)
	v := harness.StartValkey(t, 0)
	mails := startSink(t)
	batch, holder := newSigner(t), newSigner(t)
	jwks := `{"keys":[` + strings.Replace(batch.jwk(), "{", `{"kid":"k",`, 1) + `]}`
	nodes := threeGates(t, address, password, v, []string{"BATCH_JWKS=" + jwks}, fmt.Sprintf(`
login: { totp: required, smtp: { url: "smtp://127.0.0.1:%d", from: "Notes <no-reply@notes.example>" } }
clients: [ { id: batch, type: confidential, jwks: env:BATCH_JWKS, service: batch, grants: [client_credentials], scopes: ["notes:read"] } ]
upstreams: { app: { url: "{UPSTREAM}" } }
roles: { writer: ["notes:read"] }
routes:
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session, token, key], require: ["notes:read"] }
`, mails.Port))
	nodes[0].AddUser(t, writer, "writer")
	nodes[0].CLI(t, "", "key", "create", "--owner", "service:batch", "--role", "writer")
	proofsOnNodes(t, nodes, batch, holder, v.Kill)
	v = harness.StartValkey(t, v.Port)
	codesOnNodes(t, nodes, v.Kill)
	lettersOnNodes(t, nodes, mails)
}

// proofsOnNodes: RFC 9449, Section 11.1, over nodes.
func proofsOnNodes(t *testing.T, nodes [3]*harness.Gate, batch, holder signer, gone func()) {
	site := nodes[0].URL
	token := func(g *harness.Gate, assertion, proof string) harness.Answer {
		form := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		return g.Client(t).Post(t, "/.sanmon/oauth/token", "application/x-www-form-urlencoded", form.Encode(), "Dpop", proof)
	}
	asserted, proven := batch.assertion(site), holder.proof("POST", site+"/.sanmon/oauth/token", "")
	first := token(nodes[0], asserted, proven)
	var w struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}
	if first.JSON(t, &w); first.Status != 200 || w.Type != "DPoP" {
		t.Fatalf("a bound token: %d %s", first.Status, first.Body)
	}
	use := func(g *harness.Gate, proof string) harness.Answer {
		return g.Client(t).Get(t, "/private/x", "Authorization", "DPoP "+w.Access, "Dpop", proof)
	}
	once := holder.proof("GET", site+"/private/x", w.Access)
	want(t, "a proof", use(nodes[0], once), 200, "")
	refused := func(when string) {
		t.Helper()
		for i, g := range nodes {
			if a := use(g, once); a.Status != 401 || !strings.Contains(a.Header.Get("Www-Authenticate"), "invalid_dpop_proof") {
				t.Errorf("%s, the same proof on node %d: %d %v", when, i, a.Status, a.Header["Www-Authenticate"])
			}
			if a := token(g, asserted, holder.proof("POST", site+"/.sanmon/oauth/token", "")); a.Status != 401 || !strings.Contains(string(a.Body), "invalid_client") {
				t.Errorf("%s, the same assertion on node %d: %d %s", when, i, a.Status, a.Body)
			}
			if a := token(g, batch.assertion(site), proven); a.Status != 400 || !strings.Contains(string(a.Body), "invalid_dpop_proof") {
				t.Errorf("%s, the same proof for a token on node %d: %d %s", when, i, a.Status, a.Body)
			}
			want(t, when+", another proof", use(g, holder.proof("GET", site+"/private/x", w.Access)), 200, "")
		}
	}
	refused("with Valkey")
	between := holder.proof("GET", site+"/private/x", w.Access)
	want(t, "a proof before Valkey is killed", use(nodes[1], between), 200, "")
	gone()
	want(t, "that proof after it", use(nodes[2], between), 401, "token_invalid")
	refused("without Valkey")
	nodes[1].Restart(t, syscall.SIGKILL)
	refused("after a start")
}

// codesOnNodes: ten wrong codes over three nodes are ten on each of them.
func codesOnNodes(t *testing.T, nodes [3]*harness.Gate, gone func()) {
	known, phone := enrolled(t, nodes[0])
	wrong := ""
	for n := 0; wrong == ""; n++ { // one that no step of this hour has
		wrong = fmt.Sprintf("%06d", n)
		for step := time.Now().Unix()/30 - 120; step < time.Now().Unix()/30+120; step++ {
			if phone.at(step) == wrong {
				wrong = ""
				break
			}
		}
	}
	guess := func(g *harness.Gate, code string) harness.Answer {
		return g.Client(t).PostJSON(t, "/.sanmon/login", map[string]string{"email": writer, "password": harness.Password, "code": code})
	}
	for i := range 10 {
		if i == 5 {
			gone()
		}
		want(t, fmt.Sprintf("wrong code %d", i), guess(nodes[i%3], wrong), 401, "login_failed")
	}
	locked := func(when string) {
		t.Helper()
		for i, g := range nodes {
			a := guess(g, phone.at(time.Now().Unix()/30))
			want(t, fmt.Sprintf("%s, a code on node %d", when, i), a, 429, "rate_limited")
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	locked("after ten wrong ones")
	nodes[2].Restart(t, syscall.SIGKILL)
	locked("after a start")
	// A device that has signed in before is not shut out.
	a := known.PostJSON(t, "/.sanmon/login", map[string]string{"email": writer, "password": harness.Password, "code": phone.next()})
	want(t, "the known device", a, 200, "")
	locked("after the owner has signed in")
	if trail := nodes[1].CLI(t, "", "audit", "export"); strings.Count(trail, `"event":"login.throttled"`) != 1 {
		t.Error("the trail does not say once that the count is full")
	}
}

// enrolled signs somebody in who enrols an app.
func enrolled(t *testing.T, g *harness.Gate) (*harness.Client, *app) {
	t.Helper()
	c := g.Client(t)
	post := func(path string, form url.Values) harness.Answer {
		return c.Post(t, path, "application/x-www-form-urlencoded", form.Encode(), opened...)
	}
	page := post("/.sanmon/login", url.Values{"email": {writer}, "password": {harness.Password}, "next": {"/private/x"}, "_sanmon": {field(t, c.Get(t, "/.sanmon/login", opened...).Body, "_sanmon")}})
	shown := regexp.MustCompile(`class="secret"><code>([A-Z2-7 ]+)<`).FindSubmatch(page.Body)
	if shown == nil {
		t.Fatalf("no secret: %d %s", page.Status, clip(page.Body))
	}
	phone := newApp(t, string(shown[1]))
	want(t, "enrolled", post("/.sanmon/login/enrol", url.Values{"step": {field(t, page.Body, "step")}, "code": {phone.next()}, "next": {"/private/x"}, "_sanmon": {field(t, page.Body, "_sanmon")}}), 303, "")
	return c, phone
}

// lettersOnNodes: three letters an hour go to an address, and 20 may be asked for from a
// network, over all nodes.
func lettersOnNodes(t *testing.T, nodes [3]*harness.Gate, mails *sink) {
	for i := range nodes {
		nodes[0].AddUser(t, fmt.Sprintf("last%d@example.com", i), "writer")
	}
	before := mails.count()
	for range 3 {
		for _, g := range nodes {
			want(t, "asking", ask(t, g.Client(t), "/.sanmon/reset", writer), 200, "")
		}
	}
	for i, g := range nodes { // the last of each node's queue
		want(t, "asking", ask(t, g.Client(t), "/.sanmon/reset", fmt.Sprintf("last%d@example.com", i)), 200, "")
	}
	mails.next(t, before+6)
	if n := mails.count() - before; n != 6 {
		t.Errorf("%d letters, want three to one address and one to each of the others", n)
	}
	for i := range 8 { // the rest of twenty
		want(t, "asking for nobody", ask(t, nodes[i%3].Client(t), "/.sanmon/reset", fmt.Sprintf("nobody%d@example.com", i)), 200, "")
	}
	for i, g := range nodes {
		if a := ask(t, g.Client(t), "/.sanmon/reset", "nobody@example.com"); a.Status != 429 || a.Header.Get("Retry-After") == "" {
			t.Errorf("the 21st on node %d: %d", i, a.Status)
		}
	}
}
