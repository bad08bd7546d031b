//go:build linux

package peer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/bench/internal/load"
)

func TestReadKeys(t *testing.T) {
	t.Parallel()
	got, err := readKeys(strings.NewReader("one,s3cret,a.example.org,b.example.org\ntwo,other,c.example.org\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []load.Key{
		{Username: "one", Secret: "s3cret", Hosts: []string{"a.example.org", "b.example.org"}},
		{Username: "two", Secret: "other", Hosts: []string{"c.example.org"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if _, err := readKeys(strings.NewReader("one,s3cret\n")); err == nil {
		t.Error("a key without hosts was taken")
	}
}
