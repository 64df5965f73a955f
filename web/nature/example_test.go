package nature_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/sanmon-gate/sanmon/web/nature"
)

// Every field says what it is; what says nothing never goes out.
type Note struct {
	ID     int64       `out:"never"`
	Title  nature.Text `json:"title"` // its type says it
	Author string      `out:"text" json:"author"`
	Home   string      `out:"url" json:"home"`
	Body   nature.HTML `out:"html,policy=ugc,reason=people write it in the editor" json:"body"`
}

func Example() {
	out := nature.Must(nature.Options{})
	note := Note{
		ID: 7, Title: nature.NewText("1 < 2"), Author: "Ada <script>", Home: "javascript:alert(1)",
		Body: nature.NewHTML(`<b onclick="steal()">Hello</b><script>steal()</script>`),
	}
	view, err := out.View(note)
	if err != nil {
		panic(err)
	}
	page := template.Must(template.New("note").Option("missingkey=error").Parse(
		"<h1>{{.Title}}</h1><a href=\"{{.Home}}\">{{.Author}}</a>{{.Body}}\n"))
	if err := page.Execute(os.Stdout, view); err != nil {
		panic(err)
	}
	b, err := out.Marshal(note)
	fmt.Println(string(b), err)
	// Output:
	// <h1>1 &lt; 2</h1><a href="">Ada &lt;script&gt;</a><b>Hello</b>
	// {"title":"1 \u003c 2","author":"Ada \u003cscript\u003e","home":"","body":"\u003cb\u003eHello\u003c/b\u003e"} <nil>
}

// A test that counts the places that may put out HTML, and finds fields that were
// forgotten.
func ExampleOutput_Inventory() {
	out := nature.Must(nature.Options{})
	fmt.Println(out.Check(Note{}))
	all, err := out.Inventory(Note{})
	fmt.Println(all, err)
	// Output:
	// <nil>
	// [{nature_test.Note Body html ugc people write it in the editor}] <nil>
}

func ExampleOutput_WriteJSON() {
	out := nature.Must(nature.Options{})
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := out.WriteJSON(w, http.StatusOK, []Note{{ID: 1, Author: "Ada"}}); err != nil {
			http.Error(w, "cannot show this", http.StatusInternalServerError)
		}
	})
	res := httptest.NewRecorder()
	page.ServeHTTP(res, nil)
	fmt.Println(res.Header().Get("Content-Type"), res.Body)
	// Output: application/json [{"title":"","author":"Ada","home":"","body":""}]
}

// The same declarations in front of a backend in any language.
func ExampleFields() {
	fields, err := nature.NewFields(map[string]string{"title": "text", "body": "html(ugc)"})
	if err != nil {
		panic(err)
	}
	found, err := fields.Body("application/x-www-form-urlencoded", []byte("title=a+%3C+b&body=%3Cb%3Ehi%3C/b%3E&name=%3Cscript%3E"))
	fmt.Println(found, err)
	// Output: [field 3 of the form is not declared, so text, and carries a start tag] <nil>
}
