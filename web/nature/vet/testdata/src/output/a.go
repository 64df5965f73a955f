package output

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

type wrapped struct{ http.ResponseWriter }

func f(w http.ResponseWriter, r *http.Request, name string, n int, err error) {
	fmt.Fprintf(w, "<p>%s</p>", name)                // want `HTML is put together by hand`
	fmt.Fprint(w, "<p>", name, "</p>")               // want `HTML is put together by hand`
	fmt.Fprintln(w, "<p>"+name)                      // want `HTML is put together by hand`
	fmt.Fprintf(w, `<a href="%s">`, r.URL.Path)      // want `HTML is put together by hand`
	fmt.Fprintf(w, "<h1>%v</h1>", err)               // want `HTML is put together by hand`
	io.WriteString(w, "<p>"+name+"</p>")             // want `HTML is put together by hand`
	io.WriteString(w, fmt.Sprintf("<p>%s", name))    // want `HTML is put together by hand`
	w.Write([]byte("<p>" + name))                    // want `HTML is put together by hand`
	w.Write([]byte(fmt.Sprintf("<p>%s</p>", name)))  // want `HTML is put together by hand`
	w.Write(fmt.Appendf(nil, "<p>%s</p>", name))     // want `HTML is put together by hand`
	fmt.Fprintf(wrapped{w}, "<p>%s</p>", name)       // want `HTML is put together by hand`
	(&wrapped{w}).Write([]byte("<img alt='" + name)) // want `HTML is put together by hand`

	fmt.Fprintf(w, "<p>%d</p>", n)
	fmt.Fprint(w, "<p>constant</p>")
	fmt.Fprintf(w, "hello %s, 1 < 2", name)
	w.Write([]byte(name))
	io.WriteString(w, name)
	fmt.Fprintf(os.Stdout, "<p>%s</p>", name)
	fmt.Println("<p>", name)
}
