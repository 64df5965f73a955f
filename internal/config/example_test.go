package config_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/internal/config"
)

func ExampleParse() {
	_, err := config.Parse("sanmon.yaml", []byte(`version: 1
public_url: http://localhost:8080
upstreams:
  app: { url: "http://127.0.0.1:8000" }
sesion: { idle: 1h }
routes:
  - { id: home, match: { path: "/" } }
`))
	fmt.Println(err)
	// Output:
	// sanmon.yaml:5:1: unknown key "sesion" (did you mean "session"?)
	// sanmon.yaml:7:5: routes[].boundary is missing (add boundary: [session, key])
}
