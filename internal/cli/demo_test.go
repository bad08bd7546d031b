package cli_test

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// The demo's screen fits a terminal, its first command works as printed, and
// nothing is left of it.
func TestDemo(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is not installed")
		}
		t.Skip("curl is not installed")
	}
	demo := exec.Command("stayput", "demo")
	demo.Env = append(os.Environ(), raceOptions)
	demo.Stderr = os.Stderr
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = demo.Process.Kill() })

	var screen strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C"); {
		// The path of a test's binary is longer than that of an installed one.
		if line := lines.Text(); len(line) > 80 && !strings.Contains(line, "/stayput ") {
			t.Errorf("wider than 80 columns: %s", line)
		}
		screen.WriteString(lines.Text() + "\n")
	}
	dir := regexp.MustCompile(`(?m)^D=(.*)$`).FindStringSubmatch(screen.String())
	curl := regexp.MustCompile(`(?m)^curl -u (.*\\\n.*)$`).FindString(screen.String())
	if dir == nil || curl == "" {
		t.Fatalf("the screen lacks a directory or a curl line:\n%s", &screen)
	}
	got, err := exec.Command("sh", "-c", strings.Replace(curl, "curl", "curl -s", 1)).Output()
	if want := "good 192.0.2.7\n"; string(got) != want {
		t.Errorf("%s\ngot = %q, %v, want %q", curl, got, err, want)
	}
	if err := demo.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("ending the demo: %v", err)
	}
	if _, err := os.Stat(dir[1]); !os.IsNotExist(err) {
		t.Errorf("%s is left", dir[1])
	}
}
