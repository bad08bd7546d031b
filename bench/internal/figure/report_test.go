//go:build linux

package figure

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// filled returns a report of two rounds.
func filled() *report {
	r := &report{Figure: "updates", Machine: machine{"a processor", 2, "6.1", "go1.26", "ext4"}}
	for i := range 2 {
		r.add("stayput", "updates/s", "/s", float64(3000*(i+1)))
		r.add("bind", "updates/s", "/s", 1000)
	}
	r.note("nsd: not installed")
	r.ratio("updates/s", "stayput", "bind")
	r.ratio("updates/s", "stayput", "knot")    // not measured
	r.ratio("updates/s", "stayput", "stayput") // says nothing
	return r
}

func TestReportAsText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := filled().writeText(&b); err != nil {
		t.Fatal(err)
	}
	const want = `updates: a processor, 2 cores, Linux 6.1, go1.26, ext4
  nsd: not installed

measured             median  (range)
stayput   updates/s  4500    (3000 to 6000)  /s
bind      updates/s  1000    (1000 to 1000)  /s

ratio, paired by round             median  (range)
stayput / bind          updates/s  4.5     (3 to 6)
`
	if got := regexp.MustCompile(` +\n`).ReplaceAllString(b.String(), "\n"); got != want {
		t.Errorf("text =\n%s\nwant\n%s", got, want)
	}
}

func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := filled().writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Figure string
		Ratios []struct {
			Subject, Measure string
			Values           []float64
			Median, Min, Max float64
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Figure != "updates" || len(got.Ratios) != 1 {
		t.Fatalf("figure %q with %d ratios, want updates with 1", got.Figure, len(got.Ratios))
	}
	r := got.Ratios[0]
	if r.Subject != "stayput / bind" || r.Median != 4.5 || r.Min != 3 || r.Max != 6 || len(r.Values) != 2 {
		t.Errorf("ratio = %+v, want stayput / bind, 4.5 (3 to 6) of two rounds", r)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 1.5: "1.5", 12.34: "12.3", 123.4: "123", 1234567: "1234567"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
