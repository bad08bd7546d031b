package daemon

import (
	"context"
	"net/netip"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/webhook"
)

// newWebhooks returns what sends to other systems.
func (d *daemon) newWebhooks() *webhook.Sender {
	return webhook.New(d.registry, d.store, webhook.Options{
		Allowed: func() []netip.Prefix { return d.live.Load().Webhooks.Allow },
		Bury: func(ctx context.Context, id, why string) error {
			_, err := d.admin.SetHook(ctx, id, admin.HookChange{Dead: &why})
			return err
		},
		Logger: d.log,
	})
}

// webhooks shows the sender to the API.
type webhooks struct {
	*webhook.Sender
	daemon *daemon
}

// NewSecret implements api.Webhooks.
func (webhooks) NewSecret() ([]byte, string) {
	secret := webhook.NewSecret()
	return secret, webhook.FormatSecret(secret)
}

// ParseSecret implements api.Webhooks.
func (webhooks) ParseSecret(text string) ([]byte, error) { return webhook.ParseSecret(text) }

// States implements api.Webhooks.
func (w webhooks) States() map[string]api.WebhookSending {
	out := map[string]api.WebhookSending{}
	if node, elsewhere := w.daemon.elsewhere(jobWebhooks); elsewhere {
		for h := range w.daemon.registry.State().Accounts.Hooks() {
			out[h.ID] = api.WebhookSending{Node: node}
		}
		return out
	}
	for id, s := range w.Sender.States() {
		out[id] = api.WebhookSending{
			Sent: s.Sent, LastSent: unlessZero(s.Last), Revision: uint64(s.Revision), Failures: s.Failures, Error: s.Error,
			Waiting: unlessZero(s.Since), NextTry: unlessZero(s.NextTry),
		}
	}
	return out
}

// Replay implements api.Webhooks: whoever sends goes back.
func (w webhooks) Replay(ctx context.Context, id string, after registry.Revision) error {
	if node, elsewhere := w.daemon.elsewhere(jobWebhooks); elsewhere {
		return where(node, "sends to webhooks")
	}
	return w.Sender.Replay(ctx, id, after)
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
