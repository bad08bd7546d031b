package api

import "sync"

// streams lets event streams end when the listeners close. The zero streams lets
// them run.
type streams struct {
	mu    sync.Mutex    // guards all
	ended chan struct{} // closed when all are to end; nil where none began
	over  bool
	open  int
	by    map[string]int // how many are open, by principal
}

// maxStreams and maxStreamsOfOne bound the event streams that are open.
const (
	maxStreams      = 256
	maxStreamsOfOne = 8
)

// begin returns what is closed when the stream is to end, and takes a place that
// leave gives back; nil when there is none.
func (s *streams) begin(who string) (ended <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.open >= maxStreams || s.by[who] >= maxStreamsOfOne {
		return nil
	}
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
	if s.by == nil {
		s.by = map[string]int{}
	}
	s.open++
	s.by[who]++
	return s.ended
}

func (s *streams) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.by[who]--; s.by[who] == 0 {
		delete(s.by, who)
	}
}

// EndStreams ends all event streams, and lets none begin until ResumeStreams:
// otherwise listeners would wait for them in vain when they close.
func (s *streams) EndStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over && s.ended != nil {
		close(s.ended)
	}
	s.over = true
}

// ResumeStreams lets event streams begin again.
func (s *streams) ResumeStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		s.over, s.ended = false, nil
	}
}
