package config

import (
	"strings"
	"time"
)

// Keys says how long API keys may live and how old knowledge of them may be.
type Keys struct {
	MaxTTL time.Duration // of a new key; 0: no bound
	MaxAge time.Duration // of what memory knows; beyond it keys are read from the store, or refused
	// Foreign has the prefixes of keys that were made elsewhere and imported.
	Foreign []string
}

// keysKey is the section of API keys.
func keysKey() key {
	return key{name: "keys", doc: "API keys, see keys.md.", shape: section(
		key{name: "max_ttl", shape: one(span(time.Hour, 10*365*day)), example: "90d", doc: "The longest life of a new key; keys that never expire are then refused. Keys of before keep their expiry. Left out: no bound."},
		key{name: "max_age", def: "5s", shape: one(span(time.Second, 5*time.Minute)), doc: "How long a node may go without hearing of revocations. After that each key is read from the store, and where the store does not answer keys are refused with 503. More than 5s is longer than the promise that a revoked key ends everywhere within 5 seconds."},
		key{name: "foreign", shape: many(keyPrefix()), example: `["acme_"]`, doc: "Prefixes of keys that were made elsewhere and are taken here after `sanmon key import`. Nobody knows how well they were made, and in addresses and logs they cannot be told: rotate them."},
	)}
}

// keyPrefix is how keys of elsewhere begin. Credentials of ours begin otherwise.
func keyPrefix() scalar {
	want := `write 2 to 16 letters, digits, "-", "_" and ".", other than smk_, sma_, smr_, smw_ and eyJ`
	s := plain("prefix of keys", `^[A-Za-z0-9._-]{2,16}$`, want)
	parse := s.parse
	s.parse = func(text string) (any, error) {
		for _, ours := range [...]string{"smk_", "sma_", "smr_", "smw_", "eyJ"} {
			if strings.HasPrefix(text, ours) || strings.HasPrefix(ours, text) {
				return nil, wrong{show(text) + " is how credentials of ours begin", want}
			}
		}
		return parse(text)
	}
	return s
}

// keys reads the section.
func (b *builder) keys(f *field) Keys {
	age := f.get("max_age")
	if age.duration() > 5*time.Second {
		b.warn(age.at, "write 5s or less", "keys.max_age: a node that is cut off takes revoked keys for %s", age.duration())
	}
	if foreign := f.get("foreign"); len(foreign.texts()) > 0 {
		b.warn(foreign.at, "rotate imported keys with sanmon key rotate, then remove the prefix", "keys.foreign: keys of elsewhere are taken, of unknown strength")
	}
	return Keys{f.get("max_ttl").duration(), age.duration(), f.get("foreign").texts()}
}
