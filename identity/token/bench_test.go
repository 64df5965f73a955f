package token

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// BenchmarkWarm is a token that was seen before: hash, memory, live half.
func BenchmarkWarm(b *testing.B) {
	w := newWorld(b)
	token := w.mint(grant(), t0)
	var c caller.Caller
	p := Presented{Token: token}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.keeper.Judge(bg, p, addr, t0, &c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWarmParallel is the same on all processors at once.
func BenchmarkWarmParallel(b *testing.B) {
	w := newWorld(b)
	p := Presented{Token: w.mint(grant(), t0)}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var c caller.Caller
		for pb.Next() {
			if err := w.keeper.Judge(bg, p, addr, t0, &c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstSight is a token from scratch, as a ratio of what its signature costs
// alone.
func BenchmarkFirstSight(b *testing.B) {
	w := newWorld(b)
	token := w.mint(grant(), t0)
	r := w.keeper.current(t0)
	hash := sha256.Sum256([]byte("x"))
	sig, _ := ecdsa.SignASN1(nil, w.private, hash[:])
	var bare, ours time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if !ecdsa.VerifyASN1(&w.private.PublicKey, hash[:], sig) {
			b.Fatal("signature")
		}
		bare += time.Since(start)
		start = time.Now()
		if _, err := r.judge(token, t0); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

// BenchmarkMint is the making of one.
func BenchmarkMint(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.minter.Mint(grant(), t0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile is what garbage costs: none of it reaches a signature.
func BenchmarkHostile(b *testing.B) {
	w := newWorld(b)
	token := newWorld(b).mint(grant(), t0)
	var c caller.Caller
	b.ReportAllocs()
	for b.Loop() {
		if err := w.keeper.Judge(bg, Presented{Token: token}, addr, t0, &c); err == nil {
			b.Fatal("taken")
		}
	}
}

func TestAWarmVerdictAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	p := Presented{Token: w.mint(grant(), t0)}
	var c caller.Caller
	if n := testing.AllocsPerRun(100, func() { _ = w.keeper.Judge(bg, p, addr, t0, &c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
