package dpop_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/secret"
)

// The proof of RFC 9449, Figure 2, at the moment that it was made, and two minutes later.
func ExampleVerifier_Verify() {
	v := &dpop.Verifier{
		Origin: "https://server.example.com",
		Nonces: &dpop.Nonces{Ring: secret.NewRing(secret.PurposeDPoP, secret.Key{Version: 1, Value: secret.NewString("32 random bytes, the same on all nodes")})},
		Seen:   &dpop.Seen{},
	}
	proof := []string{"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19." +
		"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ." +
		"2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"}
	made := time.Unix(1562262616, 0)
	claim, err := v.Verify(proof, "POST", "/token", "", made)
	fmt.Println(len(claim.Thumbprint), err)
	fmt.Println(v.Use(context.Background(), claim, made))
	_, err = v.Verify(proof, "POST", "/token", "", made.Add(2*time.Minute))
	fmt.Println(err)
	// Output:
	// 32 <nil>
	// <nil>
	// use_dpop_nonce
}
