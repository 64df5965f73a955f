package limit

import (
	"strings"
	"testing"
)

func TestParseOwn(t *testing.T) {
	for text, want := range map[string]string{
		"10/m": "key=10/m", "10/m,1000/d": "key=10/m key-2=1000/d", "10/m,quota:10000/d": "key=10/m key-quota=10000/d",
		"quota:1/d,quota:2/month":   "key-quota=1/d key-quota-2=2/month",
		"concurrency:4":             "key-concurrency=4 at once",
		"1/s,2/m,3/h,concurrency:1": "key=1/s key-2=2/m key-3=3/h key-concurrency=1 at once",
	} {
		o, err := ParseOwn(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, p := range o.Units {
			got = append(got, p.Name()+"="+p.String())
		}
		if o.Places != nil {
			got = append(got, o.Places.Name()+"="+o.Places.String())
		}
		if strings.Join(got, " ") != want || o.String() != text {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	if o, err := ParseOwn(""); o != nil || err != nil || o.String() != "" {
		t.Errorf("nothing: %v, %v", o, err)
	}
}

func TestParseOwnRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"10": "10", ",": "", "10/m,": "", "10/m,10/m": "twice", "1/s,2/m,3/h,quota:4/d": "too many", "concurrency:1,concurrency:2": "second",
		"concurrency:0": "whole number", "concurrency:": "whole number", "concurrency:+1": "whole number", "quota:1/h": "window", "rate:1/s": "unknown kind", "10/m 5": "",
	} {
		if o, err := ParseOwn(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v", text, o, err)
		}
	}
}

func FuzzParseOwn(f *testing.F) {
	for _, s := range []string{"10/m", "10/m,quota:10000/d,concurrency:4", "1/s,2/m,3/h", ",", "quota:", "concurrency:99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseOwn(s)
		if err != nil || o == nil {
			return
		}
		if len(o.Units) > MaxOwn || len(o.Units) == 0 && o.Places == nil {
			t.Errorf("%q: %d units", s, len(o.Units))
		}
		names := map[string]bool{}
		for _, p := range o.Units {
			if names[p.Name()] {
				t.Errorf("%q: two policies are named %s", s, p.Name())
			}
			names[p.Name()] = true
		}
		if again, err := ParseOwn(o.String()); err != nil || len(again.Units) != len(o.Units) {
			t.Errorf("%q is not read back: %v", s, err)
		}
	})
}
