package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The vector of the format (research C).
const (
	body = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	key  = "smk_live_000000000001_" + body + "2vG8vN"
	safe = "smk_live_000000000001_[REDACTED]"
	tok  = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl"
	cert = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
)

func TestLine(t *testing.T) {
	pem := "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----"
	for _, tt := range []struct{ in, want string }{
		{key, safe},
		{"a key " + key + ", and " + key + "!", "a key " + safe + ", and " + safe + "!"},
		{"x" + key + "y", "x" + safe + "y"},
		{key[:40], safe},
		{strings.Replace(key, "_", "%5F", 1), "smk%5Flive_000000000001_[REDACTED]"},
		{strings.Replace(key, "s", "%73", 1), "%73mk_live_000000000001_[REDACTED]"},
		{strings.Replace(key, "AAAA", "%41A%41A", 1), safe},
		{"Authorization: Bearer " + key, "Authorization: Bearer " + safe},
		{"refresh smr_001HvbGK2EP0W5D8KHSTxV1CpgDnI1JEP6Xbk5w, later", "refresh smr_[REDACTED], later"},
		{"code smc_001HvbGK2EP0W5D8KHSTxV1CpgDnI1JEP6Xbk5w.", "code smc_[REDACTED]."},
		{"smr_001HvbGK2EP0W5D8", "smr_[REDACTED]"},
		{"link sml_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v, once", "link sml_[REDACTED], once"},
		{"code smc_A1b2C3d4E5f6G7h8, once", "code smc_[REDACTED], once"},
		{"smr_001HvbGK2EP0 is cut, smx_001HvbGK2EP0W5D8KHSTxV1 is none", "smr_001HvbGK2EP0 is cut, smx_001HvbGK2EP0W5D8KHSTxV1 is none"},
		{"authorization: bearer abcdefgh12345", "authorization: bearer [REDACTED]"},
		{`{"h":"Bearer ` + tok + `","x":1}`, `{"h":"Bearer [REDACTED]","x":1}`},
		{"q=Bearer%20abcdefgh12345&x=1", "q=Bearer%20[REDACTED]&x=1"},
		{"the bearer was here", "the bearer was here"},
		{"Basic dXNlcjpwYXNz", "Basic [REDACTED]"},
		{"Basic dTpw", "Basic [REDACTED]"},
		{"basic authentication is off", "basic authentication is off"},
		{tok, "[REDACTED]"},
		{"/x?jwt=" + tok + ".", "/x?jwt=[REDACTED]"},
		{"see " + tok + ".", "see [REDACTED]."},
		{"eyJustAWord and eyJ.", "eyJustAWord and eyJ."},
		{"Cookie: __Host-sanmon=abc123; theme=dark", "Cookie: [REDACTED]"},
		{"a __Host-sanmon=abc123; theme=dark", "a __Host-sanmon=[REDACTED]; theme=dark"},
		{"sanmon=abc123", "sanmon=[REDACTED]"},
		{"X-Api-Key: abc def\nHost: x", "X-Api-Key: [REDACTED]\nHost: x"},
		{"map[X-Api-Key:[abc] Host:[x]]", "map[X-Api-Key:[[REDACTED]] Host:[x]]"},
		{pem, "[REDACTED]"},
		{pem + "\nand more", "[REDACTED]\nand more"},
		{pem[:40], "[REDACTED]"},
		{cert, cert},
		{`{"pem":"-----BEGIN PRIVATE KEY-----\nMHcCAQ\n-----END PRIVATE KEY-----\n","x":1}`, `{"pem":"[REDACTED]\n","x":1}`},
		{`{"pem":"-----BEGIN PRIVATE KEY-----\nMHcCAQ","x":1}`, `{"pem":"[REDACTED]","x":1}`},
		{"postgres://sanmon:hunter2@db:5432/x", "postgres://sanmon:[REDACTED]@db:5432/x"},
		{"postgres://sanmon:p@ss@db/x", "postgres://sanmon:[REDACTED]@db/x"},
		{"https://ghp_token@github.com/x", "https://[REDACTED]@github.com/x"},
		{"https://example.com/a@b", "https://example.com/a@b"},
		{"write postgres://USER@HOST/DATABASE", "write postgres://USER@HOST/DATABASE"},
		{"postgres://USER:hunter2@HOST/x", "postgres://USER:[REDACTED]@HOST/x"},
		{"/cb?code=abc&state=x", "/cb?code=[REDACTED]&state=x"},
		{"/cb?a=b&access_token=abc#x", "/cb?a=b&access_token=[REDACTED]#x"},
		{`{"u":"/cb?a=b\u0026key=abc\u0026c=d"}`, `{"u":"/cb?a=b\u0026key=[REDACTED]\u0026c=d"}`},
		{"next=%2Fcb%3Ftoken%3Dabc%26x%3D1", "next=%2Fcb%3Ftoken%3D[REDACTED]%26x%3D1"},
		{"password=a%26b&x=1", "password=[REDACTED]&x=1"},
		{`password="hunter 2" x=1`, `password="[REDACTED]" x=1`},
		{"code=key_invalid route=notes", "code=key_invalid route=notes"},
		{`{"code":"key_invalid","key_id":"000000000001"}`, `{"code":"key_invalid","key_id":"000000000001"}`},
		{`{"password":"hunter2","x":1}`, `{"password":"[REDACTED]","x":1}`},
		{`{"password": 12345, "x":1}`, `{"password": "[REDACTED]", "x":1}`},
		{`{"password":null,"token":true}`, `{"password":null,"token":true}`},
		{`{"api_key":["a","b"],"x":1}`, `{"api_key":["[REDACTED]"],"x":1}`},
		{`{"password":"a\\","x":"b"}`, `{"password":"[REDACTED]","x":"b"}`},
		{`{"password":"a\"b","x":"b"}`, `{"password":"[REDACTED]","x":"b"}`},
		{`{"msg":"{\"password\":\"hunter2\",\"x\":1}"}`, `{"msg":"{\"password\":\"[REDACTED]\",\"x\":1}"}`},
		{`{"msg":"{\"password\":12}"}`, `{"msg":"{\"password\":\"[REDACTED]\"}"}`},
		{`{"msg":"{\"password\":\"a\\\"b\"}"}`, `{"msg":"{\"password\":\"[REDACTED]\"}"}`},
		{`{"msg":"{\"password\":\"a\\","x":"b"}`, `{"msg":"{\"password\":\"[REDACTED]","x":"b"}`},
		{`{"msg":"password=","user":"bob"}`, `{"msg":"password=","user":"bob"}`},
		{`{"msg":"password=a\\b","user":"bob"}`, `{"msg":"password=[REDACTED]","user":"bob"}`},
		{`{"msg":"{\"q\":\"password=\",\"b\":1}"}`, `{"msg":"{\"q\":\"password=\",\"b\":1}"}`},
		{"password=[REDACTED]", "password=[REDACTED]"},
		{"token=" + safe, "token=" + safe},
		{"", ""},
		{"smk_", "smk_"},
		{"%", "%"},
		{"password=", "password="},
	} {
		if got := string(Line([]byte(tt.in))); got != tt.want {
			t.Errorf("Line(%s)\n got %s\nwant %s", tt.in, got, tt.want)
		}
		if again := string(Line([]byte(tt.want))); again != tt.want {
			t.Errorf("Line(%s) is not stable: %s", tt.want, again)
		}
	}
}

// What the failures of others leaked (research G), through every encoding of a log.
func TestPlantedKeys(t *testing.T) {
	type holder struct {
		A string
		b string
	}
	leaks := map[string]any{
		"string": key, "bytes": []byte(key), "array": [60]byte([]byte(key)), "field": holder{key, key}, "pointer": &holder{key, key},
		"map": map[string]string{key: key}, "slice": []string{"x", key}, "error": fmt.Errorf("call: %w", errors.New("no: "+key)),
		"url error": &url.Error{Op: "Get", URL: "https://x/?api_key=" + key, Err: io.EOF}, "escaped": url.QueryEscape("k=" + key),
		"header": http.Header{"Authorization": {"Bearer " + key}, "X-Api-Key": {key}}, "base64": base64.StdEncoding.EncodeToString([]byte("ab" + key)),
		"base64url": base64.URLEncoding.EncodeToString([]byte("a" + key)), "hex": hex.EncodeToString([]byte(key)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(key))),
		"basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+key)), "json": json.RawMessage(`{"a":"` + key + `"}`),
		"quoted": fmt.Sprintf("%q", `{"a":"`+key+`"}`), "pem": "-----BEGIN PRIVATE KEY-----\n" + key + "\n-----END PRIVATE KEY-----\n",
	}
	for name, v := range leaks {
		for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			check(t, name+" "+form, Line(fmt.Appendf(nil, form+"\n", v)))
		}
		for format, make := range map[string]func(io.Writer) slog.Handler{
			"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var out bytes.Buffer
			l := slog.New(NewHandler(&out, make))
			l.Info("x", "v", v)
			l.WithGroup("g").With("v", v).Error("msg "+key, slog.Group("g2", key, v))
			check(t, name+" slog "+format, out.Bytes())
			if format == "json" {
				for line := range bytes.Lines(out.Bytes()) {
					if !json.Valid(line) {
						t.Errorf("%s: no JSON any more: %s", name, line)
					}
				}
			}
		}
	}
}

// check looks for the secret part in every form that is searched for.
func check(t testing.TB, name string, out []byte) {
	t.Helper()
	text := string(out)
	if dec, err := url.PathUnescape(text); err == nil {
		text += dec
	}
	mid := []byte(body)
	for _, form := range []string{body, hex.EncodeToString(mid), strings.ToUpper(hex.EncodeToString(mid)), "65 65 65 65 65 65", "65,65,65,65,65", "0x41, 0x41, 0x41, 0x41", "QUFBQUFBQUFBQUFBQUFB"} {
		if strings.Contains(text, form) {
			t.Errorf("%s: leaks %s in %s", name, form, out)
		}
	}
}

func TestWriterKeepsLinesWhole(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	for i := range len(key) {
		fmt.Fprint(w, key[i:i+1])
	}
	if out.Len() > 0 {
		t.Errorf("a line without an end was written: %s", out.Bytes())
	}
	fmt.Fprint(w, "\nnext "+key[:20])
	fmt.Fprint(w, key[20:])
	if err := w.Flush(); err != nil || out.String() != safe+"\nnext "+safe {
		t.Errorf("%s, %v", out.String(), err)
	}
	out.Reset()
	long := strings.Repeat("x", 3*maxLine)
	fmt.Fprint(w, long)
	if out.Len() == 0 || len(w.buf) > maxLine {
		t.Error("a line without end is kept back without bound")
	}
}

func TestNothingFoundIsTheSameSlice(t *testing.T) {
	in := []byte(`{"msg":"request","status":200}`)
	if out := Line(in); &out[0] != &in[0] {
		t.Error("a clean line was copied")
	}
}

// JSON stays JSON, whatever stands in it.
func TestJSONStaysJSON(t *testing.T) {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{key, tok, "password=", `"password":`, `"`, `\`, `\"`, "\n", "\t", "é", "token=", "?code=", "&", ";", ",", ":", "=", "Bearer ", "Basic dTpw", "https://u:p@h", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "%3D", "%20", "[", "]", "{", "}", "115,109,107,95,1", "115 109 107 95 1", hex.EncodeToString([]byte(key)), base64.StdEncoding.EncodeToString([]byte(key)), "X-Api-Key: ", "\u2028", "\x00", "1", " "}),
		rapid.StringN(0, 4, -1))
	rapid.Check(t, func(rt *rapid.T) {
		member := func(label string) string {
			return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(rt, label), "")
		}
		var v any = map[string]any{member("name"): member("value"), "password": member("password"), "n": 1, "list": []any{member("item"), 2}, "token": []string{member("t1"), member("t2")}}
		for range rapid.IntRange(0, 2).Draw(rt, "nesting") {
			inner, _ := json.Marshal(v)
			v = map[string]any{"msg": string(inner), "x": member("x")}
		}
		line, _ := json.Marshal(v)
		out := Line(line)
		if !json.Valid(out) {
			rt.Fatalf("no JSON any more:\n%s\n%s", line, out)
		}
		if bytes.Contains(out, []byte(body)) {
			rt.Fatalf("leaks the key: %s", out)
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "%", `{"password":"x"}`, "Bearer x", "smk_live_", `\\\\"password\\":`, "eyJ.", "-----BEGIN PRIVATE KEY-----", "://:@"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		quoted, _ := json.Marshal(before + key + after)
		for _, in := range []string{before + key + after, before + " " + strings.ReplaceAll(key, "_", "%5f") + after, string(quoted),
			before + " " + base64.StdEncoding.EncodeToString([]byte(key)) + " " + after} {
			out := Line([]byte(in))
			if strings.Contains(string(out), body) && !strings.Contains(before+after, body) {
				t.Fatalf("%q leaks: %q", in, out)
			}
			if json.Valid([]byte(in)) && !json.Valid(out) {
				t.Fatalf("no JSON any more: %q, %q", in, out)
			}
		}
	})
}

func TestLinear(t *testing.T) {
	for _, s := range []string{"eyJ", `\`, "smk_", "%73", "c21rX", "password=", `"password":`, "://", "Bearer ", "-----BEGIN ", "-", "115,", `\"`, "basic a ", `password=\`} {
		in := []byte("password=x" + strings.Repeat(s, 1<<20/len(s)))
		start := time.Now()
		Line(in)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("1 MiB of %q takes %v", s, took)
		}
	}
}

func BenchmarkLine(b *testing.B) {
	clean := []byte(`{"time":"2026-11-25T12:00:00.123456Z","level":"INFO","msg":"request","request_id":"req_0123456789abcdefghij","method":"GET","host":"app.example.com","path":"/notes/42","route":"notes-read","status":200,"duration_us":812,"bytes":1024,"subject":"usr_0123456789abcdefghij","key_id":"000000000001","network":"203.0.113.0/24","kind":"key"}` + "\n")
	dirty := []byte(strings.Replace(string(clean), "/notes/42", "/notes/42?api_key="+key, 1))
	for _, bb := range []struct {
		name string
		in   []byte
	}{{"clean", clean}, {"dirty", dirty}} {
		b.Run(fmt.Sprintf("%s %d bytes", bb.name, len(bb.in)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Line(bb.in)
			}
		})
	}
}
