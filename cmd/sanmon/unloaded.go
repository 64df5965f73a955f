package main

import (
	"context"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// reloadEvery is how often a ring is tried again that could not be read: a key that was dropped
// verifies on for as long.
const reloadEvery = time.Second

// unloaded are the purposes whose keys changed and could not be read.
type unloaded struct {
	mu       sync.Mutex
	purposes map[string]bool
}

func (u *unloaded) add(purpose string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.purposes == nil {
		u.purposes = map[string]bool{}
	}
	u.purposes[purpose] = true
}

// take empties the list.
func (u *unloaded) take() (purposes map[string]bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	purposes, u.purposes = u.purposes, nil
	return purposes
}

// reloadKeys tries again what could not be read, until ctx ends.
func (l *layers) reloadKeys(ctx context.Context) error {
	periodic.Do(ctx, reloadEvery, func() {
		for purpose := range l.unloaded.take() {
			if err := l.rings[purpose].Load(ctx, l.store, l.master); err != nil {
				l.unloaded.add(purpose) // it was logged
				continue
			}
			l.logger.Info("a server key could be loaded after all", "purpose", purpose)
		}
	})
	return nil
}
