package limit_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/limit"
)

func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.New(time.Now)
		p := limit.Pace{Step: time.Minute, Burst: 2}
		id := b.ID(limit.Number(7))
		if b.InUse(id) {
			t.Error("a bucket that nobody used is in use")
		}
		for i := range 2 {
			if _, ok := b.Take(id, p, 0); !ok {
				t.Errorf("token %d of 2 is not there", i+1)
			}
		}
		if wait, ok := b.Take(id, p, 0); ok || wait != time.Minute {
			t.Errorf("a third token: wait %v, %v, want a minute and false", wait, ok)
		}
		if !b.InUse(id) || b.InUse(b.ID(limit.Number(8))) {
			t.Error("which buckets are in use is wrong")
		}
		b.PutBack(id, p)
		if _, ok := b.Take(id, p, 0); !ok {
			t.Error("what was put back is not there")
		}
		time.Sleep(2 * time.Minute)
		if b.InUse(id) {
			t.Error("a full bucket is in use")
		}
	})
}

func TestSources(t *testing.T) {
	t.Parallel()
	at := func(text string) [16]byte { return limit.Source(netip.MustParseAddr(text)) }
	if at("192.0.2.1") == at("192.0.2.2") || at("192.0.2.1") != at("::ffff:192.0.2.1") {
		t.Error("an IPv4 address is a source, however it is written")
	}
	if at("2001:db8::1") != at("2001:db8::2") || at("2001:db8::1") == at("2001:db8:0:1::1") {
		t.Error("an IPv6 /64 is a source")
	}
	for _, text := range []string{"192.0.2.1", "2001:db8::1"} {
		a := netip.MustParseAddr(text)
		if limit.SourceAndNumber(a, 1) == limit.SourceAndNumber(a, 2) || limit.SourceAndNumber(a, 0) != limit.Source(a) {
			t.Errorf("%s and a number are not told apart", text)
		}
	}
}
