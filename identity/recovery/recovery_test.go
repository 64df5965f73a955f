package recovery

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	count := map[rune]int{}
	for range 200 {
		codes := Generate()
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		for _, c := range codes {
			s := string(c.Expose())
			// 24 characters of 32: 120 bits, at least 112 (ASVS 6.5.2).
			if !regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){5}$`).MatchString(s) || seen[s] {
				t.Fatalf("code %q", s)
			}
			seen[s] = true
			for _, r := range strings.ReplaceAll(s, "-", "") {
				count[r]++
			}
			if sum, ok := Hash(s); !ok || sum == [32]byte{} || !Looks(s) {
				t.Fatalf("%q has no hash", s)
			}
		}
	}
	for _, r := range alphabet { // 48000 characters, 1500 ± 6.5 standard deviations
		if n := count[r]; n < 1250 || n > 1750 {
			t.Errorf("%q comes %d times", r, n)
		}
	}
}

func TestHash(t *testing.T) {
	const code = "0a1b-2c3d-4e5f-6g7h-8j9k-mnpq"
	want, ok := Hash(code)
	if !ok {
		t.Fatal("no hash")
	}
	for _, same := range []string{"0A1B2C3D4E5F6G7H8J9KMNPQ", " 0a1b 2c3d 4e5f 6g7h 8j9k mnpq\t", "oaib-2c3d-4e5f-6g7h-8j9k-mnpq", "Oalb–2c3d–4e5f–6g7h–8j9k–mnpq"} {
		if got, ok := Hash(same); !ok || got != want {
			t.Errorf("%q is another code", same)
		}
	}
	for _, bad := range []string{"", "123456", code + "0", code[:28], "u" + code[1:], "é" + code[1:], code + "\x00", strings.Repeat("-", 200), "0a1b-2c3d-4e5f-6g7h-8j9k-mnp\xff"} {
		if _, ok := Hash(bad); ok {
			t.Errorf("%q has a hash", bad)
		}
	}
	if got, _ := Hash("1" + code[1:]); got == want {
		t.Error("another code has the same hash")
	}
}

func FuzzHash(f *testing.F) {
	f.Add("0a1b-2c3d-4e5f-6g7h-8j9k-mnpq")
	f.Fuzz(func(t *testing.T, code string) {
		plain, ok := canonical(code)
		if again, ok2 := canonical(plain); ok && (!ok2 || again != plain || len(plain) != 24) {
			t.Errorf("%q becomes %q and then %q", code, plain, again)
		}
	})
}

func Example() {
	codes := Generate()
	atRest, _ := Hash(string(codes[0].Expose()))
	typed, ok := Hash(strings.ToUpper(string(codes[0].Expose())))
	fmt.Println(len(codes), ok, typed == atRest, codes[0])
	// Output: 10 true true [REDACTED]
}
