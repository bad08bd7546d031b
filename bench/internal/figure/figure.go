//go:build linux

// Package figure measures the figures that Stayput is judged by, each in a
// file of its own. Subjects of a comparison take turns, round after round, on
// one machine, and only the ratios within a round are worth quoting.
package figure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A figure is one sub-command.
type figure struct {
	name, summary string
	// define adds the figure's own flags and defaults and returns what
	// measures it once they are parsed.
	define func(*flag.FlagSet, *settings) func(context.Context, *bench) error
}

func figures() []figure {
	return []figure{
		{"updates", "durable updates a second, beside BIND and Knot", updates},
		{"openloop", "latency of updates that arrive at a fixed rate, beside the disk's own", openLoop},
		{"nochg", "updates that change nothing, beside a bare net/http handler", unchanged},
		{"return", "everybody comes back within a minute", comeback},
		{"load", "time to the first answer and memory of a large zone", loading},
		{"flat", "what an update costs among many hosts and among few", flat},
		{"queries", "queries per second of server CPU, beside Knot, BIND, NSD and PowerDNS", queries},
		{"push", "updates that reach BIND, Knot and PowerDNS by push, beside clients that send them UPDATEs", pushes},
		{"pages", "how long the pages that list and search take", pages},
		{"cluster", "updates through two nodes on one PostgreSQL, beside single-row upserts", clusterUpdates},
		{"lag", "how long until the other nodes' DNS answers an update", lag},
		{"starts", "how long a node takes to its first answer, from the database and from its own snapshot", starts},
		{"scale", "what a host, an update and a query cost a cluster, and what that predicts", scale},
		{"transfers", "zones that go out whole, beside Knot, NSD and BIND", transfers},
	}
}

// settings are the flags that all figures know.
type settings struct {
	binary   string
	dir      string
	json     bool
	rounds   int
	hosts    int
	accounts int
	duration time.Duration
	servers  string
}

func (s *settings) define(flags *flag.FlagSet) {
	flags.StringVar(&s.binary, "stayput", "", "the `binary` under test (default: built from this module)")
	flags.StringVar(&s.dir, "dir", "", "keep temporary data below `directory`, on the disk to measure (default: the system's)")
	flags.BoolVar(&s.json, "json", false, "print JSON")
	flags.IntVar(&s.rounds, "rounds", s.rounds, "how often each subject has its turn")
	flags.IntVar(&s.hosts, "hosts", s.hosts, "hosts in the zone")
	flags.IntVar(&s.accounts, "accounts", 0, "accounts that own the hosts (default: 1 for 100 hosts, above 100,000 hosts 1 for 10)")
	flags.DurationVar(&s.duration, "duration", s.duration, "length of each turn")
	flags.StringVar(&s.servers, "servers", "", "measure only these `names`, separated by commas")
}

// check returns an error when the flags make no sense.
func (s *settings) check() error {
	if s.rounds < 1 || s.hosts < 1 || s.accounts < 0 || s.duration <= 0 {
		return errors.New("rounds, hosts, accounts and duration must be positive")
	}
	return nil
}

// owners returns how many accounts own so many hosts.
func (s *settings) owners(hosts int) int {
	switch {
	case s.accounts > 0:
		return s.accounts
	case hosts > 100_000:
		return hosts / 10
	default:
		return max(1, hosts/100)
	}
}

// wants reports whether the subject is to be measured.
func (s *settings) wants(subject string) bool {
	return s.servers == "" || slices.Contains(strings.Split(s.servers, ","), subject)
}

// Usage writes what Run takes.
func Usage(w io.Writer) {
	fmt.Fprintln(w, "usage: stayput-bench FIGURE [flags]   (stayput-bench FIGURE -h lists the flags)")
	for _, f := range figures() {
		fmt.Fprintf(w, "  %-9s %s\n", f.name, f.summary)
	}
}

// ErrUsage is returned, wrapped, for wrong arguments.
var ErrUsage = errors.New("wrong usage")

// Run measures the figure that args name first, with the flags that follow,
// writes it to out, and says meanwhile on progress what it does. With -h it
// writes the figure's flags to out instead.
func Run(ctx context.Context, out, progress io.Writer, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: no figure named", ErrUsage)
	}
	at := slices.IndexFunc(figures(), func(f figure) bool { return f.name == args[0] })
	if at < 0 {
		return fmt.Errorf("%w: no figure %q", ErrUsage, args[0])
	}
	f := figures()[at]
	flags := flag.NewFlagSet(f.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s := &settings{rounds: 5, hosts: 10_000, duration: 10 * time.Second}
	measure := f.define(flags, s)
	s.define(flags)
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(out)
			flags.Usage()
			return nil
		}
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if err := errors.Join(s.check(), noMore(flags)); err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return run(ctx, out, f.name, s, log.New(progress, f.name+": ", 0), measure)
}

func noMore(flags *flag.FlagSet) error {
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected %q", flags.Args())
	}
	return nil
}

// run measures in a temporary directory and writes the report.
func run(ctx context.Context, out io.Writer, name string, s *settings, progress *log.Logger, measure func(context.Context, *bench) error) error {
	dir, err := os.MkdirTemp(s.dir, "stayput-bench-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{
		settings: s,
		dir:      dir,
		report:   newReport(name, dir),
		log:      progress,
	}
	defer b.stop()
	if err = measure(ctx, b); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
		if !errors.Is(err, errModel) {
			return err
		}
	}
	if s.json {
		return errors.Join(err, b.report.writeJSON(out))
	}
	return errors.Join(err, b.report.writeText(out))
}

// counts is a flag that takes positive numbers separated by commas.
type counts []int

// String implements flag.Value.
func (c *counts) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*c)), " ", ","), "[]")
}

// Set implements flag.Value.
func (c *counts) Set(text string) error {
	*c = nil
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no positive number", field)
		}
		*c = append(*c, n)
	}
	return nil
}
