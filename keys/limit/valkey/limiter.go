package valkey

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/secret"
)

// DefaultTimeout is how long one question may take.
const DefaultTimeout = 50 * time.Millisecond

// Options say which server, and how patiently.
type Options struct {
	Address  string // host:port; of a cluster, the node that has the slot of {sanmon}
	Database int
	User     string
	Password secret.Value
	TLS      *tls.Config   // nil: in clear
	Timeout  time.Duration // of one question, connection included; 0 means DefaultTimeout
	Pool     int           // connections at most; 0 means 16
	// Namespace keeps the counters of installations apart that share a server.
	Namespace string
	Logger    *slog.Logger // nil logs nothing
}

// Counts are what became of the questions so far.
type Counts struct {
	Admitted, Refused uint64
	Failed            uint64 // no answer in time, or none that can be read
	Skipped           uint64 // not asked, because the server was known to be gone
}

// Limiter asks a server. It is safe for concurrent use; its Run notices when a server that
// was gone is back.
type Limiter struct {
	client    *redis.Client
	script    *redis.Script
	timeout   time.Duration
	namespace string
	logger    *slog.Logger
	breaker   breaker
	user      string
	password  atomic.Pointer[Password]

	admitted, refused, failed, skipped atomic.Uint64
}

// New returns a Limiter. It connects to nothing yet.
func New(o Options) (*Limiter, error) {
	if o.Address == "" {
		return nil, errors.New("the limiter has no server (write valkey://HOST:PORT)")
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Pool <= 0 {
		o.Pool = 16
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	// The library writes to standard error through a variable of its own; what it would say
	// comes back as errors.
	logging.Disable()
	l := &Limiter{
		script: redis.NewScript(script), timeout: o.Timeout, namespace: o.Namespace, logger: o.Logger, user: o.User,
	}
	l.UsePassword(fixed(o.Password))
	l.client = redis.NewClient(&redis.Options{
		CredentialsProviderContext: l.credentials,
		Addr:                       o.Address, DB: o.Database, TLSConfig: o.TLS, Protocol: 2,
		DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, ContextTimeoutEnabled: true,
		// A question that failed may have been counted: it is not asked again.
		MaxRetries: -1, DialerRetries: 1, PoolSize: o.Pool, MaxActiveConns: o.Pool, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return l, nil
}

// Close ends the connections.
func (l *Limiter) Close() error { return l.client.Close() }

// Open reports whether the server is taken for gone, so that nobody asks it.
func (l *Limiter) Open() bool { return l.breaker.open.Load() }

// Counts are the numbers so far.
func (l *Limiter) Counts() Counts {
	return Counts{l.admitted.Load(), l.refused.Load(), l.failed.Load(), l.skipped.Load()}
}

// Ask implements limit.Shared.
func (l *Limiter) Ask(ctx context.Context, op limit.Op, demands []limit.Demand, into *[limit.MaxDemands]limit.Answer) bool {
	if l.Open() {
		l.skipped.Add(1)
		return false
	}
	began := time.Now()
	numbers, err := l.ask(ctx, op, demands)
	if ctx.Err() != nil {
		return false // the client left: that says nothing about the server
	}
	if l.breaker.count(began, err != nil) {
		l.logger.Warn("the limiter does not answer; limits are counted by this node alone until it does", "error", err)
	}
	if err != nil {
		l.failed.Add(1)
		return false
	}
	l.note(numbers)
	for i := range demands {
		into[i] = limit.Answer{Wait: micros(numbers[3*i]), Remaining: int(numbers[3*i+1]), Reset: micros(numbers[3*i+2])}
	}
	return true
}

func (l *Limiter) note(numbers []int64) {
	for i := 0; i < len(numbers); i += 3 {
		if numbers[i] > 0 {
			l.refused.Add(1)
			return
		}
	}
	l.admitted.Add(1)
}

// ask runs the script: by its hash, and with its text where the server has lost it.
func (l *Limiter) ask(ctx context.Context, op limit.Op, demands []limit.Demand) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	keys, args := make([]string, len(demands)), make([]any, 1, 1+3*len(demands))
	args[0] = string(op)
	for i := range demands {
		keys[i] = l.key(&demands[i].Who)
		kind, a, b := demands[i].Policy.Terms()
		args = append(args, kind, a, b)
	}
	numbers, err := l.script.Run(ctx, l.client, keys, args...).Int64Slice()
	if err == nil && len(numbers) != 3*len(demands) {
		err = fmt.Errorf("the server answered %d numbers to %d limits", len(numbers), len(demands))
	}
	return numbers, err
}

// key is where an identity is counted: a hash, so that the server holds no addresses and no
// names, and no name can be made to look like another.
func (l *Limiter) key(w *limit.Who) string {
	var buf [256]byte
	b := append(buf[:0], l.namespace...)
	b = append(append(b, 0), w.Network[:]...)
	b = append(append(b, w.Name...), 0)
	sum := sha256.Sum256(append(b, w.Scope...))
	return "{sanmon}:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// probeEvery is how often a server that is gone is tried again.
const probeEvery = 250 * time.Millisecond

// Run tries a server that is gone until it is back, until ctx ends; requests do not wait
// for that.
func (l *Limiter) Run(ctx context.Context) error {
	defer func() { _ = l.Close() }()
	for {
		wait := probeEvery + rand.N(probeEvery/4) // nodes do not come back in step
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if !l.Open() {
			continue
		}
		if err := l.Probe(ctx); err != nil && (!refused(err) || !l.password.Load().Refused(ctx) || l.Probe(ctx) != nil) {
			continue
		}
		l.breaker.reset()
		l.logger.Info("the limiter answers again; limits are counted for all nodes")
	}
}

// Probe asks the server whether it would answer: it runs the script on nothing.
func (l *Limiter) Probe(ctx context.Context) error {
	_, err := l.ask(ctx, limit.PeekUnits, nil)
	return err
}
