package dnsserver

import "sync"

const (
	// Replies that wait leave together when there are so many octets of them.
	parcelSize = 4096

	// When so many octets wait because the client takes none, its next query has to
	// wait too.
	maxWaiting = 16 << 10
)

// outbox is the replies of a connection that are on their way. One goroutine
// sends at a time; what others put in meanwhile it sends too.
type outbox struct {
	mu      sync.Mutex
	taken   sync.Cond // tells that waiting was taken
	waiting parcel
	sending bool
}

// parcel is replies that are sent together, each with its length before it.
type parcel struct {
	octets   []byte
	messages int
	queries  int // that are answered with these
	held     int // octets that count as held by the connection
}

func (o *outbox) init() { o.taken.L = &o.mu }

// awaitRoom waits while the client takes nothing and much waits already.
func (o *outbox) awaitRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.sending && len(o.waiting.octets) > maxWaiting {
		o.taken.Wait()
	}
}

// put adds a copy of a reply, which with last is all of it or its last message. It
// returns how many octets wait, and how many more than before the connection
// holds: what stays with us because it is long, or since the client does not take
// what came before.
func (o *outbox) put(reply []byte, last bool) (waiting, held int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sending || len(reply) > readSize {
		held = len(reply)
	}
	p := &o.waiting
	p.octets = append(p.octets, reply...)
	p.messages++
	if last {
		p.queries++
	}
	p.held += held
	return len(p.octets), held
}

// begin tells whether the caller is to send what take returns until that is
// nothing; otherwise somebody does.
func (o *outbox) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	mine := !o.sending && o.waiting.messages > 0
	o.sending = o.sending || mine
	return mine
}

// take returns the replies that wait. When there are none, nobody is sending any
// more.
func (o *outbox) take() parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.waiting
	o.waiting = parcel{}
	o.sending = p.messages > 0
	o.taken.Broadcast()
	return p
}
