package harness

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// Client acts like a browser's fetch on the gate's own origin: it keeps cookies, sends
// Origin and Sec-Fetch-Site, and the page token once it has one. It does not follow
// redirects. It is not safe for concurrent use; its HTTP client is.
type Client struct {
	HTTP *http.Client
	gate *Gate
	CSRF string
}

// Client returns a new client without cookies.
func (g *Gate) Client(t testing.TB) *Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{
		// "localhost" may mean ::1 first; the gate listens on 127.0.0.1.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, g.Addr)
		},
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:   g.Secure,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &Client{gate: g, HTTP: &http.Client{
		Transport: tr, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// URL is the public URL of the gate.
func (c *Client) URL() string { return c.gate.URL }

// Request makes a request with the fields a browser sends. header is a list of names and
// values; an empty value removes the field.
func (c *Client) Request(t testing.TB, method, path string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, c.gate.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.Header.Set("Accept", "*/*")
	if method != http.MethodGet && method != http.MethodHead {
		req.Header.Set("Origin", c.gate.URL)
		if c.CSRF != "" {
			req.Header.Set("X-Sanmon-Csrf", c.CSRF)
		}
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Del(header[i]); header[i+1] != "" {
			req.Header[header[i]] = []string{header[i+1]}
		}
	}
	return req
}

// Do sends a request and reads the answer.
func (c *Client) Do(t testing.TB, req *http.Request) Answer {
	t.Helper()
	a, err := c.Try(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Try is Do for requests that may fail.
func (c *Client) Try(req *http.Request) (Answer, error) {
	res, err := c.HTTP.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return Answer{res.StatusCode, res.Proto, res.Header, body, res.Close}, err
}

// Get fetches a path.
func (c *Client) Get(t testing.TB, path string, header ...string) Answer {
	t.Helper()
	return c.Do(t, c.Request(t, http.MethodGet, path, nil, header...))
}

// Post sends a body of a type.
func (c *Client) Post(t testing.TB, path, contentType, body string, header ...string) Answer {
	t.Helper()
	header = append([]string{"Content-Type", contentType}, header...)
	return c.Do(t, c.Request(t, http.MethodPost, path, strings.NewReader(body), header...))
}

// PostJSON sends a value as JSON.
func (c *Client) PostJSON(t testing.TB, path string, value any, header ...string) Answer {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return c.Post(t, path, "application/json", string(body), header...)
}

// SessionInfo is what /.sanmon/session answers.
type SessionInfo struct {
	Authenticated bool     `json:"authenticated"`
	Subject       string   `json:"subject"`
	Email         string   `json:"email"`
	Roles         []string `json:"roles"`
	Scopes        []string `json:"scopes"`
	AuthTime      string   `json:"auth_time"`
	ExpiresAt     string   `json:"expires_at"`
	CSRFToken     string   `json:"csrf_token"`
}

// Session asks who is signed in. route, when set, is "METHOD /path" of a route with a
// page or once token.
func (c *Client) Session(t testing.TB, route string) SessionInfo {
	t.Helper()
	path := "/.sanmon/session"
	if route != "" {
		path += "?route=" + strings.ReplaceAll(route, " ", "%20")
	}
	a := c.Get(t, path)
	if a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	var s SessionInfo
	a.JSON(t, &s)
	return s
}

// TryLogin signs in by JSON.
func (c *Client) TryLogin(t testing.TB, email, password string) Answer {
	t.Helper()
	return c.PostJSON(t, "/.sanmon/login", map[string]string{"email": email, "password": password})
}

// Login signs in and takes the page token of the session.
func (c *Client) Login(t testing.TB, email string) SessionInfo {
	t.Helper()
	if a := c.TryLogin(t, email, Password); a.Status != http.StatusOK {
		t.Fatalf("login as %s: %d %s", email, a.Status, a.Body)
	}
	s := c.Session(t, "")
	if !s.Authenticated || s.CSRFToken == "" {
		t.Fatalf("after login as %s the session says %+v", email, s)
	}
	c.CSRF = s.CSRFToken
	return s
}

// Cookie is the value of the session cookie, "" without one.
func (c *Client) Cookie(t testing.TB) string {
	t.Helper()
	req := c.Request(t, http.MethodGet, "/", nil)
	for _, k := range c.HTTP.Jar.Cookies(req.URL) {
		if k.Name == c.gate.CookieName() {
			return k.Value
		}
	}
	return ""
}

// CookieName is the name of the session cookie: without the prefix on http://localhost.
func (g *Gate) CookieName() string {
	if g.Secure {
		return "__Host-sanmon"
	}
	return "sanmon"
}
