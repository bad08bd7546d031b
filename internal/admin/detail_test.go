package admin_test

import (
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
)

// TestDetails: what a note says falls into its things, each with our words apart from what
// people chose, which may hold commas.
func TestDetails(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string][]string{
		"role customer → admin, full name Bob, the 3rd, password": {"role customer → admin", "full name Bob, the 3rd", "password"},
		"mx mail.example.org. → none, no mx true":                 {"mx mail.example.org. → nothing", "no mx true"},
		"suspended true → none":                                   {"suspended true → false"},
		"interval 1m0s → 5m0s, hosts [a.example.org b]":           {"interval 1m0s → 5m0s", "hosts a.example.org b"},
		"2 zones, 1 accounts, 0 hosts":                            {"2 zones", "1 accounts", "0 hosts"},
		"home.example.org A, www.example.org CNAME":               {"home.example.org A", "www.example.org CNAME"},
		"": {""},
	} {
		var got []string
		for _, p := range admin.Details(detail) {
			got = append(got, p.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q says %q, want %q", detail, got, want)
		}
	}
	for _, p := range admin.Details("role customer → admin, hosts 5") {
		if _, known := strings.CutPrefix(p.Text, "%s %s"); !known {
			t.Errorf("%q is not apart from what is filled in: %q", p, p.Text)
		}
	}
}
