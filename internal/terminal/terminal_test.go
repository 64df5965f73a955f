package terminal

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestWriter(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\nc":                   "a\tb\nc",
		"\x1b[31mred\x1b]0;t\a":     " [31mred ]0;t ",
		"over\rwritten\b\x7f":       "over written  ",
		"\u009b2J and \u0090q":      " 2J and  q",
		"a\u202egnp.exe":            "a gnp.exe",
		"\u2066x\u2069\u2028":       " x  ",
		"山門 é \u200d":               "山門 é \u200d",
		"\xff\x9b31m, no UTF-8":     "\xff\x9b31m, no UTF-8",
		"":                          "",
		"\xff\x1b[2J after a fault": "\xff [2J after a fault",
	} {
		var out bytes.Buffer
		if n, err := (Writer{&out}).Write([]byte(text)); n != len(text) || err != nil || out.String() != want {
			t.Errorf("%q: wrote %q, %d, %v, want %q", text, out.String(), n, err, want)
		}
	}
}

// TestJSON: the value is the same, and a terminal shows it.
func TestJSON(t *testing.T) {
	for _, want := range []string{"a\x1b[2J\u009b\u202e\u2028\x7f\n\t", "山門"} {
		var out bytes.Buffer
		if err := json.NewEncoder(JSON{&out}).Encode(want); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != want || bytes.ContainsFunc(out.Bytes(), acts) {
			t.Errorf("%q became %s, which is %q, %v", want, out.Bytes(), got, err)
		}
	}
}

// FuzzWriter: nothing that a terminal acts on comes out, and nothing else is changed.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\x1b[31m\u009b\xff\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		_, _ = Writer{&out}.Write(b)
		if bytes.ContainsFunc(out.Bytes(), acts) {
			t.Errorf("%q became %q", b, out.Bytes())
		}
		if utf8.RuneCount(out.Bytes()) != utf8.RuneCount(b) {
			t.Errorf("%q became %q: another length", b, out.Bytes())
		}
	})
}
