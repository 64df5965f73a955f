package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/store/sqlite"
)

// An answer is lost and asked for again; later the old token turns up once more.
func ExampleService_Rotate() {
	dir, _ := os.MkdirTemp("", "sanmon")
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, now := context.Background(), time.Now()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "sanmon.db"), sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	key := secret.Key{Version: 1, Value: secret.New(make([]byte, 32))} // secret.LoadRing keeps real ones
	grants, err := refresh.New(db, refresh.Options{Ring: secret.NewRing(secret.PurposeRefresh, key)})
	if err != nil {
		fmt.Println(err)
		return
	}
	is, err := grants.Begin(ctx, refresh.Grant{User: "usr_ada", Client: "mobile", Scope: []string{"notes:read"}, Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := string(is.Token.Expose())
	present := func(after time.Duration) refresh.Outcome {
		out, err := grants.Rotate(ctx, token, refresh.Presented{Client: "mobile", From: netip.Addr{}, Now: now.Add(after)})
		fmt.Printf("after %v: %v, theft %v\n", after, out.Verdict, errors.Is(err, refresh.ErrReuse))
		return out
	}
	lost := present(5 * time.Minute)
	again := present(5*time.Minute + 20*time.Second)
	fmt.Println("the same token:", again.Token.Equal(lost.Token))
	present(10 * time.Minute)
	// Output:
	// after 5m0s: rotated, theft false
	// after 5m20s: redelivered, theft false
	// the same token: true
	// after 10m0s: unknown, theft true
}
