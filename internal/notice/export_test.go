package notice

import "context"

// Look goes through all wishes once.
func (s *Service) Look(ctx context.Context) error { return s.look(ctx) }
