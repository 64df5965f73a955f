package e2e_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// granted is a grant of the client "app", as its program holds it.
type granted struct {
	c       *harness.Client
	access  string
	refresh string
}

// grant goes through the authorization code flow for who is signed in (RFC 6749, Section
// 4.1; RFC 7636).
func grant(t *testing.T, person *harness.Client) *granted {
	t.Helper()
	verifier := strings.Repeat("verifier-", 6)
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {appRedirect}, "state": {"s"}, "scope": {"notes:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	a := person.Get(t, "/.sanmon/oauth/authorize?"+q.Encode(), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	_, link, _ := strings.Cut(string(a.Body), `href="`+appRedirect) // of the page that says that the app goes on
	link, _, _ = strings.Cut(link, `"`)
	back, err := url.Parse(html.UnescapeString(link))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("authorize: %d %s", a.Status, clip(a.Body))
	}
	g := &granted{c: person}
	status, _, err := g.ask(url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "redirect_uri": {appRedirect}, "code": {back.Query().Get("code")}, "code_verifier": {verifier}})
	if err != nil || status != 200 {
		t.Fatalf("token: %d, %v", status, err)
	}
	return g
}

// ask asks the token endpoint, and takes the tokens of a good answer.
func (g *granted) ask(form url.Values) (status int, code string, err error) {
	res, err := g.c.HTTP.Post(g.c.URL()+"/.sanmon/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var w struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&w); err != nil {
		return res.StatusCode, "", err
	}
	if res.StatusCode == http.StatusOK {
		g.access = w.Access
		if w.Refresh != "" {
			g.refresh = w.Refresh
		}
	}
	return res.StatusCode, w.Error, nil
}

func (g *granted) rotate() (status int, code string, err error) {
	return g.ask(url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {g.refresh}})
}

// backends are the processes of a cluster that serve a connection.
func backends(t *testing.T, cluster *harness.Process) (pids []int) {
	t.Helper()
	for _, pid := range children(t, cluster.PID()) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.HasPrefix(string(line), "postgres: sanmon ") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestDatabaseDiesInTheMiddleOfRotations: PostgreSQL crashes again and again while clients
// refresh. They hear 503 and come again with the token that they have; nobody is taken for a
// thief, nobody loses a grant, and the trail is whole.
func TestDatabaseDiesInTheMiddleOfRotations(t *testing.T) {
	t.Parallel()
	address, password, cluster := harness.PostgresURL(t)
	g := harness.StartGate(t, harness.Options{Upstream: plainBackend(t), Routes: oauthRoutes, Top: strings.Replace(oauthTop, "token: { redeliver: 1s, race: 1s }", "", 1),
		Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address), Env: []string{"SANMON_TEST_PG=" + password, "ROBOT_SECRET=" + serviceSecret}})
	g.AddUser(t, writer, "writer")
	const clients = 6
	var grants [clients]*granted
	for i := range grants {
		grants[i] = grant(t, signedIn(t, g, writer))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var rotated, away atomic.Int64
	var all sync.WaitGroup
	for _, one := range grants {
		all.Go(func() {
			for ctx.Err() == nil {
				switch status, code, err := one.rotate(); {
				case err != nil:
					t.Errorf("no answer: %v", err)
					return
				case status == 200:
					rotated.Add(1)
				case status == 503 && code == "temporarily_unavailable":
					away.Add(1)
				case status != 429:
					t.Errorf("refresh: %d %s", status, code)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	for range 3 {
		before := rotated.Load()
		eventually(t, 60*time.Second, func() bool { return rotated.Load() > before+2*clients || t.Failed() })
		if pids := backends(t, cluster); len(pids) > 0 { // then the others are ended too, and the log is replayed
			_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
		}
	}
	before := rotated.Load()
	eventually(t, 60*time.Second, func() bool { return rotated.Load() > before+2*clients || t.Failed() })
	cancel()
	all.Wait()
	for i, one := range grants {
		if status, code, err := one.rotate(); status != 200 && status != 429 {
			t.Errorf("grant %d at the end: %d %s, %v", i, status, code, err)
		}
		if a := g.Client(t).Get(t, "/private/x", "Authorization", "Bearer "+one.access); a.Status != 200 {
			t.Errorf("token %d at the end: %d", i, a.Status)
		}
	}
	if trail := g.CLI(t, "", "audit", "export"); strings.Contains(trail, `"event":"refresh.reuse"`) {
		t.Error("a client was taken for a thief")
	}
	if r := g.Run(t, "", "audit", "verify"); r.Exit != 0 {
		t.Errorf("audit verify: %+v", r)
	}
	t.Logf("%d rotations, %d times away", rotated.Load(), away.Load())
}

// TestRefreshTokensOfNobody: a hundred thousand tokens that nobody made, of the right shape,
// cost no statement in the database.
func TestRefreshTokensOfNobody(t *testing.T) {
	t.Parallel()
	address, password, _ := harness.PostgresURL(t)
	g := harness.StartGate(t, harness.Options{Upstream: plainBackend(t), Routes: oauthRoutes, Top: oauthTop + "client_ip: { trusted_proxies: [\"127.0.0.1/32\"] }\n",
		Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address), Env: []string{"SANMON_TEST_PG=" + password, "ROBOT_SECRET=" + serviceSecret}})
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	config.Password = password
	db, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	transactions := func() (n int64) {
		t.Helper()
		time.Sleep(1500 * time.Millisecond) // sessions report at most once a second
		if err := db.QueryRow(t.Context(), "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, began := transactions(), time.Now()
	const tokens, conns = 100_000, 16
	var statuses [600]atomic.Int64
	var all sync.WaitGroup
	for range conns {
		all.Go(func() {
			c, err := net.Dial("tcp", g.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			in := bufio.NewReader(c)
			for range tokens / conns {
				body := "grant_type=refresh_token&client_id=app&refresh_token=" + shaped()
				_, err := fmt.Fprintf(c, "POST /.sanmon/oauth/token HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 10.0.%d.%d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
					strings.TrimPrefix(g.URL, "http://"), rand.IntN(4), rand.IntN(250), len(body), body)
				if err != nil {
					t.Error(err)
					return
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				statuses[min(res.StatusCode, 599)].Add(1)
			}
		})
	}
	all.Wait()
	if n := statuses[400].Load(); n != tokens {
		t.Errorf("%d of %d were 400; 429: %d, 503: %d", n, tokens, statuses[429].Load(), statuses[503].Load())
	}
	// What the server asks by itself (the change feed, the trail of refused requests) does not
	// grow with the tokens.
	if n, bound := transactions()-before, int64(400+60*time.Since(began).Seconds()); n > bound {
		t.Errorf("%d transactions for %d tokens, want no more than %d in that time", n, tokens, bound)
	}
}

// shaped is a token of the right prefix, length, alphabet and key version.
func shaped() string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := []byte("smr_" + strings.Repeat("0", 83))
	for i := 8; i < len(b); i++ {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
