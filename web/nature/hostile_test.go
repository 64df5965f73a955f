package nature_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/web/nature"
)

// A body of whatever shape is judged in a time
// that its length bounds. The limit is one that only a square would miss.
func TestHostileValues(t *testing.T) {
	f, err := nature.NewFields(map[string]string{"t": "text", "h": "html(ugc)", "m": "markdown", "u": "url"})
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{"<", "<x ", "<b>", "<a href=x ", "<!", "<!--", "</", "<a", "<p", "<![CDATA[", "<b x=\"", "&lt;", "<https://x", "<a@b>", "<x>", "%3C", "&", "=", "<script>", "<textarea>", "<plaintext>"} {
		value := strings.Repeat(unit, 1<<18/len(unit))
		for _, field := range []string{"t", "h", "m", "u", "other"} {
			begun := time.Now()
			_, _ = f.Body(urlencoded, []byte(field+"="+value))
			_, _ = f.Body(multi, []byte(one(field, value)))
			_, _ = f.Body(jsonType, []byte(`{"`+field+`":"`+strings.ReplaceAll(value, `"`, `\"`)+`"}`))
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("%s=%q… of 256 KiB took %v", field, unit, took)
			} else if testing.Verbose() && took > 500*time.Millisecond {
				t.Logf("%s=%q… took %v", field, unit, took)
			}
		}
	}
}
