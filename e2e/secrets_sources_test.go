package e2e_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// griefVault is a Vault that gives one secret, and then only answers that repeat what it
// was sent and what it holds, in every wrong place.
type griefVault struct {
	URL                   string
	secretID, token, held canary
	angry                 atomic.Bool
	refused               atomic.Int32
}

func startGriefVault(t *testing.T) *griefVault {
	t.Helper()
	v := &griefVault{secretID: planted("the secret id at Vault"), held: planted("the password that Vault holds")}
	v.token = planted("the token of Vault")
	v.token.value = "hvs." + strings.NewReplacer("/", "A", "+", "B", "<", "C").Replace(v.token.value) // a field of HTTP takes it as it is
	v.token.core = v.token.value[4:]
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	v.URL = server.URL
	return v
}

func (v *griefVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if v.angry.Load() {
		v.grieve(w, r)
		return
	}
	var answer any = map[string]any{"data": map[string]any{"data": map[string]string{"v": v.held.value}, "metadata": map[string]any{"version": 1}}}
	if r.Method == http.MethodPost {
		answer = map[string]any{"auth": map[string]any{"client_token": v.token.value, "lease_duration": 3600, "renewable": true}}
	} else if r.Header.Get("X-Vault-Token") != v.token.value {
		w.WriteHeader(http.StatusForbidden)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (v *griefVault) grieve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := fmt.Sprintf("refused: %s %s %s %s", r.Header.Get("X-Vault-Token"), v.token.value, v.held.value, body)
	errors, _ := json.Marshal(map[string][]string{"errors": {text}})
	switch v.refused.Add(1) % 6 {
	case 0:
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(errors)
	case 1:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, text)
	case 2: // data of a type that is none, which a JSON reader likes to quote
		_, _ = fmt.Fprintf(w, `{"data":{"data":{"v":["%s"]}},"auth":{"client_token":{"%s":1}}}`, url.QueryEscape(v.held.value), v.token.value)
	case 3:
		_, _ = fmt.Fprintf(w, `{"data":{"data":{"other":"%s"`, v.token.value)
	case 4:
		w.Header().Set("Location", "http://u:"+url.QueryEscape(v.token.value)+"@127.0.0.1:1/?token="+url.QueryEscape(v.held.value))
		w.WriteHeader(http.StatusTemporaryRedirect)
	default:
		w.Header().Set("X-Vault-Error", strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(errors)
	}
}

// sources has Vault refuse while the gate reads it again.
func (s *stage) sources(t *testing.T, v *griefVault) {
	t.Helper()
	v.angry.Store(true)
	for range 6 {
		before := v.refused.Load()
		if err := s.g.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, func() bool { return v.refused.Load() > before })
		s.command(t, "", "check")
	}
	s.command(t, "", "key", "list")
}

// proven has a program get a token that is bound to a key, and plants its proofs of
// possession (RFC 9449, Section 4.2); one that was used is a secret no more, but nobody's business.
func (s *stage) proven(t *testing.T, secret string) {
	t.Helper()
	holder, c := newSigner(t), s.g.Client(t)
	at := "/.sanmon/oauth/token"
	first := holder.proof("POST", s.g.URL+at, "")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("batch:"+url.QueryEscape(secret)))
	var got struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	body := "grant_type=client_credentials&scope=notes:read"
	a := c.Post(t, at, urlencoded, body, "Authorization", basic, "Dpop", first)
	if err := json.Unmarshal(a.Body, &got); err != nil || got.Type != "DPoP" {
		t.Fatalf("a bound token: %d %s", a.Status, a.Body)
	}
	once := holder.proof("GET", s.g.URL+"/guarded", got.Token)
	later := holder.proof("GET", s.g.URL+"/guarded", got.Token)
	for what, v := range map[string]string{"a proof for a token": first, "a proof that was used": once, "a proof that was not": later, "a bound token": got.Token} {
		s.plant(what, v, v[len(v)-80:])
	}
	want(t, "a bound token", c.Get(t, "/guarded", "Authorization", "DPoP "+got.Token, "Dpop", once), 200, "")
	for _, h := range [][]string{
		{"Authorization", "DPoP " + got.Token, "Dpop", once}, {"Authorization", "DPoP " + got.Token, "Dpop", first}, {"Authorization", "DPoP " + got.Token, "Dpop", later + "x"},
		{"Authorization", "DPoP " + got.Token}, {"Authorization", "Bearer " + got.Token, "Dpop", later[:len(later)-90]}, {"Authorization", "DPoP " + later, "Dpop", got.Token}, {"X-Api-Key", once},
	} {
		s.request(t, c, "GET", "/guarded", "", h...)
		s.request(t, c, "POST", at, body, append([]string{"Content-Type", urlencoded}, h...)...)
	}
	s.request(t, c, "POST", at, body, "Content-Type", urlencoded, "Authorization", basic, "Dpop", first)
}

// links has the commands make one-time links, and opens them rightly, wrongly and again.
func (s *stage) links(t *testing.T) {
	t.Helper()
	const bob = "bob@example.com"
	for _, args := range [][]string{{"invite", "--email", bob, "--role", "reader"}, {"reset", bob}, {"reset", bob, "--send"}} {
		var made struct{ Link string }
		r := s.g.Run(t, "", append(append([]string{"user"}, args...), "--json")...)
		if err := json.Unmarshal([]byte(r.Stdout), &made); err != nil {
			t.Fatalf("user %v: %d %s%s", args, r.Exit, r.Stdout, r.Stderr)
		}
		s.seen["commands"] = append(s.seen["commands"], r.Stderr...)
		_, token, _ := strings.Cut(made.Link, "token=")
		s.plant("the link of user "+args[0], token, token[4:])
		path := strings.TrimPrefix(made.Link, s.g.URL)
		for _, wrong := range []string{path[:len(path)-1], path + "x", path + "&token=" + token, strings.Replace(path, "token=", "next=", 1), "/.sanmon/reset/" + token, "/guarded?token=" + token} {
			s.request(t, s.g.Client(t), "GET", wrong, "", opened...)
			s.request(t, s.g.Client(t), "POST", wrong, "password=x&again=y", "Content-Type", urlencoded, "Origin", "https://evil.example", "Referer", made.Link)
		}
		c := s.g.Client(t)
		choose(t, c, path, "short")
		choose(t, s.g.Client(t), path, planted("").value)
		s.request(t, c, "GET", path, "", opened...)
	}
}

// griefMail is a mail server that takes no password and repeats each one that it was given,
// as it came and decoded.
func griefMail(t *testing.T) (port string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	at := listen(t, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
		for lines := bufio.NewScanner(c); lines.Scan(); {
			switch words := strings.Fields(lines.Text() + " x"); strings.ToUpper(words[0]) {
			case "EHLO":
				_, _ = io.WriteString(c, "250-mail.example\r\n250 AUTH PLAIN\r\n")
			case "AUTH":
				asked.Add(1)
				decoded, _ := base64.StdEncoding.DecodeString(words[min(2, len(words)-1)])
				_, _ = fmt.Fprintf(c, "535 5.7.8 no: %s %q\r\n", lines.Text(), decoded)
			default:
				_, _ = io.WriteString(c, "250 ok\r\n")
			}
		}
	})
	_, port, _ = strings.Cut(strings.TrimPrefix(at, "http://"), ":")
	return port, asked
}
