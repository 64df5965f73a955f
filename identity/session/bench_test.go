package session

import (
	"context"
	"testing"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

// directory is a real principal.Directory over Alice.
func directory() *principal.Directory {
	return principal.NewDirectory(onlyAlice{}, principal.Options{})
}

type onlyAlice struct{}

func (onlyAlice) PrincipalByID(_ context.Context, id string) (principal.Record, error) {
	if id != alice.ID {
		return principal.Record{}, principal.ErrNotFound
	}
	return alice, nil
}

func newBench(b *testing.B) (k *Keeper, cookie string) {
	k, err := New(newFakeStore(), directory(), Options{Rotate: -1})
	if err != nil {
		b.Fatal(err)
	}
	v, _, err := k.Begin(bg, alice, Meta{From: home}, t0)
	if err != nil {
		b.Fatal(err)
	}
	return k, string(v.Expose())
}

func BenchmarkJudgeWarm(b *testing.B) {
	k, cookie := newBench(b)
	var c caller.Caller
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Judge(bg, cookie, Client{Addr: home}, t0, &c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJudgeWarmParallel(b *testing.B) {
	k, cookie := newBench(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var c caller.Caller
		for pb.Next() {
			if _, err := k.Judge(bg, cookie, Client{Addr: home}, t0, &c); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkJudgeMalformed(b *testing.B) {
	k, _ := newBench(b)
	var c caller.Caller
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Judge(bg, "garbage", Client{Addr: home}, t0, &c); err == nil {
			b.Fatal("accepted")
		}
	}
}

func TestAWarmVerdictAllocatesNothing(t *testing.T) {
	w := newWorld(t, Options{Rotate: -1})
	k, err := New(w.store, directory(), *w.options.Load())
	if err != nil {
		t.Fatal(err)
	}
	cookie, _ := w.begin(t0)
	var c caller.Caller
	if n := testing.AllocsPerRun(100, func() { _, _ = k.Judge(bg, cookie, Client{Addr: home}, t0, &c) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzDecode(f *testing.F) {
	o := Options{Ring: secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})}
	v, _ := o.random(secret.NewID(sidPrefix), t0)
	f.Add(string(v.Expose()))
	o.Ring = nil
	v, _ = o.random("", t0)
	f.Add(string(v.Expose()))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
	f.Fuzz(func(t *testing.T, s string) {
		raw, ok := decode(s)
		if ok && encoding.EncodeToString(raw.bytes()) != s {
			t.Errorf("%q is read, but not written so", s)
		}
	})
}

func FuzzDevice(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
	f.Fuzz(func(t *testing.T, ua string) {
		if got := Device(ua); got == "" || len(got) > 64 {
			t.Errorf("%q: label %q", ua, got)
		}
	})
}
