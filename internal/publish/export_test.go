package publish

// Running returns how many pushers run.
func (p *Pushers) Running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}
