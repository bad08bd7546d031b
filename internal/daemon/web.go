package daemon

import (
	"net/http"

	"stayput.dev/internal/config"
	"stayput.dev/internal/web"
)

// openWeb makes the pages; there are none if they are off.
func (d *daemon) openWeb() {
	if !d.cfg.Web.Enabled {
		return
	}
	d.pages = web.New(web.Config{
		Admin: d.admin, Registry: d.registry, History: d.history, Archive: d.store, SignIn: d.signin, Brand: d.brand, Files: files{d}, Notices: d.notices, TokenUses: d.restAPI,
		Options: webOptions(d.live.Load()), House: d.house(), Logger: d.log,
	})
}

func webOptions(c *config.Config) web.Options {
	return web.Options{
		MaySignUp: c.Signin.SignUp != config.SignUpOff, Approval: c.Signin.SignUp == config.SignUpApproval, SendsMail: c.Mail.Server != "" && c.HTTP.PublicURL != nil, PublicURL: c.HTTP.PublicURL,
	}
}

// closeWeb ends the streams of pages, so that nothing waits for them.
func (d *daemon) closeWeb() {
	if d.pages != nil {
		d.pages.Leave()
		d.pages = nil
	}
}

// showWeb adds the pages to what the HTTP listeners answer.
func (d *daemon) showWeb(mux *http.ServeMux) {
	if d.pages != nil {
		mux.Handle(pagesPattern, d.pages)
	}
}

// pagesPattern is for whatever nobody else answers.
const pagesPattern = "/"
