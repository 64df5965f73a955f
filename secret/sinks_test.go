package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
)

const canary = "c4n4ry-s3cret"

// canaryHash begins the SHA-256 of canary, by sha256sum(1).
const canaryHash = "ea08368c"

type exported struct{ V Value }

type unexported struct {
	v Value
	n int
}

type nested struct {
	P *unexported
	U unexported
	M map[string]Value
	S []Value
	I any
}

// holders are the shapes in which a secret reaches a sink (research G: the table of
// what leaked with other types).
func holders() map[string]any {
	v := NewString(canary)
	return map[string]any{
		"direct": v, "pointer": &v, "exported": exported{v}, "pointer to exported": &exported{v}, "unexported": unexported{v, 1},
		"pointer to unexported": &unexported{v, 1}, "map": map[string]Value{"k": v}, "slice": []Value{v, v}, "array": [1]Value{v},
		"nested": nested{&unexported{v, 1}, unexported{v, 1}, map[string]Value{"k": v}, []Value{v}, v}, "any": any(v), "slice of any": []any{v, unexported{v, 1}},
		"error of struct": fmt.Errorf("call %v", unexported{v, 1}), "wrapped": fmt.Errorf("a: %w", fmt.Errorf("b %+v %s", v, exported{v})),
		"joined": errors.Join(fmt.Errorf("%v", v), errors.New("x")), "func": func() Value { return v }, "channel": make(chan Value),
	}
}

func TestNoSinkLeaks(t *testing.T) {
	for name, h := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "% x", "%10v", "%T"} {
			clean(t, name+" "+verb, fmt.Sprintf(verb, h))
		}
		clean(t, name+" Sprint", fmt.Sprint(h)+fmt.Sprintln(h))
		var out bytes.Buffer
		logger := log.New(&out, "", 0)
		logger.Print(h)
		logger.Printf("%v %+v %#v", h, h, h)
		for _, s := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
			s.Info("x", "v", h)
			s.With("v", h).WithGroup("g").Info("x", slog.Group("h", slog.Any("v", h)))
		}
		clean(t, name+" log and slog", out.String())
		for sink, encode := range map[string]func(any) ([]byte, error){"json": json.Marshal, "xml": xml.Marshal, "gob": gobEncode} {
			b, err := encode(h)
			clean(t, name+" "+sink, string(b)+fmt.Sprint(err))
		}
	}
}

func gobEncode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func clean(t *testing.T, sink, out string) {
	t.Helper()
	decimal := strings.Trim(fmt.Sprint([]byte(canary[:6])), "[]")
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))), base64.StdEncoding.EncodeToString([]byte(canary))[:12], decimal, strings.ReplaceAll(decimal, " ", ",")} {
		if strings.Contains(out, form) {
			t.Errorf("%s leaks: %s", sink, out)
		}
	}
}

func TestValue(t *testing.T) {
	b := []byte(canary)
	v := New(b)
	clear(b)
	if string(v.Expose()) != canary || v.Empty() {
		t.Error("a Value shares the bytes that it was made of")
	}
	var zero Value
	if !zero.Empty() || zero.Expose() != nil || !zero.Equal(New(nil)) || zero.Equal(v) || !v.Equal(NewString(canary)) || v.Equal(NewString(canary+"x")) {
		t.Error("equality")
	}
	if s := fmt.Sprintf("%v", zero); s != Redacted {
		t.Errorf("zero prints as %q", s)
	}
	if got, err := json.Marshal(map[string]Value{"k": v}); err != nil || string(got) != `{"k":"[REDACTED]"}` {
		t.Errorf("%s, %v", got, err)
	}
	if h := v.Hash(); hex.EncodeToString(h[:4]) != canaryHash {
		t.Errorf("hash %x", h)
	}
}
