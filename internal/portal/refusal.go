package portal

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/internal/portal/csrfjs"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
)

// ProblemType is the "type" of a problem document: a reference to the page that explains
// every code, relative to the origin that refused (RFC 9457, Section 3.1.1).
const ProblemType = Prefix + "problems#"

// Pages writes refusals and the confirmation page. It is safe for concurrent use.
type Pages struct {
	views  *views.Renderer
	script *csrfjs.Script
	site   string // host that people see in the browser's address
}

// NewPages prepares the pages. site is the host of the public URL, as people know it.
func NewPages(site string) (*Pages, error) {
	v, err := views.New(Prefix)
	if err != nil {
		return nil, err
	}
	return &Pages{v, csrfjs.New(), site}, nil
}

// problem is an RFC 9457 problem document. Reason and cause of the refusal are not in it.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	// SecondFactor, with step_up_required at a login, says what is missing: "code" is to be
	// sent along, "enrol": an app has to be enrolled at the login page first.
	SecondFactor string `json:"second_factor,omitempty"`
}

// WriteRefusal answers with why: as a page in the reader's language for a navigation, as
// application/problem+json otherwise. It sets the whole header of the answer itself, so it
// must be called before anything is written; fields that were set for a better answer and
// could contradict it (entity, caching and range fields) are removed.
func (p *Pages) WriteRefusal(w http.ResponseWriter, r *http.Request, why *refusal.Refusal, requestID string, navigation bool) {
	refusalHeader(w.Header(), why, requestID)
	if navigation {
		p.views.Refusal(w, r, why.Status(), views.Refusal{
			Site: p.site, Code: string(why.Code), Status: why.Status(), Detail: why.Detail, RequestID: requestID,
			Wait: seconds(why.RetryAfter), Login: signIn(why.Code), Back: back(r), NoFront: why.Code == refusal.RouteUnknown && r.URL.Path == "/",
		})
		return
	}
	writeProblem(w, r, why, requestID)
}

func writeProblem(w http.ResponseWriter, r *http.Request, why *refusal.Refusal, requestID string) {
	body, err := json.Marshal(problem{
		ProblemType + string(why.Code), why.Title(), why.Status(), why.Detail, string(why.Code), requestID, secondFactor(why),
	})
	if err != nil { // strings and an int always marshal
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	views.Write(w, r, why.Status(), body)
}

// refusalHeader sets the fields that every refusal carries.
func refusalHeader(h http.Header, why *refusal.Refusal, requestID string) {
	for _, name := range []string{"Content-Encoding", "Content-Range", "Etag", "Last-Modified", "Expires", "Allow", "Retry-After", "Www-Authenticate", "Location"} {
		h.Del(name)
	}
	h.Set("X-Request-Id", requestID)
	h.Set("Cache-Control", "no-store")
	status := why.Status()
	if status == http.StatusUnauthorized || why.Challenge != "" {
		h.Set("WWW-Authenticate", challenge(why))
	}
	if status == http.StatusMethodNotAllowed { // RFC 9110, Section 15.5.6: must be sent, may be empty
		h.Set("Allow", strings.Join(why.Allow, ", "))
	}
	if n := seconds(why.RetryAfter); n > 0 {
		h.Set("Retry-After", strconv.Itoa(n))
	} else if status == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
}

// formHeader sets what a page with a form carries, and returns what the page says of why, the
// refusal of what was sent before; nil: it is shown for the first time.
func formHeader(h http.Header, why *refusal.Refusal, requestID string) (status int, code string, wait int) {
	h.Set("Cache-Control", "no-store")
	if why == nil {
		return http.StatusOK, "", 0
	}
	refusalHeader(h, why, requestID)
	return why.Status(), string(why.Code), seconds(why.RetryAfter)
}

// challenge is what a 401 must carry (RFC 9110, Section 15.5.2). No browser asks for
// anything on Bearer.
func challenge(why *refusal.Refusal) string {
	if why.Challenge != "" {
		return why.Challenge
	}
	switch why.Code {
	case refusal.StepUpRequired: // RFC 9470, Section 3
		return `Bearer error="insufficient_user_authentication"`
	case refusal.TokenInvalid, refusal.TokenExpired, refusal.TokenRevoked: // RFC 6750, Section 3.1
		return `Bearer error="invalid_token"`
	}
	return "Bearer"
}

// seconds rounds up (RFC 9110, Section 10.2.3 knows whole seconds only).
func seconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int(math.Ceil(d.Seconds()))
}

// signIn reports whether signing in is the remedy of a refusal.
func signIn(code refusal.Code) bool {
	switch code {
	case refusal.LoginRequired, refusal.SessionExpired, refusal.StepUpRequired:
		return true
	}
	return false
}

// back is where a page may send its reader after signing in: only a request without
// effect can be repeated by following a link.
func back(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return LoginURL("/")
	}
	return LoginURL(r.URL.RequestURI())
}
