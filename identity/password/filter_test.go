package password

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func filterOf(t testing.TB, bits int, passwords ...string) []byte {
	t.Helper()
	keys := make([]uint64, len(passwords))
	for i, p := range passwords {
		keys[i] = Key(p)
	}
	var b bytes.Buffer
	if _, err := WriteFilter(&b, keys, bits); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFilter(t *testing.T) {
	for _, bits := range []int{8, 16} {
		var all []string
		for i := range 1000 {
			all = append(all, fmt.Sprintf("known password %d", i))
		}
		file := filterOf(t, bits, all...)
		f, err := ReadFilter(bytes.NewReader(file), int64(len(file)))
		if err != nil || f.Count != 1000 {
			t.Fatalf("%d bits: %v", bits, err)
		}
		wrong := 0
		for i, p := range all {
			if !f.Contains(p) || !f.Contains(strings.ToUpper(p[:1])+p[1:]) {
				t.Errorf("%d bits: %q is missing", bits, p)
			}
			if f.Contains(fmt.Sprintf("another password %d", i)) {
				wrong++
			}
		}
		// Two looks at 1/256 each: 8 of 1000 are expected, 40 are beyond chance.
		if most := map[int]int{8: 40, 16: 4}[bits]; wrong > most {
			t.Errorf("%d bits: %d of 1000 others were taken for known ones", bits, wrong)
		}
	}
}

// TestDamagedFilter: whatever is wrong with the file, it is an error and no panic later.
func TestDamagedFilter(t *testing.T) {
	file := filterOf(t, 16, "known password 1", "known password 2")
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= 1
		if _, err := ReadFilter(bytes.NewReader(bad), int64(len(bad))); err == nil {
			t.Errorf("byte %d changed: accepted", at)
		}
	}
	for n := range file {
		if _, err := ReadFilter(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Errorf("%d bytes: accepted", n)
		}
		if _, err := ReadFilter(bytes.NewReader(file[:n]), int64(len(file))); err == nil {
			t.Errorf("%d bytes of a longer file: accepted", n)
		}
	}
}

func TestReadList(t *testing.T) {
	// SHA-1 of "password", FIPS 180-4.
	const known = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
	for _, c := range []struct {
		text  string
		least int
		want  int
		has   string
	}{
		{known + ":9545824\r\n" + strings.Repeat("0", 40) + ":2\r\n", 1, 2, "password"},
		{known + ":9545824\n" + strings.Repeat("0", 40) + ":2\n", 3, 1, "password"},
		{strings.ToLower(known) + "\n", 100, 1, "password"},
		{"short\nletmein now\n日本語のパスワード\n", 1, 2, "letmein now"},
	} {
		keys, err := ReadList(strings.NewReader(c.text), c.least)
		if err != nil || len(keys) != c.want || keys[0] != Key(c.has) {
			t.Errorf("%.20q: %d keys, %v", c.text, len(keys), err)
		}
	}
	for _, text := range []string{"", "short\n", known + ":1\nplain text\n", known + ":1\n" + known + ":many\n", strings.Repeat("x", 70_000)} {
		if keys, err := ReadList(strings.NewReader(text), 1); err == nil {
			t.Errorf("%.60q: %d keys", text, len(keys))
		}
	}
}

func TestRules(t *testing.T) {
	file := filterOf(t, 16, "tangerine bicycle lamp")
	known, err := ReadFilter(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	r := Rules{Filter: known, Words: []string{"intranet.example"}}
	for _, c := range []struct {
		password string
		second   bool
		ok       bool
	}{
		{"fifteen chars ok", false, true}, {"fifteen chars!!", false, true}, {"fourteen chars", false, false}, {"fourteen chars", true, true},
		{"eight ch", true, true}, {"seven c", true, false}, {"日本語のパスワード十五文字です", false, true}, {"日本語のパスワードは十四字", false, false},
		{"tangerine bicycle lamp", true, false}, {"Tangerine Bicycle Lamp", true, false}, {"tangerine bicycle lamps", true, true},
		{"intranet.example", true, false}, {"ada.lovelace", true, false}, {"sanmon sanmon", true, false}, {"manchesterunited", false, false},
		{strings.Repeat("x y", 400), false, false}, {strings.Repeat("ab cd ef ", 20), false, true},
	} {
		err := r.Check(str(c.password), c.second, "ada.lovelace@example.com")
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%.30q, second factor %v: %v", c.password, c.second, err)
		}
	}
	if err := (Rules{Length: 8}).Check(str("eight ch"), false); err != nil {
		t.Errorf("a length of 8: %v", err)
	}
}

// TestBuiltin: the filter in the program has what it is made of.
func TestBuiltin(t *testing.T) {
	f, err := ReadFilter(bytes.NewReader(commonFilter), int64(len(commonFilter)))
	if err != nil || f.Count != 8354 {
		t.Fatal(err)
	}
	for _, p := range []string{"password", "football", "sunshine", "princess", "Baseball", "manchesterunited"} {
		if !f.Contains(p) {
			t.Errorf("%q is missing", p)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[a-z]{5} [a-z]{7} [a-z]{6}`).Draw(t, "password")
		if f.Contains(p) && f.Contains(p+" ") && f.Contains(" "+p) { // all by chance: 1 of 10¹³
			t.Errorf("%q is taken for a common password", p)
		}
	})
}

func BenchmarkContains(b *testing.B) {
	f := builtin()
	b.ReportAllocs()
	for b.Loop() {
		f.Contains("correct horse battery staple")
	}
}
