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
	store  Store
	logger *slog.Logger

	mu      sync.Mutex
	entries map[string]*entry
	pending map[string]bool // upstreams whose pin has changed
	bell    chan struct{}
}

// New returns a Keeper without documents. Run has to run.
func New(store Store, logger *slog.Logger) *Keeper {
	return &Keeper{store: store, logger: logger, entries: map[string]*entry{}, pending: map[string]bool{}, bell: make(chan struct{}, 1)}
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
	for _, e := range k.all() {
		e.move(Source{})
	}
	var group sync.WaitGroup
	for _, s := range sources {
		e := k.entry(s.Upstream)
		e.move(s)
		group.Go(func() { k.refresh(ctx, e) })
	}
	group.Wait()
}

// Apply says that the pin of an upstream has changed: another node, or a person, has
// approved a document. It returns at once; Run does the rest.
func (k *Keeper) Apply(upstream string) {
	k.mu.Lock()
	if k.entries[upstream] != nil {
		k.pending[upstream] = true
	}
	k.mu.Unlock()
	select {
	case k.bell <- struct{}{}:
	default:
	}
}

// Reset is Apply for all upstreams.
func (k *Keeper) Reset() {
	for _, e := range k.all() {
		k.Apply(e.where().Upstream)
	}
}

// takeOver puts in force what was approved elsewhere.
func (k *Keeper) takeOver(ctx context.Context) {
	k.mu.Lock()
	pending := k.pending
	k.pending = map[string]bool{}
	k.mu.Unlock()
	for upstream := range pending {
		e := k.entry(upstream)
		e.busy.Lock()
		if s := e.where(); s.Upstream != "" && !s.File() {
			if err := k.load(ctx, e, s); err != nil {
				k.note(e, s, err)
			}
		}
		e.busy.Unlock()
	}
}

// Run reads the documents again until ctx ends: every Interval, and sooner while one is
// missing.
func (k *Keeper) Run(ctx context.Context) error {
	wait := retryMin
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.bell:
			k.takeOver(ctx)
			continue
		case <-timer.C:
		}
		if wait = min(2*wait, retryMax); k.again(ctx) {
			wait = Interval
		}
		timer.Reset(wait)
	}
}

// again refreshes every document and reports whether each is there.
func (k *Keeper) again(ctx context.Context) bool {
	complete := true
	for _, e := range k.all() {
		if e.where().Upstream != "" {
			k.refresh(ctx, e)
			complete = complete && e.slot.Document() != nil
		}
	}
	return complete
}

func (k *Keeper) all() []*entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.entries))
}

func (e *entry) move(s Source) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.source = s
}

func (e *entry) where() Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.source
}

// refresh reads one document and does what its pin says.
func (k *Keeper) refresh(ctx context.Context, e *entry) {
	e.busy.Lock()
	defer e.busy.Unlock()
	s := e.where()
	k.note(e, s, k.attempt(ctx, e, s))
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
	approved, seen, err := k.store.Pins(ctx, s.Upstream)
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
		done, err := k.store.PinFirst(ctx, p, Event(audit.OpenAPIPinned, "system", p))
		if err != nil || !done {
			return errors.Join(err, k.load(ctx, e, s)) // another node was first
		}
		k.use(e, s, d)
		return nil
	}
	if current.Hash == d.Hash {
		e.mu.Lock()
		e.seen = false // one that was seen in between is gone again
		e.mu.Unlock()
		return nil
	}
	done, err := k.store.PinSeen(ctx, p, Event(audit.OpenAPIChanged, "system", p))
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.seen = true
	e.mu.Unlock()
	if done {
		k.logger.Warn("the OpenAPI document of a backend has changed; the pinned one stays in force until it is approved: sanmon routes --diff",
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
	k.logger.Info("OpenAPI document in force", "upstream", s.Upstream, "version", d.Version, "operations", len(d.Operations), "hash", fmt.Sprintf("%x", d.Hash[:8]))
	for _, o := range d.Operations {
		if o.Unjudged != nil {
			k.logger.Warn("an operation of an OpenAPI document cannot be judged; where input.openapi is enforced, all its requests are refused",
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
		k.logger.Warn("the OpenAPI document of a backend could not be read", "upstream", s.Upstream, "in_force", e.slot.Document() != nil, "error", err)
	case text == "" && was != "":
		k.logger.Info("the OpenAPI document of a backend can be read again", "upstream", s.Upstream)
	}
}

// Waiting counts the upstreams whose document changed and was not approved yet.
func (k *Keeper) Waiting() int { return k.count(func(e *entry) bool { return e.seen }) }

// Missing counts the upstreams without a document.
func (k *Keeper) Missing() int {
	return k.count(func(e *entry) bool { return e.source.Upstream != "" && e.slot.Document() == nil })
}

func (k *Keeper) count(is func(*entry) bool) int {
	n := 0
	for _, e := range k.all() {
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
