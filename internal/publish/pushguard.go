package publish

import (
	"slices"

	"stayput.dev/internal/zone"
)

// Few names are deleted without asking: so many, or this part of ours.
const (
	fewDeletions = 20
	deletedPart  = 20
)

// isMuch tells whether so many deletions are many for a zone of so many names.
func isMuch(deletions, names int) bool {
	return deletions > fewDeletions && deletions > names/deletedPart
}

// judge notes whether a pending name leaves: it had addresses, or stood for another, and
// has no records of ours any more. Challenges and other texts come and go.
func (p *Pusher) judge(q *queue, name zone.Name, z *zone.Zone) {
	d := q.pending[name]
	hadAddresses := slices.ContainsFunc(d.types, func(t zone.Type) bool { return slices.Contains(addressTypes, t) })
	q.leave(name, hadAddresses && z != nil && len(pushedTypes(p.target.Zone, name, z.Node(name))) == 0)
}

// weigh holds what leaves when it is much at once: somebody may have deleted by mistake
// what others live by. p.mu must be held.
func (p *Pusher) weigh() {
	z := p.followed.Zones.Get(p.target.Zone)
	if len(p.queue.leaving) == 0 {
		p.bold = false
	}
	much := z != nil && isMuch(len(p.queue.leaving), z.Names()+len(p.queue.leaving))
	if much && !p.bold && !p.queue.held {
		p.log.Warn("very many names are to be deleted at a push target; they stay until somebody says so",
			"names", len(p.queue.leaving), "hint", "stayput zone push "+p.target.Zone.String()+" --mend --delete")
	}
	p.queue.hold(much && !p.bold)
}
