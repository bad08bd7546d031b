//go:build linux

package figure

import (
	"context"
	"errors"
	"log"
	"os"
	"regexp"
	"strings"
	"testing"
)

// asModelled returns a report in which all is as the model says.
func asModelled() *report {
	r := &report{Figure: "scale"}
	for _, c := range costs {
		r.add(c.each, c.measure, "octets", (c.from+c.to)/2)
	}
	for measure := range tolerances {
		r.add("model", measure, "", 1)
		r.add("measured", measure, "", 1)
		r.ratioBetween(measure, "model", "measured")
	}
	return r
}

// TestTheModelIsJudged: each row that is off too far is named, and no other.
func TestTheModelIsJudged(t *testing.T) {
	t.Parallel()
	if err := asModelled().judge(400_000); err != nil {
		t.Errorf("all as modelled: %v", err)
	}
	for _, tt := range []struct {
		name   string
		change func(*report)
		hosts  int
		want   []string // of the error's lines, each its beginning
	}{
		{"a unit too large", func(r *report) { r.find("each commit", "journal").Median = 260 * 1.3 }, 100, []string{"the model does not hold: journal, each commit: 338 octets"}},
		{"a unit too small", func(r *report) { r.find("each update", "feed of a node").Median = 170 / 1.7 }, 20_000, []string{"the model does not hold: feed of a node, each update: 100 octets"}},
		{"within the range and the factor", func(r *report) { r.find("each host", "snapshot").Median = 145 * 1.2 }, 100, nil},
		{"memory of many", func(r *report) { r.find("each host", "memory of a node").Median = 2000 }, 400_000, []string{"the model does not hold: memory of a node, each host: 2000 octets"}},
		{"memory of few, which says nothing", func(r *report) { r.find("each host", "memory of a node").Median = 2000 }, 399_999, nil},
		{"predictions of few hosts off", func(r *report) {
			for _, ratio := range r.Ratios {
				ratio.Median = 1.0 / 3
			}
		}, 100, []string{
			"the model does not hold: journal, model / measured: the ratio is 0.333",
			"the model does not hold: snapshot, model / measured: the ratio is 0.333",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := asModelled()
			tt.change(r)
			err := r.judge(tt.hosts)
			if (err != nil) != errors.Is(err, errModel) {
				t.Fatal(err)
			}
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("%q, want %q", lines, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains("\n"+err.Error(), "\n"+want) {
					t.Errorf("%q, want %q", lines, want)
				}
			}
		})
	}
}

// TestFiguresOffTheModelArePrinted: who is told that the model does not hold sees the figures.
func TestFiguresOffTheModelArePrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := run(t.Context(), &out, "scale", &settings{dir: t.TempDir()}, log.New(t.Output(), "", 0), func(_ context.Context, b *bench) error {
		b.report.add("each host", "snapshot", "octets", 1000)
		return errModel
	})
	if !errors.Is(err, errModel) || !strings.Contains(out.String(), "each host  snapshot  1000") {
		t.Errorf("%v, and printed\n%s", err, &out)
	}
}

// TestTheModelIsWhatThePageSays holds the units against those of doc/scale.md.
func TestTheModelIsWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../doc/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range costs {
		row := regexp.MustCompile("(?m)^.*`" + c.measure + "` \\|$").FindString(string(page))
		for _, n := range []float64{c.from, c.to} {
			if !regexp.MustCompile(`\b` + number(n) + `\b`).MatchString(row) {
				t.Errorf("%s, %s: no %s in %q", c.measure, c.each, number(n), row)
			}
		}
	}
}
