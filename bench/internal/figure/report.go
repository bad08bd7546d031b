//go:build linux

package figure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"stayput.dev/bench/internal/stats"
)

// A report collects what the rounds measured and prints it.
type report struct {
	Figure  string    `json:"figure"`
	Machine machine   `json:"machine"`
	Notes   []string  `json:"notes"`
	Series  []*series `json:"measured"`
	Ratios  []*series `json:"ratios"`
}

// A series is one measure of one subject, a value for each round.
type series struct {
	Subject string    `json:"subject"`
	Measure string    `json:"measure"`
	Unit    string    `json:"unit,omitempty"`
	Values  []float64 `json:"values"`
	stats.Summary
}

// A machine is where the figures hold.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Filesystem string `json:"filesystem"` // that the servers write to
}

func newReport(figure, dir string) *report {
	return &report{
		Figure:  figure,
		Machine: machine{cpuModel(), runtime.NumCPU(), kernel(), runtime.Version(), filesystem(dir)},
	}
}

// add appends a round's value.
func (r *report) add(subject, measure, unit string, value float64) {
	s := r.find(subject, measure)
	if s == nil {
		s = &series{Subject: subject, Measure: measure, Unit: unit}
		r.Series = append(r.Series, s)
	}
	s.Values = append(s.Values, value)
	s.Summary = stats.Summarize(s.Values)
}

// find returns the series, nil when nothing was added to it.
func (r *report) find(subject, measure string) *series {
	i := slices.IndexFunc(r.Series, func(s *series) bool { return s.Subject == subject && s.Measure == measure })
	if i < 0 {
		return nil
	}
	return r.Series[i]
}

// ratioBetween is ratio of what is no pair of one round: of the medians.
func (r *report) ratioBetween(measure, a, b string) {
	top, bottom := r.find(a, measure), r.find(b, measure)
	values := stats.Ratios([]float64{top.Median}, []float64{bottom.Median})
	r.Ratios = append(r.Ratios, &series{Subject: a + " / " + b, Measure: measure, Values: values, Summary: stats.Summarize(values)})
}

// ratio adds a's measure divided by b's, round by round, if both were taken.
func (r *report) ratio(measure, a, b string) {
	top, bottom := r.find(a, measure), r.find(b, measure)
	if top == nil || bottom == nil || a == b {
		return
	}
	values := stats.Ratios(top.Values, bottom.Values)
	if len(values) == 0 {
		return
	}
	r.Ratios = append(r.Ratios, &series{
		Subject: a + " / " + b,
		Measure: measure,
		Values:  values,
		Summary: stats.Summarize(values),
	})
}

// note adds a remark that the reader of the figure needs.
func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) writeText(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "%s: %s, %d cores, Linux %s, %s, %s\n", r.Figure, m.CPU, m.Cores, m.Kernel, m.Go, m.Filesystem)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nmeasured\t\tmedian\t(range)\t")
	writeSeries(t, r.Series)
	if len(r.Ratios) > 0 {
		fmt.Fprintln(t, "\nratio, paired by round\t\tmedian\t(range)\t")
		writeSeries(t, r.Ratios)
	}
	return t.Flush()
}

func writeSeries(w io.Writer, all []*series) {
	for _, s := range all {
		span := ""
		if len(s.Values) > 1 {
			span = fmt.Sprintf("(%s to %s)", number(s.Min), number(s.Max))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Subject, s.Measure, number(s.Median), span, s.Unit)
	}
}

// number formats v with three significant digits or all before the point.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// cpuModel returns the processor's name.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// filesystem names the kind of filesystem that dir lies on, as fsync costs
// nothing on some.
func filesystem(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "unknown filesystem"
	}
	switch fs.Type {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs: nothing is durable here, choose another -dir"
	default:
		return fmt.Sprintf("filesystem %#x", fs.Type)
	}
}
