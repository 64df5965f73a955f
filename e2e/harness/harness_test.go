package harness_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

func TestBackendsAnswer(t *testing.T) {
	for _, kind := range []string{harness.FastAPI, harness.Django, harness.Flask} {
		t.Run(kind, func(t *testing.T) {
			b := harness.SharedBackend(t, kind)
			res, err := http.Get(b.URL + "/private/x")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("GET /private/x = %d", res.StatusCode)
			}
		})
	}
}

func TestPostgresAnswers(t *testing.T) {
	url, password, cluster := harness.PostgresURL(t)
	if done, err := cluster.Exited(); url == "" || password == "" || done {
		t.Fatalf("url %q, ended %v %v", url, done, err)
	}
}

func TestProcessEndsWithItsGroup(t *testing.T) {
	p, err := harness.StartProcess("sh", exec.Command("sh", "-c", `sleep 60 & echo "child $!"; wait`))
	if err != nil {
		t.Fatal(err)
	}
	line, err := p.WaitLine(0, 5*time.Second, func(s string) bool { return len(s) > 6 && s[:6] == "child " })
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	for range 50 {
		stat, err := os.ReadFile("/proc/" + line[6:] + "/stat")
		if os.IsNotExist(err) || strings.Contains(string(stat), ") Z ") { // nobody may reap an orphan here
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the child outlived its group")
}
