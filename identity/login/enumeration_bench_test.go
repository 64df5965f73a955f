package login

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/secret"
)

// sample is a mean and a variance that grow with their values (Welford).
type sample struct{ n, mean, m2 float64 }

func (s *sample) add(x float64) {
	s.n++
	d := x - s.mean
	s.mean += d / s.n
	s.m2 += d * (x - s.mean)
}

// welch is Welch's t of two samples: below 4.5 nobody can tell them apart (the threshold of
// the test vector leakage assessment, ISO/IEC 17825).
func welch(a, b sample) float64 {
	return math.Abs(a.mean-b.mean) / math.Sqrt(a.m2/(a.n-1)/a.n+b.m2/(b.n-1)/b.n)
}

// BenchmarkEnumeration measures whether the time of a failed login tells who has an account:
// logins with a wrong password for an address of ours and for one of nobody, in pairs. Which
// comes first in a pair is left to chance: the first one finds caches and the collector as
// the pair before has left them, the second one as the first has. It reports Welch's t; run
// it for long on a machine that does nothing else:
//
//	go test ./identity/login -run '^$' -bench Enumeration -benchtime 2000x
func BenchmarkEnumeration(b *testing.B) {
	w := newWorld(b)
	w.Throttle = throttle.New(throttle.Options{Account: throttle.Limit{Failures: 1 << 30, Window: time.Hour}, Network: throttle.Limit{Failures: 1 << 30, Window: time.Hour}})
	key, err := pbkdf2.Key(sha256.New, right, []byte("salt"), 100_000, 32)
	if err != nil {
		b.Fatal(err)
	}
	old := w.users.rows["usr_paul"]
	old.Password = secret.NewString(fmt.Sprintf("pbkdf2_sha256$100000$salt$%s", base64.StdEncoding.EncodeToString(key)))
	for name, c := range map[string]struct {
		ours   string
		moving bool // some have hashes of another program
	}{
		"ours":                    {"alice@example.com", false},
		"disabled":                {"dora@example.com", false},
		"without a password":      {"paul@example.com", false},
		"ours, others moving":     {"alice@example.com", true},
		"hash of another program": {"paul@example.com", true},
	} {
		b.Run(name, func(b *testing.B) {
			w.Hasher = password.New(password.Options{Slots: 2, Share: 1})
			w.users.rows["usr_paul"] = old
			if !c.moving {
				bare := old
				bare.Password = secret.Value{}
				w.users.rows["usr_paul"] = bare
			} else {
				w.Hasher.Learn(bg, []secret.Value{old.Password})
			}
			var of [2]sample
			for b.Loop() {
				first := rand.IntN(2)
				for _, i := range [...]int{first, 1 - first} {
					email := [...]string{c.ours, "nobody@example.com"}[i]
					began := time.Now()
					if _, err := w.Login(bg, try(email, "a wrong password"), t0); err == nil {
						b.Fatal("a wrong password was right")
					}
					of[i].add(time.Since(began).Seconds())
				}
				w.journal.events = w.journal.events[:0]
			}
			b.ReportMetric(welch(of[0], of[1]), "welch-t")
			b.ReportMetric(1e3*of[0].mean, "ms/ours")
			b.ReportMetric(1e3*of[1].mean, "ms/nobody")
		})
	}
}
