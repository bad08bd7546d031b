package front

import "sync/atomic"

// Stats are what a server has counted since New, and the connections open now.
type Stats struct {
	Open           int    // connections open now
	Connections    uint64 // connections accepted, those closed at once included
	Crowded        uint64 // of them closed at once, their source having too many
	HandedOver     uint64 // connections given to net/http
	Handshakes     uint64 // failed TLS handshakes and PROXY headers
	DeviceRequests uint64 // requests answered by Devices and Root
	Refused        uint64 // malformed, too large or too slow requests
	Panics         uint64 // handlers that panicked
	AcceptErrors   uint64 // failed accepts, such as for want of file descriptors
}

type counters struct {
	connections, crowded, handedOver, handshakes, deviceRequests, refused, panics, acceptErrors atomic.Uint64
}

// Stats returns the counters as they stand.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	c := &s.counters
	return Stats{
		Open:           open,
		Connections:    c.connections.Load(),
		Crowded:        c.crowded.Load(),
		HandedOver:     c.handedOver.Load(),
		Handshakes:     c.handshakes.Load(),
		DeviceRequests: c.deviceRequests.Load(),
		Refused:        c.refused.Load(),
		Panics:         c.panics.Load(),
		AcceptErrors:   c.acceptErrors.Load(),
	}
}
