package foreign_test

import (
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sanmon-gate/sanmon/identity/token/foreign"
)

// The signed claims of RFC 7515, Appendix A.3, whose "exp" is of the year 2011. The key
// and the signature are good; the rules are what refuses it.
func ExampleVerify() {
	keys, err := foreign.ParseKeys([]byte(`{"keys":[{"kty":"EC","crv":"P-256",
		"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	const token = "eyJhbGciOiJFUzI1NiJ9." +
		"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rules := foreign.Rules{Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Issuer: "joe", MaxLife: -1}

	claims, err := foreign.Verify(token, keys, rules, time.Unix(1300819379, 0))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Text("iss"))
	_, err = foreign.Verify(token, keys, rules, time.Now())
	fmt.Println(err)
	// Output:
	// joe <nil>
	// the token ended at 2011-03-22T18:43:00Z
}
