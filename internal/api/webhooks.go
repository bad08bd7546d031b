package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/feed"
	"stayput.dev/internal/registry"
)

// Webhooks sends what happens to other systems.
type Webhooks interface {
	// NewSecret returns a secret, and the text that receivers take it as.
	NewSecret() (secret []byte, text string)
	// ParseSecret reads such a text.
	ParseSecret(text string) ([]byte, error)
	// States returns how sending goes, by ID.
	States() map[string]WebhookSending
	// Test sends a message once, and returns why it was not taken.
	Test(ctx context.Context, id string) error
	// Replay sends again what happened after a revision.
	Replay(ctx context.Context, id string, after registry.Revision) error
}

// WebhookSending is how sending goes, since the start.
type WebhookSending struct {
	Sent     uint64     `json:"sent" doc:"Messages that the receiver took."`
	LastSent *time.Time `json:"last_sent,omitempty"`
	Node     string     `json:"node,omitempty" doc:"The other node that sends, which alone can say how that goes."`
	Revision uint64     `json:"revision,omitempty" doc:"Up to which it has everything."`
	Failures int        `json:"failures,omitempty" doc:"In a row."`
	Error    string     `json:"error,omitempty" doc:"Of the last failure."`
	Waiting  *time.Time `json:"waiting,omitempty" doc:"When what waits to be taken happened."`
	NextTry  *time.Time `json:"next_try,omitempty"`
}

// Webhook is a subscription of another system as the API shows it.
type Webhook struct {
	ID      string         `json:"id"`
	URL     string         `json:"url"`
	Events  []string       `json:"events,omitempty" nullable:"false" doc:"Kinds of events; absent: all."`
	Account string         `json:"account,omitempty" doc:"Whose events alone are sent; absent: of all."`
	State   string         `json:"state" enum:"active,paused,dead" doc:"dead: sending was given up; resuming revives it."`
	Dead    string         `json:"dead,omitempty" doc:"Why sending was given up."`
	Created time.Time      `json:"created"`
	Sending WebhookSending `json:"sending"`
}

// NewWebhook is a subscription to be made.
type NewWebhook struct {
	URL     string   `json:"url" example:"https://billing.example.org/stayput"`
	Events  []string `json:"events,omitempty" nullable:"false" doc:"host.changed, host.deleted, account.changed, account.deleted; without any, all."`
	Account string   `json:"account,omitempty" doc:"Whose events alone are sent."`
	Secret  string   `json:"secret,omitempty" doc:"whsec_ and base64; without it, one is made."`
}

// AddedWebhook is a subscription that was just made, with its secret, which nobody
// can read again.
type AddedWebhook struct {
	Secret string `json:"secret" example:"whsec_…"`
	Webhook
}

// WebhookChange is what to change of a subscription; what is absent stays.
type WebhookChange struct {
	Paused *bool `json:"paused,omitempty" doc:"true: nothing is sent for now, and what happens waits as long as the journal reaches; false: go on, also where it was dead."`
}

// WebhookReplay says what to send again.
type WebhookReplay struct {
	After uint64 `json:"after" doc:"The revision after which everything is sent again, as far back as the journal goes."`
}

// WebhookTest is how a test went.
type WebhookTest struct {
	Taken bool   `json:"taken"`
	Error string `json:"error,omitempty" doc:"Why it was not taken."`
}

// webhookList is all subscriptions.
type webhookList struct {
	Webhooks []Webhook `json:"webhooks" nullable:"false"`
}

type webhookPath struct {
	Webhook string `path:"webhook"`
}

type webhookChange struct {
	Webhook string `path:"webhook"`
	Body    WebhookChange
}

type webhookReplay struct {
	Webhook string `path:"webhook"`
	Body    WebhookReplay
}

func (s *server) addWebhooks(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/webhooks", "list-webhooks", "List webhooks"), s.listWebhooks)
	answer(s, api, operation(http.MethodPost, "/webhooks", "add-webhook", "Make a webhook"), s.addWebhook)
	answer(s, api, operation(http.MethodGet, "/webhooks/{webhook}", "show-webhook", "Show a webhook"), s.showWebhook)
	answer(s, api, operation(http.MethodPatch, "/webhooks/{webhook}", "set-webhook", "Pause a webhook, or let it go on"), s.setWebhook)
	act(s, api, operation(http.MethodDelete, "/webhooks/{webhook}", "delete-webhook", "Delete a webhook"), s.deleteWebhook)
	answer(s, api, operation(http.MethodPost, "/webhooks/{webhook}/test", "test-webhook", "Send a message of type test, once"), s.testWebhook)
	answer(s, api, operation(http.MethodPost, "/webhooks/{webhook}/replay", "replay-webhook", "Send again what happened after a revision"), s.replayWebhook)
}

func (s *server) listWebhooks(ctx context.Context, _ *struct{}) (webhookList, error) {
	out := webhookList{[]Webhook{}}
	states := s.webhooks.States()
	for _, h := range s.as(ctx).Hooks() {
		out.Webhooks = append(out.Webhooks, viewWebhook(h, states))
	}
	return out, nil
}

func (s *server) addWebhook(ctx context.Context, in *body[NewWebhook]) (AddedWebhook, error) {
	for _, kind := range in.Body.Events {
		if !slices.Contains(feed.Kinds(), kind) {
			return AddedWebhook{}, newProblem(http.StatusUnprocessableEntity, "no events of kind "+kind, "there are "+strings.Join(feed.Kinds(), ", "))
		}
	}
	secret, text := s.webhooks.NewSecret()
	if in.Body.Secret != "" {
		var err error
		if secret, err = choice(s.webhooks.ParseSecret)(in.Body.Secret); err != nil {
			return AddedWebhook{}, err
		}
		text = in.Body.Secret
	}
	h, err := s.as(ctx).AddHook(ctx, admin.NewHook{URL: in.Body.URL, Secret: secret, Events: in.Body.Events, Account: in.Body.Account})
	return AddedWebhook{text, viewWebhook(h, s.webhooks.States())}, err
}

func (s *server) showWebhook(ctx context.Context, in *webhookPath) (Webhook, error) {
	h, err := s.as(ctx).Hook(in.Webhook)
	return viewWebhook(h, s.webhooks.States()), err
}

func (s *server) setWebhook(ctx context.Context, in *webhookChange) (Webhook, error) {
	h, err := s.as(ctx).SetHook(ctx, in.Webhook, admin.HookChange{Paused: in.Body.Paused})
	return viewWebhook(h, s.webhooks.States()), err
}

func (s *server) deleteWebhook(ctx context.Context, in *webhookPath) error {
	return s.as(ctx).DeleteHook(ctx, in.Webhook)
}

func (s *server) testWebhook(ctx context.Context, in *webhookPath) (WebhookTest, error) {
	if _, err := s.as(ctx).Hook(in.Webhook); err != nil {
		return WebhookTest{}, err
	}
	out := WebhookTest{Taken: true}
	if why := s.webhooks.Test(ctx, in.Webhook); why != nil {
		out = WebhookTest{Error: why.Error()}
	}
	return out, nil
}

func (s *server) replayWebhook(ctx context.Context, in *webhookReplay) (Webhook, error) {
	h, err := s.as(ctx).Hook(in.Webhook)
	if err != nil {
		return Webhook{}, err
	}
	if err := s.webhooks.Replay(ctx, in.Webhook, registry.Revision(in.Body.After)); err != nil {
		return Webhook{}, newProblem(http.StatusConflict, err.Error(), "")
	}
	return viewWebhook(h, s.webhooks.States()), s.note(ctx, registry.Note{Verb: "replay", Subject: "webhook " + h.ID})
}

func viewWebhook(h admin.Hook, states map[string]WebhookSending) Webhook {
	out := Webhook{ID: h.ID, URL: h.URL, Events: h.Events, Account: h.Account, State: "active", Dead: h.Dead, Created: h.Created, Sending: states[h.ID]}
	switch {
	case h.Paused:
		out.State = "paused"
	case h.Dead != "":
		out.State = "dead"
	}
	return out
}

// Webhooks returns all webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	list, err := get[webhookList](ctx, c, http.MethodGet, "/webhooks", nil, nil)
	return list.Webhooks, err
}

// AddWebhook makes a webhook.
func (c *Client) AddWebhook(ctx context.Context, n NewWebhook) (AddedWebhook, error) {
	return get[AddedWebhook](ctx, c, http.MethodPost, "/webhooks", nil, n)
}

// SetWebhook pauses a webhook, or lets it go on.
func (c *Client) SetWebhook(ctx context.Context, id string, change WebhookChange) (Webhook, error) {
	return get[Webhook](ctx, c, http.MethodPatch, "/webhooks/"+segment(id), nil, change)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/webhooks/"+segment(id), nil, nil)
}

// TestWebhook sends a message of type test, once.
func (c *Client) TestWebhook(ctx context.Context, id string) (WebhookTest, error) {
	return get[WebhookTest](ctx, c, http.MethodPost, "/webhooks/"+segment(id)+"/test", nil, nil)
}

// ReplayWebhook sends again what happened after a revision.
func (c *Client) ReplayWebhook(ctx context.Context, id string, after uint64) (Webhook, error) {
	return get[Webhook](ctx, c, http.MethodPost, "/webhooks/"+segment(id)+"/replay", nil, WebhookReplay{after})
}
