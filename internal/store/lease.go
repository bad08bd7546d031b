package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// leaseTime is how long others wait for a process that no longer renews its
	// lease, by the clock of the database.
	leaseTime = 10 * time.Second

	// leaseEvery is how often a lease is renewed, and how often one that somebody
	// else has is asked for.
	leaseEvery = 2 * time.Second

	// leaseMargin is how long before the end of a lease that could not be renewed
	// its job is told to end, by our own clock, and so what the job has for that.
	leaseMargin = 3 * time.Second
)

var errLeaseOver = errors.New("the lease could not be renewed in time")

// Hold runs job in one of the processes that use the database: whichever has the
// lease of that name. It returns when ctx has ended and so has the job.
//
// The context of the job ends with ctx, and some seconds before another process may
// have the lease because this one could not renew it; the job must heed that soon,
// and then runs again here or elsewhere. It must go on from what is stored, not
// from what it remembers. When a process dies another one has the lease after some
// ten seconds, and at once when one hands it back by ending.
//
// With SQLite there is one process, and job runs once, until ctx ends.
func (s *Store) Hold(ctx context.Context, name string, job func(context.Context)) {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		job(ctx)
		return
	}
	for ctx.Err() == nil {
		asked := time.Now()
		if has, err := e.lease(ctx, name); err == nil && has {
			e.work(ctx, name, asked, job)
		}
		wait(ctx, leaseEvery)
	}
}

// lease takes or renews a lease, and tells whether we have it.
func (e *postgresEngine) lease(ctx context.Context, name string) (has bool, err error) {
	err = e.within(ctx, func(ctx context.Context) error {
		tag, err := e.pool.Exec(ctx, leaseSQL, name, e.holder, leaseTime.Milliseconds())
		has = err == nil && tag.RowsAffected() == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("asking for the lease %s: %w", name, err)
	}
	return has, nil
}

// work runs job while we have its lease, which was asked for at a time, and hands
// the lease back when the job has ended.
func (e *postgresEngine) work(ctx context.Context, name string, asked time.Time, job func(context.Context)) {
	e.log.Info("this node does the job", "job", name)
	working, stop := context.WithCancelCause(ctx)
	over := time.AfterFunc(time.Until(asked.Add(leaseTime-leaseMargin)), func() { stop(errLeaseOver) })
	defer over.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		job(working)
	}()
	e.renew(working, name, stop, over, ended)
	stop(nil)
	<-ended
	if why := context.Cause(working); ctx.Err() == nil && !errors.Is(why, context.Canceled) {
		e.log.Warn("this node no longer does the job", "job", name, "reason", why)
	}
	e.handBack(ctx, name)
}

// renew keeps the lease until the job is to end or has.
func (e *postgresEngine) renew(working context.Context, name string, stop context.CancelCauseFunc, over *time.Timer, ended <-chan struct{}) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-working.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		switch has, err := e.lease(working, name); {
		case err != nil: // until it is over
		case !has:
			stop(errLeaseOver)
		case over.Stop():
			over.Reset(time.Until(asked.Add(leaseTime - leaseMargin)))
		}
	}
}

// handBack lets another process have a lease at once.
func (e *postgresEngine) handBack(ctx context.Context, name string) {
	err := e.within(context.WithoutCancel(ctx), func(ctx context.Context) error {
		_, err := e.pool.Exec(ctx, releaseLeaseSQL, name, e.holder)
		return err
	})
	if err != nil {
		e.log.Warn("a job that ended here is taken over some seconds later", "job", name, "error", err)
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
