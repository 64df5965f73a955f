package detect_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/web/detect"
)

func Example() {
	const query = "q=%22%3E%3Csvg+onload%3Dalert(1)%3E&page=2"
	if !detect.Gate(query) { // nearly every request ends here
		return
	}
	var values detect.Values
	values.AddEncoded(detect.Query, query)
	d := detect.New(&values, func(found []detect.Finding) {
		for _, f := range found {
			fmt.Printf("%s parameter %q is %s in the place of: %s\n", f.Source, f.Name, f.Verdict, f.Context)
		}
	})
	d.Look([]byte(`<input name=q value=""><svg onload=alert(1)>">`))
	d.Close(nil)
	// Output:
	// query parameter "q" is live in the place of: attribute
}
