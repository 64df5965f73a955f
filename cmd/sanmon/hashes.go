package main

import "context"

// learnHashes measures password hashes of other programs that the store has, so that from
// the first login on nothing is told by the time that a no takes.
func (l *layers) learnHashes(ctx context.Context) error {
	hashes, err := l.store.ForeignPasswords(ctx)
	if err != nil {
		return err
	}
	l.login.Hasher.Learn(ctx, hashes)
	return nil
}
