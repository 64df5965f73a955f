package limit_test

import (
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/keys/limit"
)

func Example() {
	rate, err := limit.Parse("10/m")
	if err != nil {
		panic(err)
	}
	rate.Burst = 2
	perCaller, err := limit.NewPolicy("caller", rate)
	if err != nil {
		panic(err)
	}
	table := limit.NewTable(0)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for range 3 {
		r := table.Take(now, limit.Demand{Policy: perCaller, Key: table.Named("usr_1", "notes-write")})
		fmt.Printf("%v %s\n", r.Allowed, r.AppendState(nil))
	}
	// Output:
	// true "caller";r=1;t=6
	// true "caller";r=0;t=6
	// false "caller";r=0;t=6
}
