package harness

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Backend is a running application.
type Backend struct {
	Kind string
	Port int
	URL  string
	*Process
}

// The applications of e2e/backends. Gunicorn runs with every tolerance that a hostile or
// old installation may have: header names with underscores arrive, SCRIPT_NAME counts.
const (
	FastAPI = "fastapi"
	Django  = "django"
	Flask   = "flask"

	VulnerableFastAPI = "vulnerable-fastapi" // with the faults that the gate is to find
	VulnerableDjango  = "vulnerable-django"

	FlaskShop = "flask-shop" // with a login of its own

	// With the Python package of this repository.
	GuardedFastAPI = "guarded-fastapi"
	GuardedDjango  = "guarded-django"
	GuardedFlask   = "guarded-flask"

	Described = "described" // FastAPI with a rich OpenAPI document
)

// SharedBackend returns the application, started once per test process.
func SharedBackend(t testing.TB, kind string) *Backend {
	t.Helper()
	python := Python(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if b := shared.backends[kind]; b != nil {
		return b
	}
	dir, err := shared.tempDir()
	if err != nil {
		t.Fatal(err)
	}
	b, err := startBackend(kind, python, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	shared.backends[kind] = b
	shared.shared = append(shared.shared, b.Process)
	return b
}

// StartBackend starts an application for one test. env is added to its environment; port
// 0 means a free one.
func StartBackend(t testing.TB, kind string, port int, env ...string) *Backend {
	t.Helper()
	b, err := startBackend(kind, Python(t), t.TempDir(), port, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

func startBackend(kind, python, dir string, port int, env ...string) (*Backend, error) {
	if port == 0 {
		free, err := FreePort()
		if err != nil {
			return nil, err
		}
		port = free
	}
	env = append(os.Environ(), append([]string{
		"PYTHONPATH=" + filepath.Join(Root(), "e2e", "backends") + ":" + filepath.Join(Root(), "python", "src"), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1",
		"HOME=" + dir, "DJANGO_DB=" + filepath.Join(dir, "django.sqlite3"),
	}, env...)...)
	if kind == Django {
		setup := exec.Command(python, "-m", "django_app.setup")
		setup.Env = env
		if out, err := setup.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("django setup: %w\n%s", err, out)
		}
	}
	cmd := exec.Command(python, backendArgs(kind, port)...)
	cmd.Dir, cmd.Env = dir, env
	p, err := StartProcess(kind, cmd)
	if err != nil {
		return nil, err
	}
	b := &Backend{Kind: kind, Port: port, URL: "http://127.0.0.1:" + strconv.Itoa(port), Process: p}
	if err := b.waitHealthy(20 * time.Second); err != nil {
		p.Stop()
		return nil, err
	}
	return b, nil
}

func backendArgs(kind string, port int) []string {
	p := strconv.Itoa(port)
	gunicorn := func(app string) []string {
		return []string{"-m", "gunicorn", "--bind", "127.0.0.1:" + p, "--workers", "1", "--threads", "8", "--keep-alive", "30",
			"--header-map", "dangerous", "--log-level", "warning", app}
	}
	switch kind {
	case Django:
		return gunicorn("django_app.wsgi:application")
	case Flask:
		return gunicorn("flask_app:app")
	case FlaskShop:
		return gunicorn("flask_shop:app")
	case VulnerableDjango:
		return gunicorn("vulnerable_django:application")
	case GuardedDjango:
		return gunicorn("guarded_django:application")
	case GuardedFlask:
		return gunicorn("guarded_flask:app")
	case GuardedFastAPI:
		return uvicorn(p, "guarded_fastapi:app")
	case Described:
		return uvicorn(p, "described_fastapi:app")
	case VulnerableFastAPI:
		return uvicorn(p, "vulnerable_fastapi:app")
	default:
		return uvicorn(p, "fastapi_app:app")
	}
}

func uvicorn(port, app string) []string {
	return []string{"-m", "uvicorn", "--host", "127.0.0.1", "--port", port, "--log-level", "warning",
		"--no-access-log", "--timeout-keep-alive", "30", app}
}

func (b *Backend) waitHealthy(wait time.Duration) error {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if done, err := b.Exited(); done {
			return fmt.Errorf("%s ended: %v\n%s", b.Kind, err, b.Output())
		}
		res, err := http.Get(b.URL + "/health")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("%s: %w waiting for /health\n%s", b.Kind, errTimeout, b.Output())
}
