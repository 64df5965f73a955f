package source_test

import (
	"context"
	"fmt"

	"github.com/sanmon-gate/sanmon/keys/source"
)

func Example() {
	r := source.Resolver{Lookup: func(name string) (string, bool) { return "tr0ub4dor", name == "DB_PASSWORD" }}
	v, err := r.Resolve(context.Background(), "env:DB_PASSWORD")
	fmt.Println(v, len(v.Expose()), err)
	fmt.Println(source.Valid("tr0ub4dor"))
	// Output:
	// [REDACTED] 9 <nil>
	// it is not a reference; if it is the secret itself, take it out of the configuration and replace the secret (write env:NAME, file:PATH or cred:NAME)
}
