package admin

// OccupyHashing lets nobody hash a password until free is called.
func (s *Service) OccupyHashing() (free func()) {
	for range maxHashing {
		s.hashing <- struct{}{}
	}
	return func() {
		for range maxHashing {
			<-s.hashing
		}
	}
}
