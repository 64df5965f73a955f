package openapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/web/schema"
)

const (
	// Interval is how often documents are read again.
	Interval = 5 * time.Minute
	// firstWait bounds how long a start or a reload waits for documents that are not there.
	firstWait = time.Second
	retryMin  = time.Second // between attempts while there is no document
	retryMax  = time.Minute
)

// Keeper keeps the documents in force. It is safe for concurrent use.
type Keeper struct {
	Store  Store
	Logger *slog.Logger

	mu      sync.Mutex
	entries map[string]*entry
}

// entry is one upstream's document.
type entry struct {
	slot   schema.Slot
	busy   sync.Mutex // one refresh at a time
	mu     sync.Mutex
	source Source
	hash   [32]byte // of what is in force
	failed string   // why the last attempt failed; "" it did not
	seen   bool     // a changed document waits for approval
}

// Slot returns the place of an upstream's document. It stays the same when the
// configuration changes.
func (k *Keeper) Slot(upstream string) *schema.Slot { return &k.entry(upstream).slot }

func (k *Keeper) entry(upstream string) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries == nil {
		k.entries = map[string]*entry{}
	}
	if k.entries[upstream] == nil {
		k.entries[upstream] = &entry{}
	}
	return k.entries[upstream]
}

// Configure says where the documents are, and reads each anew. It waits a moment for
// those of which none is in force yet; Run goes on with them.
func (k *Keeper) Configure(ctx context.Context, sources []Source) {
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	var group sync.WaitGroup
	for _, s := range sources {
		e := k.entry(s.Upstream)
		e.mu.Lock()
		e.source = s
		e.mu.Unlock()
		group.Go(func() { _ = k.refresh(ctx, e) })
	}
	group.Wait()
}

// Apply takes over what another node, or the command line, has approved.
func (k *Keeper) Apply(ctx context.Context, upstream string) {
	e := k.entry(upstream)
	e.busy.Lock()
	defer e.busy.Unlock()
	s := e.where()
	if s.Upstream == "" || s.File() {
		return
	}
	if err := k.load(ctx, e, s); err != nil {
		k.note(e, s, err)
	}
}

// Run reads the documents again until ctx ends: every Interval, and sooner while one is
// missing.
func (k *Keeper) Run(ctx context.Context) error {
	wait := retryMin
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if k.all(ctx) {
			wait = Interval
		} else {
			wait = min(max(2*wait, retryMin), retryMax)
		}
	}
}

// all refreshes every document and reports whether each is there.
func (k *Keeper) all(ctx context.Context) bool {
	k.mu.Lock()
	entries := slices.Collect(maps.Values(k.entries))
	k.mu.Unlock()
	complete := true
	for _, e := range entries {
		if e.where().Upstream == "" {
			continue
		}
		_ = k.refresh(ctx, e)
		complete = complete && e.slot.Document() != nil
	}
	return complete
}

func (e *entry) where() Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.source
}

// refresh reads one document and does what its pin says.
func (k *Keeper) refresh(ctx context.Context, e *entry) error {
	e.busy.Lock()
	defer e.busy.Unlock()
	s := e.where()
	err := k.attempt(ctx, e, s)
	k.note(e, s, err)
	return err
}

func (k *Keeper) attempt(ctx context.Context, e *entry, s Source) error {
	var pinned error
	if !s.File() {
		pinned = k.load(ctx, e, s) // what is approved counts, even while the backend is away
	}
	src, err := s.Fetch(ctx)
	if err != nil {
		return errors.Join(pinned, err)
	}
	d, err := schema.Parse(src)
	if err != nil {
		return errors.Join(pinned, err)
	}
	if s.File() {
		k.use(e, s, d)
		return nil
	}
	if pinned != nil {
		return pinned
	}
	return k.compare(ctx, e, s, Pin{s.Upstream, src, time.Now()}, d)
}

// load puts the approved document in force.
func (k *Keeper) load(ctx context.Context, e *entry, s Source) error {
	approved, seen, err := k.Store.Pins(ctx, s.Upstream)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.seen = !seen.Empty()
	e.mu.Unlock()
	if approved.Empty() || approved.Hash() == e.hash && e.slot.Document() != nil {
		return nil
	}
	d, err := schema.Parse(approved.Source)
	if err != nil {
		return fmt.Errorf("the pinned document: %w", err)
	}
	k.use(e, s, d)
	return nil
}

// compare pins the first document and observes a changed one.
func (k *Keeper) compare(ctx context.Context, e *entry, s Source, p Pin, d *schema.Document) error {
	current := e.slot.Document()
	if current == nil {
		done, err := k.Store.PinFirst(ctx, p, Event(audit.OpenAPIPinned, "system", p))
		if err != nil || !done {
			return errors.Join(err, k.load(ctx, e, s)) // another node was first
		}
		k.use(e, s, d)
		return nil
	}
	if current.Hash == d.Hash {
		return nil
	}
	done, err := k.Store.PinSeen(ctx, p, Event(audit.OpenAPIChanged, "system", p))
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.seen = true
	e.mu.Unlock()
	if done {
		k.Logger.Warn("the OpenAPI document of a backend has changed; the pinned one stays in force until: sanmon routes --diff --approve",
			"upstream", s.Upstream, "differences", len(schema.Differences(current, d)), "hash", fmt.Sprintf("%x", d.Hash[:8]))
	}
	return nil
}

func (k *Keeper) use(e *entry, s Source, d *schema.Document) {
	if current := e.slot.Document(); current != nil && current.Hash == d.Hash {
		return
	}
	e.slot.Use(d)
	e.hash = d.Hash
	k.Logger.Info("OpenAPI document in force", "upstream", s.Upstream, "version", d.Version, "operations", len(d.Operations), "hash", fmt.Sprintf("%x", d.Hash[:8]))
	for _, o := range d.Operations {
		if o.Unjudged != nil {
			k.Logger.Warn("an operation of an OpenAPI document cannot be judged; where input.openapi is enforced, all its requests are refused",
				"upstream", s.Upstream, "operation", o.Method+" "+o.Path, "error", o.Unjudged)
		}
	}
}

// note logs a failure once, and its end.
func (k *Keeper) note(e *entry, s Source, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	e.mu.Lock()
	was := e.failed
	e.failed = text
	e.mu.Unlock()
	switch {
	case text != "" && text != was:
		k.Logger.Warn("the OpenAPI document of a backend could not be read", "upstream", s.Upstream, "in_force", e.slot.Document() != nil, "error", err)
	case text == "" && was != "":
		k.Logger.Info("the OpenAPI document of a backend can be read again", "upstream", s.Upstream)
	}
}

// Waiting counts the upstreams whose document changed and was not approved yet.
func (k *Keeper) Waiting() int { return k.count(func(e *entry) bool { return e.seen }) }

// Missing counts the upstreams without a document.
func (k *Keeper) Missing() int {
	return k.count(func(e *entry) bool { return e.source.Upstream != "" && e.slot.Document() == nil })
}

func (k *Keeper) count(is func(*entry) bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, e := range k.entries {
		e.mu.Lock()
		if is(e) {
			n++
		}
		e.mu.Unlock()
	}
	return n
}

// Event is the audit event of a change of a pin.
func Event(name audit.Name, actor string, p Pin) audit.Event {
	return audit.Event{At: p.At, Event: name, Actor: actor, Detail: fmt.Sprintf("upstream=%s hash=%x", p.Upstream, p.Hash())}
}
