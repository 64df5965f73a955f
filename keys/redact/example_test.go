package redact_test

import (
	"io"
	"log/slog"
	"os"

	"github.com/sanmon-gate/sanmon/keys/redact"
)

func Example() {
	log := slog.New(redact.NewHandler(os.Stdout, func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
	}))
	log.Info("call failed", "url", "https://api.example.com/?api_key=hunter2&page=1")
	// Output: level=INFO msg="call failed" url="https://api.example.com/?api_key=[REDACTED]&page=1"
}
