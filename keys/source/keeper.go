package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Defaults of a Keeper.
const (
	DefaultInterval = time.Minute    // of what is elsewhere
	DefaultMaxAge   = 24 * time.Hour // of the last good value
	localInterval   = time.Second    // of files: a swapped directory and a renamed file are noticed by their content
	checkTimeout    = 10 * time.Second
	againMin        = time.Second      // after a refusal, from the second one on
	againMax        = 10 * time.Second // while refusals go on
)

// ErrTooOld says that the last good value of a secret is older than it may be.
var ErrTooOld = errors.New("its last good value is too old to be used (make the source readable again, or raise secrets.max_age)")

// Keeper follows references again while a program runs. Its fields are set before use. It is
// safe for concurrent use.
type Keeper struct {
	Resolver *Resolver
	Interval time.Duration    // how often what is elsewhere is read again; 0: DefaultInterval
	MaxAge   time.Duration    // how long the last good value counts; 0: DefaultMaxAge
	Logger   *slog.Logger     // nil logs nothing
	Now      func() time.Time // nil: time.Now

	mu    sync.Mutex
	lives map[*Live]struct{}
}

// Watched says what is followed.
type Watched struct {
	Name string // in messages: "store.password"
	Ref  string
	// Master reads it as ResolveMaster does.
	Master bool
	// Check tries a new value before it counts: it connects with it, or opens with it. nil
	// takes every value. It is not called for the first one: whoever asked for that is about
	// to use it.
	Check func(context.Context, secret.Value) error
	// Changed is told of another value when it counts; nil: nobody. It must not wait.
	Changed func(secret.Value)
}

// Live is a secret that is read again from time to time. Value is one atomic read.
type Live struct {
	k *Keeper
	w Watched

	last    atomic.Pointer[reading]
	reading chan struct{} // one token: the right to read
	failed  string        // of who holds the token: why the last attempt failed, as it was logged
	tried   time.Time     // of who holds the token
	pace    Pace          // of who holds the token: how often refusals have it read
}

// reading is a value, when its source last confirmed it, and since when it took the place of
// another one; zero for the first.
type reading struct {
	value secret.Value
	at    time.Time
	since time.Time
}

// Watch follows a reference now and from now on.
func (k *Keeper) Watch(ctx context.Context, w Watched) (*Live, error) {
	v, err := k.resolve(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Name, err)
	}
	l := &Live{k: k, w: w, reading: make(chan struct{}, 1), pace: Pace{Min: againMin, Max: againMax}}
	l.last.Store(&reading{value: v, at: k.now()})
	l.tried = k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lives == nil {
		k.lives = map[*Live]struct{}{}
	}
	k.lives[l] = struct{}{}
	return l, nil
}

func (k *Keeper) resolve(ctx context.Context, w Watched) (secret.Value, error) {
	if w.Master {
		return k.Resolver.ResolveMaster(ctx, w.Ref)
	}
	return k.Resolver.Resolve(ctx, w.Ref)
}

// Forget stops following a secret: its Value stays what it was.
func (k *Keeper) Forget(lives ...*Live) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range lives {
		delete(k.lives, l)
	}
}

// Run reads secrets again when they are due, until ctx ends. A source that hangs holds up
// its own secret only.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(localInterval)
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, l := range k.all() {
				if len(l.reading) == 0 { // nobody reads it now
					under.Go(func() { l.due(ctx) })
				}
			}
		}
	}
}

// Refresh reads all secrets now, as after SIGHUP, and joins what went wrong.
func (k *Keeper) Refresh(ctx context.Context) error {
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, l := range k.all() {
		all.Go(func() {
			if _, err := l.Refresh(ctx); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Age is how long ago the value of the secret that was not confirmed for longest was
// confirmed; 0 without secrets.
func (k *Keeper) Age() time.Duration {
	var oldest time.Duration
	for _, l := range k.all() {
		oldest = max(oldest, l.Age())
	}
	return oldest
}

func (k *Keeper) all() []*Live {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]*Live, 0, len(k.lives))
	for l := range k.lives {
		all = append(all, l)
	}
	return all
}

func (k *Keeper) now() time.Time {
	if k.Now != nil {
		return k.Now()
	}
	return time.Now()
}

func (k *Keeper) maxAge() time.Duration {
	if k.MaxAge > 0 {
		return k.MaxAge
	}
	return DefaultMaxAge
}

// Reference is where the secret is.
func (l *Live) Reference() string { return l.w.Ref }

// Age is how long ago the source confirmed the value.
func (l *Live) Age() time.Duration { return l.k.now().Sub(l.last.Load().at) }

// Value returns the last good value, or ErrTooOld.
func (l *Live) Value() (secret.Value, error) {
	r := l.last.Load()
	if l.k.now().Sub(r.at) > l.k.maxAge() {
		return secret.Value{}, fmt.Errorf("%s: secret %s: %w", l.w.Name, l.w.Ref, ErrTooOld)
	}
	return r.value, nil
}

// Held returns the last good value however old it is: for a key that opens what is stored,
// which to forget would lose more than it protects.
func (l *Live) Held() secret.Value { return l.last.Load().value }

// Refresh reads the secret again, and reports whether there is another value in force. On
// error the one before stays. Callers that come while somebody reads wait for that.
func (l *Live) Refresh(ctx context.Context) (changed bool, err error) {
	before := l.last.Load()
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	case <-ctx.Done():
		return false, fmt.Errorf("%s: %w", l.w.Name, ctx.Err())
	}
	if now := l.last.Load(); now != before && !now.value.Equal(before.value) {
		return true, nil // somebody was first
	}
	return l.read(ctx)
}

// due reads the secret if it is time to.
func (l *Live) due(ctx context.Context) {
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	default:
		return
	}
	if l.k.now().Sub(l.tried) >= l.interval() {
		_, _ = l.read(ctx) // it is logged
	}
}

// interval is how often a secret is read: the disk is asked more often than a server.
func (l *Live) interval() time.Duration {
	if !strings.Contains(l.w.Ref, "://") {
		return localInterval
	}
	if l.k.Interval > 0 {
		return l.k.Interval
	}
	return DefaultInterval
}

// read is Refresh of who holds the token.
func (l *Live) read(ctx context.Context) (changed bool, err error) {
	l.tried = l.k.now()
	old := l.last.Load()
	v, err := l.k.resolve(ctx, l.w)
	if err == nil && !v.Equal(old.value) && l.w.Check != nil {
		err = l.try(ctx, v)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", l.w.Name, err)
		l.note(ctx, err)
		return false, err
	}
	fresh := &reading{old.value, l.k.now(), old.since} // the same value keeps what is cached by its identity
	if changed = !v.Equal(old.value); changed {
		fresh.value, fresh.since = v, fresh.at
	}
	l.last.Store(fresh)
	if changed && l.w.Changed != nil {
		l.w.Changed(v)
	}
	l.good(changed)
	return changed, nil
}

func (l *Live) try(ctx context.Context, v secret.Value) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := l.w.Check(ctx, v); err != nil {
		return fmt.Errorf("secret %s has another value, which does not work: %w", l.w.Ref, err)
	}
	return nil
}

// note logs a failure once, until it is over or another one.
func (l *Live) note(ctx context.Context, err error) {
	if l.failed == err.Error() || ctx.Err() != nil || l.k.Logger == nil {
		return
	}
	l.failed = err.Error()
	l.k.Logger.Warn("a secret could not be read again; the last good value stays in use", "setting", l.w.Name, "until", l.last.Load().at.Add(l.k.maxAge()).UTC().Format(time.RFC3339), "error", err)
}

func (l *Live) good(changed bool) {
	failed := l.failed != ""
	l.failed = ""
	if l.k.Logger == nil {
		return
	}
	switch {
	case changed:
		l.k.Logger.Info("a secret has another value, which is in force", "setting", l.w.Name)
	case failed:
		l.k.Logger.Info("a secret can be read again", "setting", l.w.Name)
	}
}

// Again is for who was refused with the secret: it reads it anew, and reports whether there is
// another value. While refusals go on, the source is read after waits that grow, because each
// of them may cost its server as much as ours: between those, Again reports what it knows.
func (l *Live) Again(ctx context.Context) bool {
	before := l.last.Load()
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	case <-ctx.Done():
		return false
	}
	if now := l.last.Load(); !now.value.Equal(before.value) || l.k.now().Sub(now.since) < againMin {
		return true // somebody was first
	}
	if !l.pace.Take(l.k.now()) {
		return false
	}
	changed, err := l.read(ctx)
	if changed {
		l.pace.Reset()
	}
	return changed && err == nil
}

// Retry uses the secret; where it was refused, it is read again at once, and used once more
// if there is another value. That is how a password that was changed a moment ago is met.
func (l *Live) Retry(ctx context.Context, use func(context.Context, secret.Value) error, refused func(error) bool) error {
	v, err := l.Value()
	if err != nil {
		return err
	}
	err = use(ctx, v)
	if err == nil || !refused(err) {
		return err
	}
	if !l.Again(ctx) {
		return err
	}
	if v, err = l.Value(); err != nil {
		return err
	}
	return use(ctx, v)
}
