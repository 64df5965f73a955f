package adopt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// maxJar is the largest jar at rest, before it is sealed, in bytes.
const maxJar = 32 << 10

// Jar is what one session holds of every backend. It is shared and never changed.
type Jar []Held

// Of is what the jar has of a backend; Upstream is always set.
func (j Jar) Of(upstream string) Held {
	for _, h := range j {
		if h.Upstream == upstream {
			return h
		}
	}
	return Held{Upstream: upstream}
}

// With returns the jar with h in the place of what it had of that backend. An empty h leaves
// nothing of it.
func (j Jar) With(h Held) Jar {
	out := make(Jar, 0, len(j)+1)
	for _, o := range j {
		if o.Upstream != h.Upstream {
			out = append(out, o)
		}
	}
	if len(h.Cookies) > 0 {
		out = append(out, h)
	}
	return out
}

// Other is the jar without a backend.
func (j Jar) Other(upstream string) Jar { return j.With(Held{Upstream: upstream}) }

// The form at rest, see docs/formats.md.
type (
	heldForm struct {
		Upstream string       `json:"u"`
		Since    int64        `json:"s"` // microseconds since 1970; 0 not signed in
		Cookies  []cookieForm `json:"c"`
	}
	cookieForm struct {
		Name    string `json:"n"`
		Path    string `json:"p"`
		Value   []byte `json:"v"`
		Expires int64  `json:"e"` // microseconds since 1970; 0 with the session
	}
)

// Marshal is the jar as it is sealed.
func (j Jar) Marshal() (secret.Value, error) {
	form := make([]heldForm, 0, len(j))
	for _, h := range j {
		f := heldForm{Upstream: h.Upstream, Since: micros(h.Since)}
		for _, c := range h.Cookies {
			f.Cookies = append(f.Cookies, cookieForm{c.Name, c.Path, c.Value.Expose(), micros(c.Expires)})
		}
		form = append(form, f)
	}
	b, err := json.Marshal(form)
	if err != nil {
		return secret.Value{}, err
	}
	if len(b) > maxJar {
		return secret.Value{}, fmt.Errorf("the session cookies of the backends take %d bytes, more than %d (a session of ours holds no more)", len(b), maxJar)
	}
	return secret.New(b), nil
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(v secret.Value) (Jar, error) {
	var form []heldForm
	d := json.NewDecoder(bytes.NewReader(v.Expose()))
	d.DisallowUnknownFields()
	if err := d.Decode(&form); err != nil {
		return nil, errors.New("the jar of a session is not in its format (it was written by a newer version, or changed)") // the cause may quote it
	}
	j := make(Jar, 0, len(form))
	for _, f := range form {
		h := Held{Upstream: f.Upstream, Since: moment(f.Since)}
		for _, c := range f.Cookies {
			h.Cookies = append(h.Cookies, Cookie{Name: c.Name, Path: c.Path, Value: secret.New(c.Value), Expires: moment(c.Expires)})
		}
		j = append(j, h)
	}
	return j, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
