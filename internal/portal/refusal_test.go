package portal

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestEveryRefusal renders every code of the contract as problem document, as page in both
// languages, and for HEAD.
func TestEveryRefusal(t *testing.T) {
	p, _ := newPortal(t)
	for code, status := range refusal.Codes() {
		why := &refusal.Refusal{Code: code, Reason: "operator only", Err: errors.New("cause only")}
		for _, lang := range []string{"", "en", "ja"} {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				r := httptest.NewRequest(method, "/x", nil)
				r.Header.Set("Accept-Language", lang)
				w := httptest.NewRecorder()
				p.Pages.WriteRefusal(w, r, why, "req_1", lang != "")
				h, body := w.Header(), w.Body.String()
				if w.Code != status || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") != "req_1" {
					t.Errorf("%s %s %s: %d %v", code, lang, method, w.Code, h)
				}
				if (status == 401) != (h.Get("WWW-Authenticate") != "") || (status == 405) != (h["Allow"] != nil) || (status == 429) != (h.Get("Retry-After") != "") {
					t.Errorf("%s: %v", code, h)
				}
				if (method == "HEAD") != (body == "") || h.Get("Content-Length") == "0" || method != "HEAD" && h.Get("Content-Length") != strconv.Itoa(len(body)) {
					t.Errorf("%s %s: body of %d, Content-Length %s", code, method, len(body), h.Get("Content-Length"))
				}
				if strings.Contains(body, "only") && strings.Contains(body, "operator only") || strings.Contains(body, "cause only") {
					t.Errorf("%s: the client reads the operator's text: %s", code, body)
				}
				if method == "GET" && lang != "" && (!strings.Contains(body, `<html lang="`+lang+`">`) || !strings.Contains(body, "<code>"+string(code)+"</code>") || strings.Contains(body, "refusal.")) {
					t.Errorf("%s %s: %s", code, lang, body)
				}
			}
		}
	}
}

func TestProblemDocument(t *testing.T) {
	p, _ := newPortal(t)
	w := httptest.NewRecorder()
	w.Header().Set("Etag", `"x"`)
	w.Header().Set("Content-Encoding", "gzip")
	p.Pages.WriteRefusal(w, httptest.NewRequest("GET", "/x", nil), &refusal.Refusal{Code: refusal.RateLimited, Detail: "Ten a minute.", RetryAfter: 1001 * time.Millisecond}, "req_1", false)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "/.sanmon/problems#rate_limited", "title": "Too many requests. Please wait a moment.", "status": 429.0,
		"detail": "Ten a minute.", "code": "rate_limited", "request_id": "req_1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	h := w.Header()
	if h.Get("Retry-After") != "2" || h.Get("Content-Type") != "application/problem+json" || h.Get("Etag") != "" || h.Get("Content-Encoding") != "" {
		t.Errorf("header %v", h)
	}
}

func TestChallenge(t *testing.T) {
	for _, c := range []struct {
		why  refusal.Refusal
		want string
	}{
		{refusal.Refusal{Code: refusal.LoginRequired}, "Bearer"},
		{refusal.Refusal{Code: refusal.KeyInvalid}, "Bearer"},
		{refusal.Refusal{Code: refusal.TokenExpired}, `Bearer error="invalid_token"`},
		{refusal.Refusal{Code: refusal.StepUpRequired}, `Bearer error="insufficient_user_authentication"`},
		{refusal.Refusal{Code: refusal.StepUpRequired, Challenge: "Bearer max_age=600"}, "Bearer max_age=600"},
	} {
		if got := challenge(&c.why); got != c.want {
			t.Errorf("%s: %s, want %s", c.why.Code, got, c.want)
		}
	}
}

// TestUnknownCode: a code outside the contract shows as a failure, and nothing breaks.
func TestUnknownCode(t *testing.T) {
	p, _ := newPortal(t)
	for _, navigation := range []bool{true, false} {
		w := httptest.NewRecorder()
		p.Pages.WriteRefusal(w, httptest.NewRequest("GET", "/x", nil), &refusal.Refusal{Code: "<b>new</b>"}, "req_1", navigation)
		if w.Code != 500 || strings.Contains(w.Body.String(), "<b>new") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// The page of a front page that is not there does not lead to it again.
func TestMissingFrontPage(t *testing.T) {
	p, _ := newPortal(t)
	for path, want := range map[string]string{"/": "/.sanmon/account", "/x": "/"} {
		w := httptest.NewRecorder()
		p.Pages.WriteRefusal(w, httptest.NewRequest("GET", path, nil), &refusal.Refusal{Code: refusal.RouteUnknown}, "req_1", true)
		if link := `<a class="button quiet" href="` + want + `">`; !strings.Contains(w.Body.String(), link) {
			t.Errorf("%s: no %s in\n%s", path, link, w.Body)
		}
	}
}

// TestLoginLink: the page of a refusal leads back to where a GET was refused, and never
// repeats a POST.
func TestLoginLink(t *testing.T) {
	p, _ := newPortal(t)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/notes?a=1&b=2", `href="/.sanmon/login?next=%2Fnotes%3Fa%3D1%26b%3D2"`},
		{"POST", "/notes", `href="/.sanmon/login"`},
		{"GET", "//evil.example/x", `href="/.sanmon/login"`},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.RequestURI = c.target
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.target, "?")
		p.Pages.WriteRefusal(w, r, &refusal.Refusal{Code: refusal.SessionExpired}, "req_1", true)
		if !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %s lacks %s", c.method, c.target, w.Body, c.want)
		}
	}
}
