package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
)

// Told is what the owner of a host hears of it by mail.
type Told struct {
	Silent  time.Duration // after how long without a report; 0: never
	Changed bool          // that its addresses are others
	Failing bool          // that its updates come with a wrong secret
}

// Notices keeps what owners of hosts want to hear of them by mail.
type Notices interface {
	// Notice returns what is told of a host.
	Notice(ctx context.Context, h *account.Host) (Told, error)
	// SetNotice keeps what change makes of that, as by says, unless somebody else changes it
	// in the same moment.
	SetNotice(ctx context.Context, by registry.Actor, h *account.Host, change func(Told) (Told, error)) error
}

// Notice is what the owner of a host hears of it by mail.
type Notice struct {
	Silent  string `json:"silent" doc:"After how long without a report, such as 2d, and when it is heard of again; or never."`
	Changed bool   `json:"changed" doc:"Whether that its addresses are others."`
	Failing bool   `json:"failing" doc:"Whether that its updates have come with a wrong secret for more than a day."`
}

// NoticeChange is what to change of it; what is absent stays.
type NoticeChange struct {
	Silent  *string `json:"silent,omitempty" doc:"After how long without a report, such as 2d; or never."`
	Changed *bool   `json:"changed,omitempty" doc:"Whether that its addresses are others."`
	Failing *bool   `json:"failing,omitempty" doc:"Whether that its updates have come with a wrong secret for more than a day."`
}

// noticePatch is a request to change what is told of a host.
type noticePatch struct {
	Host string `path:"host" example:"home.dyn.example.org"`
	Body NoticeChange
}

func (s *server) addNotices(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/hosts/{host}/notice", "show-notice", "Show what the owner of a host hears of it by mail"), s.showNotice)
	answer(s, api, operation(http.MethodPatch, "/hosts/{host}/notice", "set-notice", "Say what the owner of a host hears of it by mail"), s.setNotice)
}

// noticeHost returns the host of a name.
func (s *server) noticeHost(ctx context.Context, text string) (*account.Host, error) {
	name, err := admin.ParseName(text)
	if err != nil {
		return nil, err
	}
	if _, err := s.as(ctx).Host(name); err != nil {
		return nil, err
	}
	h, _ := s.registry.State().Accounts.Host(name)
	if s.notices == nil {
		return nil, newProblem(http.StatusNotImplemented, "nothing is told by mail here", "")
	}
	return &h, nil
}

func (s *server) showNotice(ctx context.Context, in *hostPath) (Notice, error) {
	h, err := s.noticeHost(ctx, in.Host)
	if err != nil {
		return Notice{}, err
	}
	told, err := s.notices.Notice(ctx, h)
	return viewNotice(told), err
}

func viewNotice(told Told) Notice {
	out := Notice{Silent: account.ExpiryNever.String(), Changed: told.Changed, Failing: told.Failing}
	if told.Silent > 0 {
		out.Silent = account.Expiry(told.Silent / time.Second).String()
	}
	return out
}

func (s *server) setNotice(ctx context.Context, in *noticePatch) (Notice, error) {
	h, err := s.noticeHost(ctx, in.Host)
	if err != nil {
		return Notice{}, err
	}
	change := func(now Told) (Told, error) {
		if err := expectShown(ctx, viewNotice(now)); err != nil {
			return now, err
		}
		return in.Body.of(now)
	}
	if err := s.notices.SetNotice(ctx, s.actor(ctx), h, change); err != nil {
		if x, ok := err.(interface{ Hint() string }); ok {
			return Notice{}, newProblem(http.StatusConflict, err.Error(), x.Hint())
		}
		return Notice{}, err
	}
	return s.showNotice(ctx, &hostPath{Host: in.Host})
}

// of returns what is told with what is to be changed.
func (c *NoticeChange) of(t Told) (Told, error) {
	if c.Silent != nil {
		text, err := account.ParseExpiry(*c.Silent)
		if err != nil || text == account.ExpiryDefault {
			return t, newProblem(http.StatusUnprocessableEntity, "a silence is a time such as 2d, or never", "")
		}
		t.Silent = text.After(0)
	}
	if c.Changed != nil {
		t.Changed = *c.Changed
	}
	if c.Failing != nil {
		t.Failing = *c.Failing
	}
	return t, nil
}

// Notice returns what the owner of a host hears of it by mail.
func (c *Client) Notice(ctx context.Context, host string) (Notice, error) {
	return get[Notice](ctx, c, http.MethodGet, "/hosts/"+segment(host)+"/notice", nil, nil)
}

// SetNotice says what the owner of a host hears of it by mail.
func (c *Client) SetNotice(ctx context.Context, host string, n NoticeChange) (Notice, error) {
	return get[Notice](ctx, c, http.MethodPatch, "/hosts/"+segment(host)+"/notice", nil, n)
}
