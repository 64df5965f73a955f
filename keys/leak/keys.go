package leak

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The life of the list of public keys.
const (
	listLife  = 24 * time.Hour   // after this it is asked for again
	listPause = time.Minute      // between two questions, whatever was presented
	listWait  = 10 * time.Second // for an answer
)

// errUnknownKey says that the list, as fresh as it may be asked for, has no such key.
var errUnknownKey = errors.New("the list of public keys does not have it, or no longer as a current one")

// Keys is the list of public keys that reports are signed with. Its fields are set before
// use; it is safe for concurrent use.
type Keys struct {
	// Fetch asks for the list. Its answer is read up to 256 KiB by who makes it.
	Fetch func(ctx context.Context) ([]byte, error)

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	fetched time.Time // when keys were read
	asked   time.Time // when the list was last asked for
	failed  error     // what came of that
}

// find returns the key with this identifier. An unknown one has the list asked for again,
// at most once a minute, so that made-up identifiers do not become questions to GitHub.
func (k *Keys) find(ctx context.Context, identifier string, now time.Time) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[identifier]
	if ok && now.Sub(k.fetched) < listLife {
		return key, nil
	}
	if now.Sub(k.asked) >= listPause {
		k.ask(ctx, now)
		key, ok = k.keys[identifier]
	}
	switch {
	case k.failed != nil:
		return nil, fmt.Errorf("fetch the public keys of secret scanning: %w", k.failed)
	case !ok:
		return nil, errUnknownKey
	}
	return key, nil
}

// ask replaces the list. What was known before does not outlive its time by a failure.
func (k *Keys) ask(ctx context.Context, now time.Time) {
	// Others wait for this answer too: who asked first may leave.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listWait)
	defer cancel()
	k.asked = now
	body, err := k.Fetch(ctx)
	if err == nil {
		var keys map[string]*ecdsa.PublicKey
		if keys, err = parseKeys(body); err == nil {
			k.keys, k.fetched = keys, now
		}
	}
	if k.failed = err; err != nil && now.Sub(k.fetched) >= listLife {
		k.keys = nil
	}
}
