package apikey

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/secret"
)

// A foreign key was made elsewhere and is taken over, so that its holders need not be asked
// all at once. Nobody knows how well it was made: it is marked, it cannot be told in
// addresses and logs, and rotating it gives a key of our own. It is found by a keyed hash
// of itself, so that neither its id nor its MAC helps who has the database.
const (
	minForeign = 20
	maxForeign = 256
	maxPrefix  = 16

	labelForeign = "sanmon/key/foreign/v1\x00"
	labelLookup  = "sanmon/key/lookup/v1\x00"
)

// ErrImported says that this foreign key is here already.
var ErrImported = errors.New("this key was imported already (rotate it, or revoke it)")

// Foreign says with which prefixes keys of elsewhere begin, in place of what was said
// before. A prefix has 2 to 16 letters, digits, "-", "_" and "." and is none of ours.
func (x *Index) Foreign(prefixes []string) error {
	for _, p := range prefixes {
		if err := checkPrefix(p); err != nil {
			return err
		}
	}
	x.foreign.Store(&prefixes)
	return nil
}

func checkPrefix(p string) error {
	ok := len(p) >= 2 && len(p) <= maxPrefix
	for i := range len(p) {
		ok = ok && (isBase62(p[i]) || strings.IndexByte("-_.", p[i]) >= 0)
	}
	if !ok {
		return fmt.Errorf("the prefix %q has not 2 to %d letters, digits, %q, %q and %q", p, maxPrefix, "-", "_", ".")
	}
	for _, ours := range [...]string{prefix, "sma_", "smr_", "smw_", "eyJ"} {
		if strings.HasPrefix(p, ours) || strings.HasPrefix(ours, p) {
			return fmt.Errorf("the prefix %q is that of credentials of ours (%s)", p, ours)
		}
	}
	return nil
}

// isForeign reports whether s begins like a key of elsewhere that is taken here.
func (x *Index) isForeign(s string) bool {
	prefixes := x.foreign.Load()
	if prefixes == nil {
		return false
	}
	for _, p := range *prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// checkForeign says whether s can be a foreign key: it travels in a header field.
func checkForeign(s string) error {
	if len(s) < minForeign || len(s) > maxForeign {
		return fmt.Errorf("the key has %d characters (a key of elsewhere has %d to %d)", len(s), minForeign, maxForeign)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ',' {
			return errors.New("the key has a character that is no visible ASCII, or a comma (it cannot be sent in a header field)")
		}
	}
	return nil
}

// lookup is the id under which a foreign key is stored: it depends on the pepper, and so
// stays with the pepper that it was imported under.
func (m *macs) lookup(version int, key string) (ID, bool) {
	s, ok := m.begin(version)
	if !ok {
		return ID{}, false
	}
	s.in = append(append(s.in, labelLookup...), key...)
	sum := m.end(s)
	var id ID
	for i := range id {
		id[i] = alphabet[binary.BigEndian.Uint16(sum[2*i:])%62]
	}
	return id, true
}

// judgeForeign is Judge for a key of elsewhere.
func (x *Index) judgeForeign(ctx context.Context, presented string, from netip.Addr, now time.Time, into *caller.Caller) error {
	if err := checkForeign(presented); err != nil {
		return refuse("the presented API key cannot be one: %v", err)
	}
	var id ID
	var e *entry
	for _, pepper := range x.macs.peppers.All() {
		var ok bool
		if id, ok = x.macs.lookup(pepper.Version, presented); !ok {
			continue
		}
		known, err := x.entry(ctx, id)
		if err != nil {
			return busy("API key "+id.String()+" could not be read from the store (is the database reachable?)", err)
		}
		if known != nil && known.kind == kindForeign {
			e = known
			break
		}
	}
	if err := x.verify(e, id, presented); err != nil {
		return err
	}
	return x.admit(ctx, e, e.env(), presented, from, now, into)
}

// Import takes over a key that was made elsewhere, on the terms of spec. Its holders go on
// as before. ErrImported when it is here already.
func (s *Service) Import(ctx context.Context, spec Spec, key secret.Value, prefixes []string, actor string, now time.Time) (Record, error) {
	r, err := s.imported(&spec, key, prefixes, now)
	if err != nil {
		return Record{}, fmt.Errorf("import API key: %w", err)
	}
	if _, err = s.Store.KeyByID(ctx, r.ID); err == nil {
		err = ErrImported
	}
	if !errors.Is(err, ErrNotFound) {
		return Record{}, fmt.Errorf("import API key: %w", err)
	}
	if err := s.Store.CreateKey(ctx, r, time.Time{}, event(audit.KeyCreated, &r, actor, now, describe(&r))); err != nil {
		return Record{}, fmt.Errorf("import API key: %w", err)
	}
	s.apply(ctx, r.ID)
	return r, nil
}

func (s *Service) imported(spec *Spec, key secret.Value, prefixes []string, now time.Time) (Record, error) {
	text := string(key.Expose())
	begins := false
	for _, p := range prefixes {
		begins = begins || strings.HasPrefix(text, p)
	}
	if err := checkForeign(text); err != nil {
		return Record{}, err
	}
	if !begins {
		return Record{}, fmt.Errorf("it begins with none of the prefixes of keys.foreign %q (add its prefix there: nothing else is looked for)", prefixes)
	}
	if spec.Canary {
		return Record{}, errors.New("a key of elsewhere can be no canary")
	}
	r, err := spec.record(s.MaxLifetime, now)
	if err != nil {
		return Record{}, err
	}
	m := macs{peppers: s.Peppers}
	version, ok := m.current()
	if !ok {
		return Record{}, noPepper()
	}
	id, ok := m.lookup(version, text)
	if !ok {
		return Record{}, dropped(version)
	}
	r.ID, r.Pepper, r.Until, r.Bound, r.Foreign = id.String(), version, r.ExpiresAt, true, true
	t := tieOf(&r)
	if r.MAC, ok = m.sum(version, text, &t); !ok {
		return Record{}, dropped(version)
	}
	return r, nil
}

// findForeign looks for a foreign key that somebody reported.
func (s *Service) findForeign(ctx context.Context, presented string) (Record, error) {
	if checkForeign(presented) != nil {
		return Record{}, ErrNotFound
	}
	m := macs{peppers: s.Peppers}
	for _, pepper := range s.Peppers.All() {
		id, ok := m.lookup(pepper.Version, presented)
		if !ok {
			continue
		}
		r, err := s.Store.KeyByID(ctx, id.String())
		if errors.Is(err, ErrNotFound) || err == nil && !r.Foreign {
			continue
		}
		return r, err
	}
	return Record{}, ErrNotFound
}
