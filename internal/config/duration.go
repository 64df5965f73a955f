package config

import (
	"fmt"
	"time"
)

// ParseDuration reads a duration as the configuration writes it: days, hours, minutes
// and seconds, as in 90d or 1h30m.
func ParseDuration(s string) (time.Duration, error) {
	d, ok := parseDuration(s)
	if !ok {
		return 0, fmt.Errorf("%q is not a duration (write 30s, 15m, 1h30m or 7d)", s)
	}
	return d, nil
}
