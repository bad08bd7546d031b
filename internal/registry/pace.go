package registry

import "time"

// SerialGap and SerialBurst say how fast serials rise: 1,250 times a second at most, taken
// over any longer while and by all nodes, so that half their space outlasts the expiry of
// a zone (RFC 1982 §3.2): in 14 days 1,512,000,000 and SerialBurst of 2,147,483,647. Some
// may rise without a pause, which whoever updates alone or at random need not wait for;
// where many update at once the pause makes larger groups of them.
const (
	SerialGap   = 800 * time.Microsecond
	SerialBurst = 1000
)

// pace tells the writer when serials may rise again. The zero pace is ready for use. It is
// not safe for concurrent use.
type pace struct{ next time.Time }

// wait returns how long to wait at now before serials may rise; it may be
// negative.
func (p *pace) wait(now time.Time) time.Duration { return p.next.Sub(now) }

// raise notes that serials rose so long before now, here or at another node. Only the age of
// what others did goes by the clocks of machines, which jump: nobody waits for longer than
// it takes to earn a burst.
func (p *pace) raise(now time.Time, age time.Duration) {
	const burst = SerialBurst * SerialGap
	if earliest := now.Add(-burst).Add(-age); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(SerialGap)
	if latest := now.Add(burst); p.next.After(latest) {
		p.next = latest
	}
}
