package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/identity/refresh"
)

// refreshVector is the token of docs/formats.md, in two pieces, so that this file has none.
var refreshVector = "smr_001HvbGK2EP0W5D8KHSTxV1CpgDnI1JEP6Xbk5wFFp7v" + "AbgNl6xCcWG0IJHIHn9xawH0AKAfRp8W71QIw7T"

// wrapped is text in lines of n characters, as base64 and xxd print it.
func wrapped(text string, n int, end string) string {
	var out strings.Builder
	for ; len(text) > n; text = text[n:] {
		out.WriteString(text[:n] + end)
	}
	return out.String() + text
}

// encodings are the forms in which a credential is written into logs and trees.
func encodings(text string) map[string]string {
	std := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	all := map[string]string{
		"hexadecimal": hex.EncodeToString([]byte(text)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(text))), "xxd -p": wrapped(hex.EncodeToString([]byte("a"+text)), 60, "\n"),
		"basic":   "Authorization: Basic " + std("user:"+text),                                                           // RFC 7617, Section 2
		"secret":  "apiVersion: v1\nkind: Secret\ndata:\n  key: " + std(text) + "\n",                                     // a manifest of Kubernetes
		"claim":   "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+text+`"}`)) + ".sig", // RFC 7519
		"escaped": `{"dump":"` + wrapped(std("xyz"+text), 40, `\n`) + `"}`,
		"percent": strings.ReplaceAll(text, "_", "%5f"), "PERCENT": strings.ReplaceAll(text, "_", "%5F"), // RFC 3986, Section 2.1
	}
	for shift := range 7 {
		in := strings.Repeat("~", shift) + text
		all[fmt.Sprintf("base64 behind %d", shift)] = std(in)
		all[fmt.Sprintf("base64 behind %d, before more", shift)] = std(in + "\xff\xfe")
		all[fmt.Sprintf("base64url behind %d", shift)] = base64.RawURLEncoding.EncodeToString([]byte(in + "\xff\xff"))
		all[fmt.Sprintf("MIME behind %d", shift)] = wrapped(std(in), 76, "\r\n")
		all[fmt.Sprintf("YAML behind %d", shift)] = wrapped(std(in), 64, "\n    ")
	}
	var each strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&each, "%%%02X", text[i])
	}
	all["each percent"] = each.String()
	for n := range len("smk_") {
		all[fmt.Sprintf("percent at %d", n)] = text[:n] + fmt.Sprintf("%%%02x", text[n]) + text[n+1:]
	}
	return all
}

// TestEncodedCredentials: a key and a refresh token are found in every form, once, at their
// line, and no report shows them.
func TestEncodedCredentials(t *testing.T) {
	for rule, text := range map[string]string{sanmonKey: newKey(t), sanmonRefresh: refreshVector} {
		if len(text) != map[string]int{sanmonKey: 60, sanmonRefresh: refresh.Size}[rule] {
			t.Fatalf("%s has %d characters", rule, len(text))
		}
		for how, shown := range encodings(text) {
			for _, file := range []string{"app.log", "values.yaml", "a.py"} {
				var r Report
				New(false).Text(&r, file, []byte("first\n# x \""+shown+"\" y\n"))
				var found []Finding
				for _, f := range r.Findings {
					if f.Rule == rule {
						found = append(found, f)
					}
				}
				if len(found) != 1 {
					t.Errorf("%s, %s in %s: %d findings", rule, how, file, len(found))
					continue
				}
				line := 2
				if how == "secret" {
					line = 5
				}
				if f := found[0]; f.Line != line || f.Remedy == "" || strings.Contains(how, "base64") != strings.Contains(f.Why, "in base64") && !strings.ContainsAny(how, "MYbsce") {
					t.Errorf("%s, %s in %s: %+v", rule, how, file, f)
				}
				for _, piece := range pieces(text[22:56]) {
					if strings.Contains(found[0].Excerpt, piece) {
						t.Errorf("%s, %s: the excerpt shows %q: %s", rule, how, piece, found[0].Excerpt)
					}
				}
			}
		}
	}
}

// pieces are parts of a secret, as they would stand in an excerpt that shows it.
func pieces(core string) []string {
	var out []string
	for _, whole := range []string{core, hex.EncodeToString([]byte(core)), strings.ToUpper(hex.EncodeToString([]byte(core))),
		base64.StdEncoding.EncodeToString([]byte(core))[1:], base64.StdEncoding.EncodeToString([]byte("x" + core))[2:], base64.StdEncoding.EncodeToString([]byte("xx" + core))[3:]} {
		for at := 0; at+6 <= len(whole)-4; at++ {
			out = append(out, whole[at:at+6])
		}
	}
	return out
}

// TestEncodedByChecksum: what has the form but not the checksum, or is cut, is nobody's.
func TestEncodedByChecksum(t *testing.T) {
	s := New(true)
	for _, text := range []string{newKey(t), refreshVector} {
		other := "A"
		if strings.HasSuffix(text, other) {
			other = "B"
		}
		for _, wrong := range []string{text[:len(text)-1] + other, text[:len(text)-2], strings.ToUpper(text), text[:20] + "-" + text[21:]} {
			for how, shown := range encodings(wrong) {
				var r Report
				s.Text(&r, "app.log", []byte(shown+"\n"))
				if len(r.Findings) != 0 {
					t.Errorf("%s of a wrong one: %+v", how, r.Findings)
				}
			}
		}
	}
}

// BenchmarkMarks reads a text of nothing but beginnings, the worst that somebody can write.
func BenchmarkMarks(b *testing.B) {
	s := New(true)
	text := bytes.Repeat([]byte(s.forms[2].mark), 1<<18)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Text(&Report{}, "a.log", text)
	}
}

// FuzzEncoded: whatever stands around a key, it is found in base64 and hexadecimal.
func FuzzEncoded(f *testing.F) {
	s := New(false)
	f.Add([]byte("user:"), []byte("\n"))
	f.Add([]byte("smk_live_smk_"), []byte("smr_"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		in := append(append(bytes.Clone(before), refreshVector...), after...)
		for _, text := range []string{base64.StdEncoding.EncodeToString(in), base64.URLEncoding.EncodeToString(in), hex.EncodeToString(in)} {
			var r Report
			s.Text(&r, "a.log", []byte(text))
			for _, x := range r.Findings {
				if x.Rule == sanmonRefresh {
					return
				}
			}
			t.Errorf("not found in %s", text)
		}
	})
}
