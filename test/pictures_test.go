package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPictures: each picture that the documentation names is there, says in words what it
// shows, and is quick to load; none is there that no page names.
func TestPictures(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	picture := regexp.MustCompile(`!\[([^\]]*)\]\(([^)]*)\)`)
	for _, page := range append(glob(t, "../doc/*.md"), "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range picture.FindAllStringSubmatch(string(text), -1) {
			file := filepath.Join(filepath.Dir(page), m[2])
			named[file] = true
			if len(strings.Fields(m[1])) < 4 {
				t.Errorf("%s: %s is described by %q only", page, m[2], m[1])
			}
			if info, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if info.Size() > 150_000 {
				t.Errorf("%s has %d octets", file, info.Size())
			}
		}
	}
	for _, file := range glob(t, "../doc/pictures/*") {
		if !named[file] {
			t.Errorf("no page names %s", file)
		}
	}
	if len(named) < 10 {
		t.Errorf("the documentation names %d pictures", len(named))
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
