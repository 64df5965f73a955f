package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// Bench measures the calls that requests make, on a new store.
func Bench(b *testing.B, db *storage.DB) {
	ctx := b.Context()
	err := errors.Join(
		db.CreatePrincipal(ctx, usr("usr_1", "alice"), event(audit.UserAdded)),
		db.CreateSession(ctx, ses("a", "usr_1", 0), 0, event(audit.LoginOK)),
		db.CreateKey(ctx, key("k"), time.Time{}, event(audit.KeyCreated)))
	if err != nil {
		b.Fatal(err)
	}
	secret, n := hash("a"), 0
	for i := range 100 {
		if err := db.CreateKey(ctx, key(fmt.Sprintf("k%04d", i)), time.Time{}, event(audit.KeyCreated)); err != nil {
			b.Fatal(err)
		}
	}
	uses := make([]apikey.Use, 100)
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"read/session", func() error { _, err := db.SessionBySecret(ctx, secret); return err }},
		{"read/principal", func() error { _, err := db.PrincipalByID(ctx, "usr_1"); return err }},
		{"read/key", func() error { _, err := db.KeyByID(ctx, "k"); return err }},
		{"read/last change", func() error { _, err := db.LastChange(ctx); return err }},
		{"write/spend", func() error {
			n++
			_, err := db.Spend(ctx, [16]byte{byte(n), byte(n >> 8), byte(n >> 16)}, t0, t0.Add(time.Hour))
			return err
		}},
		{"write/use proof", func() error {
			n++
			_, err := db.UseProof(ctx, [16]byte{byte(n), byte(n >> 8), byte(n >> 16)}, t0)
			return err
		}},
		{"write/count failure", func() error {
			n++
			return db.ChangeCounts(ctx, [][16]byte{{byte(n)}, {0, byte(n)}}, func(k []throttle.Kept) error {
				for i := range k {
					k[i] = throttle.Kept{State: make([]byte, 100), Until: t0}
				}
				return nil
			})
		}},
		{"write/touch session", func() error {
			n++
			return db.TouchSession(ctx, "a", secret, t0.Add(time.Duration(n)*time.Second), nil, true)
		}},
		{"write/touch 100 keys", func() error {
			n++
			for i := range uses {
				uses[i] = apikey.Use{ID: fmt.Sprintf("k%04d", i), At: t0.Add(time.Duration(n) * time.Second)}
			}
			return db.TouchKeys(ctx, uses)
		}},
		{"change/record", func() error { return db.Record(ctx, event(audit.LoginFailed)) }},
		{"change/create session", func() error {
			n++
			return db.CreateSession(ctx, ses(fmt.Sprint("s", n), "usr_1", time.Duration(n)), 10, event(audit.LoginOK))
		}},
		{"change/set roles", func() error { return db.SetRoles(ctx, "usr_1", []string{"reader"}, event(audit.UserRoles)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
