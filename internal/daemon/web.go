package daemon

import (
	"net/http"

	"stayput.dev/internal/config"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/web"
)

// openWeb makes the pages; there are none if they are off.
func (d *daemon) openWeb() error {
	if !d.cfg.Web.Enabled {
		return nil
	}
	pages, err := web.New(web.Config{
		Admin: d.admin, Registry: d.registry, History: d.history, Archive: d.store, SignIn: d.signin, Shelf: d.store.Shelf(), Files: files{d}, Notices: d.notices, MailTexts: mail.NewTexts(d.store.Shelf()), TokenUses: d.restAPI,
		Options: webOptions(d.live.Load()), House: d.house(), Rebranded: d.rebrand, Logger: d.log,
	})
	if err != nil {
		return err
	}
	d.pages = pages
	if d.store.Shared() {
		d.running.Go(func() { pages.Run(d.stopping) })
	}
	return nil
}

func webOptions(c *config.Config) web.Options {
	return web.Options{
		MaySignUp: c.Signin.SignUp != config.SignUpOff, Approval: c.Signin.SignUp == config.SignUpApproval, SendsMail: c.Mail.Server != "" && c.HTTP.PublicURL != nil, PublicURL: c.HTTP.PublicURL,
	}
}

// rebrand lets mails look like the pages.
func (d *daemon) rebrand(look web.Look) {
	d.look.Store(&look)
	post, err := mailOptions(d.live.Load())
	if err != nil {
		d.log.Error("mails keep their look", "error", err)
		return
	}
	d.mail.SetOptions(d.branded(post))
}

// branded returns the options of mail with the look of the pages.
func (d *daemon) branded(post mail.Options) mail.Options {
	if look := d.look.Load(); look != nil {
		post.Brand.Name, post.Brand.Colour, post.Brand.Footer = look.Name, look.Colour, look.Footer
	}
	return post
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
