package refresh

import "sync/atomic"

// counts is how often each verdict was given here since the start.
type counts struct {
	verdicts [Expired + 1]atomic.Uint64
	forged   atomic.Uint64
}

func (c *counts) add(v Verdict) { c.verdicts[v].Add(1) }

// Counts returns how often each verdict was given here since the start, by its word;
// "forged" are tokens whose MAC did not fit.
func (s *Service) Counts() map[string]uint64 {
	out := map[string]uint64{"forged": s.counts.forged.Load()}
	for v := range Expired + 1 {
		out[v.String()] = s.counts.verdicts[v].Load()
	}
	return out
}
