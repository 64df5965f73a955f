package oauth

import "github.com/sanmon-gate/sanmon/secret"

// exposed is a credential as it is put into an answer to whom it is for.
func exposed(v secret.Value) string { return string(v.Expose()) }
