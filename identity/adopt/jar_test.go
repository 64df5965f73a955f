package adopt

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/secret"
)

func master(t testing.TB, fill byte) *secret.Master {
	t.Helper()
	m, err := secret.NewMaster(secret.New(bytes.Repeat([]byte{fill}, secret.MasterSize)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestJar(t *testing.T) {
	shop, wiki := Held{Upstream: "shop", Cookies: []Cookie{cookie("s", "1")}}, Held{Upstream: "wiki", Cookies: []Cookie{cookie("w", "2")}}
	j := Jar(nil).With(shop).With(wiki)
	other := Held{Upstream: "shop", Cookies: []Cookie{cookie("s", "3")}}
	for i, tt := range []struct {
		j          Jar
		shop, wiki string
	}{{nil, "", ""}, {j, "s=1", "w=2"}, {j.With(other), "s=3", "w=2"}, {j.With(Held{Upstream: "shop"}), "", "w=2"}, {j.Other("wiki"), "s=1", ""}} {
		if a, b := tt.j.Of("shop").Append("", "/", now), tt.j.Of("wiki").Append("", "/", now); a != tt.shop || b != tt.wiki {
			t.Errorf("%d: %q %q", i, a, b)
		}
	}
	if nobody := j.Of("else"); nobody.Upstream != "else" || len(nobody.Cookies) > 0 {
		t.Errorf("%+v", nobody)
	}
}

func drawJar(rt *rapid.T) Jar {
	var j Jar
	for _, up := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(rt, "upstreams") {
		h := Held{Upstream: up, Since: time.UnixMicro(rapid.Int64Range(1, 1<<50).Draw(rt, "since")).UTC()}
		for _, v := range rapid.SliceOfN(rapid.StringMatching(`[ -:<-~]{1,40}`), 1, 4).Draw(rt, "values") {
			h.Cookies = append(h.Cookies, cookie("n", v))
		}
		j = j.With(h)
	}
	return j
}

// What is sealed opens as it was, by who has the key, and as long as it is meant to.
func TestBox(t *testing.T) {
	box, other := Box{master(t, 1)}, Box{master(t, 2)}
	rapid.Check(t, func(rt *rapid.T) {
		j := drawJar(rt)
		value, err := box.Seal(j, now)
		if err != nil {
			rt.Fatal(err)
		}
		if got := box.Open(value, now.Add(boxLife)); fmt.Sprint(len(got)) != fmt.Sprint(len(j)) || got.Of("a").Append("", "/", now) != j.Of("a").Append("", "/", now) || !got.Of("b").Since.Equal(j.Of("b").Since) {
			rt.Fatalf("%v, want %v", got, j)
		}
		if len(j) == 0 {
			return
		}
		i := rapid.IntRange(0, len(value)-1).Draw(rt, "byte")
		changed := value[:i] + string("AB"[btoi(value[i] == 'A')]) + value[i+1:]
		for what, open := range map[string]Jar{"another key": other.Open(value, now), "too old": box.Open(value, now.Add(boxLife+time.Second)), "from the future": box.Open(value, now.Add(-6*time.Minute)), "changed": box.Open(changed, now), "cut": box.Open(value[:i], now), "longer": box.Open(value+"A", now)} {
			if open != nil {
				rt.Fatalf("%s: opens", what)
			}
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestTooMuch(t *testing.T) {
	j := Jar{{Upstream: "a", Cookies: []Cookie{cookie("s", strings.Repeat("x", 3500))}}}
	if _, err := (&Box{master(t, 1)}).Seal(j, now); err == nil {
		t.Error("a cookie that no browser keeps")
	}
	j[0].Cookies = append(j[0].Cookies, make([]Cookie, 7)...)
	for i := range j[0].Cookies {
		j[0].Cookies[i] = cookie("s", strings.Repeat("x", 4000))
	}
	if _, err := j.Marshal(); err == nil {
		t.Error("a jar that grows without end")
	}
}

// Whatever prints a jar or an error about it prints no cookie.
func TestNothingIsPrinted(t *testing.T) {
	j := Jar{{Upstream: "a", Cookies: []Cookie{cookie("s", "tell-nobody")}}}
	for _, s := range []string{fmt.Sprintf("%v", j), fmt.Sprintf("%+v", j), fmt.Sprintf("%#v", j), fmt.Sprintf("%s", j)} {
		if strings.Contains(s, "tell") {
			t.Error(s)
		}
	}
	if _, err := Unmarshal(secret.NewString(`[{"u":"a","x":"tell-nobody"}]`)); err == nil || strings.Contains(err.Error(), "tell") {
		t.Errorf("%v", err)
	}
}

func FuzzOpen(f *testing.F) {
	box := Box{master(f, 1)}
	value, _ := box.Seal(Jar{{Upstream: "a", Cookies: []Cookie{cookie("s", "1")}}}, now)
	f.Add(value)
	f.Fuzz(func(t *testing.T, s string) { // what another process sealed is good, too
		if box.Open(s, now) == nil {
			return
		}
		for _, other := range []string{s + "A", "A" + s, s[1:], s[:len(s)-1], s + "="} {
			if box.Open(other, now) != nil {
				t.Errorf("%q opens, and %q", s, other)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	h := Held{Cookies: []Cookie{cookie("sessionid", strings.Repeat("x", 32))}}
	b.ReportAllocs()
	for b.Loop() {
		h.Append("csrftoken=0123456789abcdef", "/notes/", now)
	}
}

func BenchmarkVisitor(b *testing.B) {
	box := Box{master(b, 1)}
	value, _ := box.Seal(Jar{{Upstream: "a", Cookies: []Cookie{cookie("s", strings.Repeat("x", 100))}}}, now)
	b.ReportAllocs()
	for b.Loop() {
		box.Open(value, now)
	}
}
