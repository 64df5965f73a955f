package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
)

// Variable names the server to test against instead of one of our own: a URL, which
// may hold a password.
const Variable = "SANMON_TEST_POSTGRES"

// Main runs the tests of a package with a server and returns their exit code. use
// gets its URL, or "" with the reason when there is none; tests that need it skip
// then.
func Main(m *testing.M, use func(url string, missing error)) int {
	if url := os.Getenv(Variable); url != "" {
		use(url, nil)
		return m.Run()
	}
	server, err := Start(context.Background())
	if errors.Is(err, ErrMissing) {
		use("", err)
		return m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
		}
	}()
	use(server.URL, nil)
	return m.Run()
}
