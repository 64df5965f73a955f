// Package demo is an ordinary small web application, to be guarded by sanmon demo. It
// knows nothing of passwords, sessions or keys: it believes what the gate signs.
package demo

import (
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed assets
var assets embed.FS

// maxNotes bounds what the demo remembers.
const maxNotes = 100

// Note is one note.
type Note struct {
	ID     int       `json:"id"`
	Title  string    `json:"title"`
	Body   string    `json:"body"`
	Author string    `json:"author"`
	At     time.Time `json:"at"`
}

// App is the application. It is safe for concurrent use.
type App struct {
	// Who names the caller of a request from the gate's signed assertion; "" nobody.
	Who func(*http.Request) string

	page  *template.Template
	mu    sync.Mutex
	next  int
	notes []Note
}

// New returns the application with one note in it.
func New(who func(*http.Request) string) *App {
	a := &App{Who: who, page: template.Must(template.ParseFS(assets, "assets/page.html"))}
	a.add("Welcome", "This application has no login of its own. The gate in front of it has.", "demo")
	return a
}

// Handler serves the application.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	static, _ := fs.Sub(assets, "assets") // the folder is embedded: it cannot be missing
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { a.render(w, r, "home") })
	mux.HandleFunc("GET /notes", func(w http.ResponseWriter, r *http.Request) { a.render(w, r, "notes") })
	mux.HandleFunc("POST /notes", a.post)
	mux.HandleFunc("POST /notes/{id}/delete", a.remove)
	mux.HandleFunc("GET /api/notes", a.list)
	mux.HandleFunc("POST /api/notes", a.create)
	mux.HandleFunc("GET /api/me", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"you": a.Who(r)})
	})
	mux.HandleFunc("GET /events", a.events)
	return mux
}

func (a *App) add(title, body, author string) Note {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	n := Note{a.next, clip(title, 200), clip(body, 2000), author, time.Now().UTC()}
	if a.notes = append(a.notes, n); len(a.notes) > maxNotes {
		a.notes = a.notes[1:]
	}
	return n
}

func (a *App) all() []Note {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Note{}, a.notes...)
}

// view is what the page shows.
type view struct {
	Page, You string
	Notes     []Note
}

func (a *App) render(w http.ResponseWriter, r *http.Request, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = a.page.Execute(w, view{page, a.Who(r), a.all()}) // a client that left needs no page
}

func (a *App) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("title") == "" {
		http.Error(w, "a note needs a title", http.StatusBadRequest)
		return
	}
	a.add(r.PostForm.Get("title"), r.PostForm.Get("body"), a.Who(r))
	http.Redirect(w, r, "/notes", http.StatusSeeOther)
}

func (a *App) remove(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id")) // 0 is nobody's
	a.mu.Lock()
	for i, n := range a.notes {
		if n.ID == id {
			a.notes = append(a.notes[:i], a.notes[i+1:]...)
			break
		}
	}
	a.mu.Unlock()
	http.Redirect(w, r, "/notes", http.StatusSeeOther)
}

func (a *App) list(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, a.all()) }

func (a *App) create(w http.ResponseWriter, r *http.Request) {
	var n struct{ Title, Body string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&n); err != nil || n.Title == "" {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "a note needs a title"})
		return
	}
	writeJSON(w, http.StatusCreated, a.add(n.Title, n.Body, a.Who(r)))
}

// events streams the time for ten seconds, to show that streams pass.
func (a *App) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for range 10 {
		if _, err := w.Write([]byte("data: " + time.Now().UTC().Format(time.RFC3339) + "\n\n")); err != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left needs no answer
}

func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
