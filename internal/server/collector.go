package server

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/target"
)

// ReportRate is how many requests with reports a network may send. A page that breaks
// everywhere sends some dozens at once.
func ReportRate() limit.Rate { return limit.Rate{Count: 300, Per: time.Minute, Burst: 200} }

// Reporter takes what browsers reported; rollout.Log does.
type Reporter interface {
	Report(g rollout.Group, sample, source string, now time.Time)
}

// Collector takes reports of browsers on violations of a content security policy. Nobody
// has to sign in: a browser sends reports without credentials, and when a session is over,
// too. So nothing in a report is believed: it is counted and shown to people.
type Collector struct {
	Gate     *sanmon.Gate
	Limits   *limit.Table
	Limit    *limit.Policy // of each network
	Reporter Reporter
}

// Serve answers a POST with 204, whatever becomes of what it says.
func (c *Collector) Serve(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error {
	if err := takes(r, http.MethodPost); err != nil {
		return err
	}
	taken := c.Limits.Take(p.Request.Now, limit.Demand{Policy: c.Limit, Key: c.Limits.Network(network.LimitKey(p.Addr), "csp-report")})
	if err := taken.Err(); err != nil {
		return err
	}
	if r.ContentLength > csp.MaxBody {
		return refusal.New(refusal.BodyTooLarge, "a report declares %d bytes, more than %d", r.ContentLength, csp.MaxBody)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, csp.MaxBody+1))
	if err != nil {
		no := refusal.New(refusal.InputInvalid, "a report broke off")
		no.Err = err
		return no
	}
	reports, err := csp.ReadReports(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	for i := range reports {
		if reports[i].Noise(c.ours) == "" {
			c.report(&reports[i], p.Request.Now)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Collector) report(r *csp.Report, now time.Time) {
	g := rollout.Group{Route: c.route(r.Document), Directive: r.Directive, Blocked: r.Blocked, Disposition: r.Disposition}
	c.Reporter.Report(g, string(redact.Line([]byte(r.Sample))), string(redact.Line([]byte(place(r)))), now)
}

// place is where a script stood: without the query, which may hold anything.
func place(r *csp.Report) string {
	u, err := url.Parse(r.Source)
	if err != nil || r.Source == "" {
		return ""
	}
	s := csp.Origin(r.Source) + u.EscapedPath()
	if len(s) > 200 {
		s = s[:200]
	}
	if r.Line > 0 {
		s += ":" + strconv.Itoa(r.Line)
	}
	return s
}

// ours knows the origins that pages of ours have.
func (c *Collector) ours(origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return scheme == c.Gate.Scheme && c.Gate.Table.Hosts(host)
}

// route names the route that answered with the document: by the method of most pages, else
// by that of a form.
func (c *Collector) route(document string) string {
	u, err := url.Parse(document)
	if err != nil {
		return "none"
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	t, err := target.Parse(http.MethodGet, path)
	if err != nil {
		return "none"
	}
	if strings.HasPrefix(t.Decoded, portal.Prefix) {
		return "portal"
	}
	_, host, _ := strings.Cut(csp.Origin(document), "://")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if i, _, err := c.Gate.Table.Match(host, method, t.Decoded); err == nil {
			return c.Gate.Routes[i].ID
		}
	}
	return "none"
}
