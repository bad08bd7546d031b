package watch_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
	"stayput.dev/internal/watch"
)

// clock stands unless it is turned.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)} }

// TestTrend: what a counter grows by stands in the slot in which it was seen, and is gone
// when the hour, or the day, is over. A counter that starts again has grown by what it is.
func TestTrend(t *testing.T) {
	c, n := newClock(), uint64(1000)
	trend := watch.NewTrend(func(counts watch.Counts) { counts["good"] = n }, c.Now)
	trend.Sample()
	if w := trend.Hour(); len(w.Series) != 0 {
		t.Errorf("what was before is counted: %v", w.Series)
	}
	for _, grown := range []uint64{3, 0, 5} {
		n += grown
		c.now = c.now.Add(15 * time.Second)
		trend.Sample()
	}
	n = 2
	c.now = c.now.Add(15 * time.Second)
	trend.Sample()
	w := trend.Hour()
	counts := w.Series["good"]
	if len(counts) != 240 || !slices.Equal(counts[235:], []uint32{0, 3, 0, 5, 2}) {
		t.Errorf("the last hour ends in %v", counts)
	}
	if want := c.now.Add(-239 * 15 * time.Second); !w.Start.Equal(want) || w.Step != 15*time.Second {
		t.Errorf("it starts at %v, want %v", w.Start, want)
	}
	if day := trend.Day().Series["good"]; len(day) != 288 || day[287] != 10 {
		t.Errorf("the last day ends in %v", day)
	}
	c.now = c.now.Add(time.Hour)
	if w := trend.Hour(); len(w.Series) != 0 {
		t.Errorf("an hour later there is %v", w.Series)
	}
	if got := trend.Day().Series["good"][287-12]; got != 10 {
		t.Errorf("an hour later the day has %d there", got)
	}
	c.now = c.now.Add(-2 * time.Hour)
	trend.Sample()
	c.now = c.now.Add(26 * time.Hour)
	if w := trend.Day(); len(w.Series) != 0 {
		t.Errorf("a day later there is %v", w.Series)
	}
}

// TestTrendIsBounded: there are no more series than stated.
func TestTrendIsBounded(t *testing.T) {
	c, n := newClock(), uint64(0)
	trend := watch.NewTrend(func(counts watch.Counts) {
		for i := range 3 * watch.MaxSeries {
			counts[fmt.Sprint(i)] = n
		}
	}, c.Now)
	for n = range uint64(3) {
		trend.Sample()
	}
	if got := len(trend.Day().Series); got != watch.MaxSeries {
		t.Errorf("there are %d series, want %d", got, watch.MaxSeries)
	}
}

// asked is an exchange of a source.
func asked(source string, err error, results ...update.Result) *history.Exchange {
	return &history.Exchange{Asked: &update.Request{Source: netip.MustParseAddr(source), Via: "dyndns2"}, Err: err, Results: results}
}

// TestTally counts who fails, is limited and changes, for this hour and the one before.
func TestTally(t *testing.T) {
	c := newClock()
	tally := watch.NewTally(c.Now)
	bad := fmt.Errorf("asking: %w", account.ErrBadCredential)
	for i := range 5 {
		tally.Record(asked(fmt.Sprintf("2001:db8::%x", i+1), bad)) // of one network
	}
	tally.Record(asked("192.0.2.1", nil, update.Result{Outcome: update.NoHost}))
	tally.Record(asked("192.0.2.2", nil, update.Result{Outcome: update.NoChange, ID: 7}))
	for range 2 {
		tally.Record(asked("192.0.2.3", &update.KeyError{Key: account.Key{Username: "loud"}, Err: update.ErrLimited}))
		tally.Record(asked("192.0.2.4", nil, update.Result{Host: "A.example.org", Outcome: update.Good, ID: 8}, update.Result{Host: "b.example.org.", Outcome: update.Good, ID: 9}))
	}
	c.now = c.now.Add(time.Hour)
	tally.Record(asked("192.0.2.4", nil, update.Result{Host: "b.example.org", Outcome: update.Good, ID: 9}))
	for _, got := range []struct{ got, want string }{
		{fmt.Sprint(tally.Failing(10)), "[{2001:db8::/64 5} {192.0.2.1/32 1}]"},
		{fmt.Sprint(tally.Limited(10)), "[{192.0.2.3/32 2}]"},
		{fmt.Sprint(tally.LimitedKeys(10)), "[{loud 2}]"},
		{fmt.Sprint(tally.Changing(10)), "[{b.example.org 3} {a.example.org 2}]"},
		{fmt.Sprint(tally.Changing(1)), "[{b.example.org 3}]"},
	} {
		if got.got != got.want {
			t.Errorf("%s, want %s", got.got, got.want)
		}
	}
	c.now = c.now.Add(time.Hour)
	if got := fmt.Sprint(tally.Changing(10)); got != "[{b.example.org 1}]" {
		t.Errorf("an hour later %s have changed", got)
	}
	c.now = c.now.Add(2 * time.Hour)
	if got := tally.Failing(10); len(got) != 0 {
		t.Errorf("hours later %v fail", got)
	}
}

// TestTallyKeepsTheLoud: a hundred thousand sources that fail once do not push out one
// that fails all the time.
func TestTallyKeepsTheLoud(t *testing.T) {
	tally := watch.NewTally(newClock().Now)
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for i := range 25_000 {
				a := netip.AddrFrom4([4]byte{198, byte(18 + part%2), byte(i >> 8), byte(i)})
				tally.Record(asked(a.String(), account.ErrBadCredential))
				if i%10 == 0 {
					tally.Record(asked("203.0.113.9", account.ErrBadCredential))
				}
			}
		})
	}
	all.Wait()
	if top := tally.Failing(1000); len(top) > 512 || top[0].Of != netip.MustParsePrefix("203.0.113.9/32") {
		t.Errorf("of %d the first is %v", len(top), top[0])
	}
}
