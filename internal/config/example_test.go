package config_test

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"stayput.dev/internal/config"
)

// commented is a setting or header of the example that says nothing yet.
var commented = regexp.MustCompile(`(?m)^#([a-z_]+ = |\[\[)`)

func TestExampleParsesToDefaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, "cert.pem", "key.pem")
	want := defaults()
	want.Data = filepath.Join(dir, "stayput-data")

	asItStands := string(config.Example())
	if d := diff(mustLoad(t, write(t, dir, "example.toml", asItStands)), want); d != "" {
		t.Errorf("the example (-want +got):\n%s", d)
	}

	spelledOut := commented.ReplaceAllString(asItStands, "$1")
	want.HTTP.Certificates = []config.Certificate{
		{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")},
	}
	if d := diff(mustLoad(t, write(t, dir, "spelled-out.toml", spelledOut)), want); d != "" {
		t.Errorf("the example with every setting spelled out (-want +got):\n%s", d)
	}
}

func TestExampleHasEveryField(t *testing.T) {
	t.Parallel()
	shown := make(map[string]bool)
	section := ""
	for line := range strings.Lines(commented.ReplaceAllString(string(config.Example()), "$1")) {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]\n")
		} else if name, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
			shown[fold(section+name)] = true
		}
	}
	fields := leaves(reflect.ValueOf(config.Config{}), "")
	delete(fields, "httpcertificates")
	for name := range leaves(reflect.ValueOf(config.Certificate{}), "httpcertificate") {
		fields[name] = nil
	}
	for name := range fields {
		if !shown[name] {
			t.Errorf("the example lacks %s", name)
		}
	}
	if got, want := len(shown), len(fields); got != want {
		t.Errorf("the example has %d settings, want %d", got, want)
	}
}

// fold returns a key as leaves names it.
func fold(key string) string { return strings.NewReplacer(".", "", "_", "").Replace(key) }

func TestExampleIsReadable(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(string(config.Example())) {
		if len(line) > len("\n")+80 || strings.HasSuffix(line, " \n") {
			t.Errorf("untidy line: %q", line)
		}
	}
}
