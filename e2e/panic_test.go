package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// faulty is code that panics with what it was sent, in the ways in which code does: with a
// text, an error, a value that holds it, bytes, a wrong conversion of it; before and after
// the answer began.
const faulty = `	if f := r.Header["X-Fault"]; len(f) == 2 {
		switch f[0] {
		case "text":
			panic("no credential: " + f[1])
		case "error":
			panic(&http.ProtocolError{ErrorString: "a field has " + f[1]})
		case "value":
			panic(struct{ Header map[string]string }{map[string]string{"Authorization": f[1]}})
		case "bytes":
			panic([]byte(f[1]))
		case "conversion":
			_ = any(f[1]).(error)
		case "late":
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte("begun"))
			_ = http.NewResponseController(w).Flush()
			panic(f[1])
		}
	}
`

// TestPanicsShowNothing: a panic with a secret in its message and in the request, in the
// handlers of routes, of forward-auth and of the admin listener, shows it nowhere: not in
// the answer, nor in the log, nor on standard error, where net/http would print it. The
// gate refuses, and goes on.
func TestPanicsShowNothing(t *testing.T) {
	t.Parallel()
	before := func(file, line, fault string) harness.Break {
		return harness.Break{File: file, Old: line, New: fault + line}
	}
	binary := harness.BrokenBinary(t,
		before("internal/server/visit.go", "	backend := v.state.Backends[p.Route.Upstream]\n", faulty),
		before("internal/server/forwardauth.go", "	q, err := s.ForwardAuth.Read(", strings.Replace(faulty, `r.Header["X-Fault"]`, `v.request.Fields.Values("X-Fault")`, 1)),
		before("internal/server/admin.go", "	if a.Token != nil {\n", faulty))
	g := harness.StartGate(t, harness.Options{Upstream: harness.SharedBackend(t, harness.FastAPI).URL, Routes: oneRoute, Binary: binary,
		Top: "log: { level: debug }\nclient_ip: { trusted_proxies: [\"127.0.0.0/8\"] }\nforward_auth: { profile: nginx }\n"})
	g.AddUser(t, writer, "writer")
	key := g.AddKey(t, writer, "--role", "writer").Key
	plants, seen := []canary{{"a key", key, key[22:]}}, places{}
	for where, at := range map[string]string{"a route": g.URL + "/", "forward-auth": g.URL + "/.sanmon/forward-auth", "the admin listener": fmt.Sprintf("http://127.0.0.1:%d/metrics", g.Admin)} {
		for _, kind := range []string{"text", "error", "value", "bytes", "conversion", "late"} {
			plant := planted("a secret in a panic (" + kind + ", " + where + ")")
			plants = append(plants, plant)
			for _, v := range []string{plant.value, key} {
				status, answer := provoke(t, at, kind, v)
				seen["answers"] = append(seen["answers"], answer...)
				if status/100 == 2 && kind != "late" {
					t.Errorf("%s, %s: no panic, status %d", where, kind, status)
				}
			}
		}
	}
	want(t, "the gate goes on", g.Client(t).Get(t, "/"), 200, "")
	want(t, "the admin listener goes on", g.AdminGet(t, "/metrics"), 200, "")
	g.Stop()
	seen["the log"] = []byte(g.Output())
	for _, told := range []string{"panic of type string", "panic of type *http.ProtocolError", "panic of type struct", "panic of type []uint8", "panic of type *runtime.TypeAssertionError", "a handler of the admin listener panicked"} {
		if !strings.Contains(g.Output(), told) {
			t.Errorf("the log has no %q: the operator is not told", told)
		}
	}
	for line := range strings.Lines(g.Output()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line is no JSON: %s", clip([]byte(line)))
			break
		}
	}
	seen.search(t, plants)
}

// provoke sends a request that makes a handler panic with v, and has v for its credential.
func provoke(t *testing.T, at, kind, v string) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["X-Fault"] = []string{kind, v}
	req.Header.Set("Authorization", "Bearer "+v)
	if strings.HasPrefix(at, "http://localhost") && strings.HasSuffix(at, "/") {
		req.Header.Del("Authorization") // a route would refuse it before its handler
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return 0, []byte(err.Error()) // cut off: net/http does that when a handler panics
	}
	defer func() { _ = res.Body.Close() }()
	var head bytes.Buffer
	_ = res.Header.Write(&head)
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, append(head.Bytes(), body...)
}
