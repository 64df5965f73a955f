package config

import "time"

// Keys says how long API keys may live and how old knowledge of them may be.
type Keys struct {
	MaxTTL time.Duration // of a new key; 0: no bound
	MaxAge time.Duration // of what memory knows; beyond it keys are read from the store, or refused
}

// keysKey is the section of API keys.
func keysKey() key {
	return key{name: "keys", doc: "API keys, see keys.md.", shape: section(
		key{name: "max_ttl", shape: one(span(time.Hour, 10*365*day)), example: "90d", doc: "The longest life of a new key; keys that never expire are then refused. Keys of before keep their expiry. Left out: no bound."},
		key{name: "max_age", def: "5s", shape: one(span(time.Second, 5*time.Minute)), doc: "How long a node may go without hearing of revocations. After that each key is read from the store, and where the store does not answer keys are refused with 503. More than 5s is longer than the promise that a revoked key ends everywhere within 5 seconds."},
	)}
}

// keys reads the section.
func (b *builder) keys(f *field) Keys {
	age := f.get("max_age")
	if age.duration() > 5*time.Second {
		b.warn(age.at, "write 5s or less", "keys.max_age: a node that is cut off takes revoked keys for %s", age.duration())
	}
	return Keys{f.get("max_ttl").duration(), age.duration()}
}
