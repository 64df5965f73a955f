package csrf

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Guard applies session tokens to a handler of a Go program that runs without the gate.
// The binding is a cookie of its own: 128 random bits, "__Host-csrf", so that a
// subdomain cannot plant one. Its name is not of those that package headers reserves, so
// headers.Handler leaves it alone. It is the second half of a defence; the first is
// origin.Handler, or http.CrossOriginProtection, which belongs around it.
type Guard struct {
	Tokens *Tokens
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Refuse answers a refused request; nil writes the title as text.
	Refuse func(w http.ResponseWriter, r *http.Request, why *refusal.Refusal)
}

const bindingSize = 22 // base62 characters, 131 bits

type tokenKey struct{}

// Token returns the token for the page that answers r, to be put into a hidden field
// named FieldName or sent as HeaderName; "" outside a Guard.
func Token(r *http.Request) string {
	issue, _ := r.Context().Value(tokenKey{}).(func() string)
	if issue == nil {
		return ""
	}
	return issue()
}

// Handler requires a session token for every method but GET, HEAD and OPTIONS. The field
// is taken out of the body that next reads. A token is only made when next asks for one.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		binding := g.binding(r)
		if !safe(r.Method) {
			if err := g.check(r, binding); err != nil {
				g.refuse(w, r, refusal.From(err))
				return
			}
		}
		if binding == "" {
			binding = secret.Random62(bindingSize)
			http.SetCookie(w, g.cookie(binding))
		}
		issue := func() string { return g.Tokens.Issue(Session, []byte(binding), "", g.now()) }
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, issue)))
	})
}

// Renew replaces the binding, so that every token issued before ends. Call it when
// somebody logs in or out, before the header is written. A browser keeps the last of two
// Set-Cookie fields with one name (RFC 6265, Section 5.3).
func (g *Guard) Renew(w http.ResponseWriter) {
	http.SetCookie(w, g.cookie(secret.Random62(bindingSize)))
}

func (g *Guard) check(r *http.Request, binding string) error {
	token := r.Header.Get(HeaderName)
	field, err := takeField(r)
	if err != nil {
		return err
	}
	if token == "" {
		token = field
	}
	_, err = g.Tokens.Verify(token, Session, [][]byte{[]byte(binding)}, "", g.now())
	return err
}

// takeField reads the beginning of the body and puts it back without the field.
func takeField(r *http.Request) (string, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return "", nil
	}
	prefix, err := io.ReadAll(io.LimitReader(r.Body, Window))
	if err != nil {
		return "", refusal.New(refusal.InputInvalid, "read the body: it ended early")
	}
	f, err := Find(r.Header.Get("Content-Type"), prefix, len(prefix) < Window)
	if err != nil {
		return "", err
	}
	rest := io.MultiReader(bytes.NewReader(prefix[:f.Start]), bytes.NewReader(prefix[f.End:]), r.Body)
	r.Body = &body{rest, r.Body}
	if r.ContentLength > 0 {
		r.ContentLength -= int64(f.End - f.Start)
	}
	return f.Token, nil
}

type body struct {
	io.Reader
	io.Closer
}

// binding is the value of our cookie; "" when there is none, or two that differ.
func (g *Guard) binding(r *http.Request) string {
	value := ""
	for _, c := range r.CookiesNamed(g.name()) {
		if len(c.Value) != bindingSize || value != "" && value != c.Value {
			return ""
		}
		value = c.Value
	}
	return value
}

func (g *Guard) secure() bool { return strings.HasPrefix(g.Tokens.Origin, "https://") }

func (g *Guard) name() string {
	if g.secure() {
		return "__Host-csrf"
	}
	return "csrf"
}

func (g *Guard) cookie(value string) *http.Cookie {
	return &http.Cookie{Name: g.name(), Value: value, Path: "/", Secure: g.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (g *Guard) now() time.Time {
	if g.Now != nil {
		return g.Now()
	}
	return time.Now()
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, why *refusal.Refusal) {
	if g.Refuse != nil {
		g.Refuse(w, r, why)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why.Title(), why.Status())
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
