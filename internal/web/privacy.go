package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// ownFile sends people all that is kept about them.
func (p *Pages) ownFile(v *visit) error { return v.sendFile(v.who.Account) }

// customerFile sends staff all that is kept about a customer, who may have asked for it
// by letter.
func (p *Pages) customerFile(v *visit) error { return v.sendFile(v.r.PathValue("account")) }

func (v *visit) sendFile(name string) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	a, err := v.p.Admin.Account(name)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := v.p.Files.Export(v.r.Context(), a.Name, &file); err != nil {
		return err
	}
	head := v.w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Content-Disposition", fmt.Sprintf("attachment; filename=\"account-%s.json\"", v.now.UTC().Format(time.DateOnly)))
	_, _ = v.w.Write(file.Bytes())
	return nil
}

// erasable returns the customer whom a page would erase, after a proof of who asks.
func (v *visit) erasable() (admin.Account, error) {
	a, err := v.p.Admin.Account(v.r.PathValue("account"))
	if err == nil && a.Role != account.Customer {
		err = admin.ErrNotFound
	}
	if err == nil {
		err = v.mustBeFresh()
	}
	return a, err
}

func (p *Pages) askErase(v *visit) error {
	a, err := v.erasable()
	if err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("erase.title", "Name", a.Name), Text: v.text("delete.text"), Button: v.text("erase.button"), Back: customerURL(a.Name),
		Points: []template.HTML{v.text("erase.stops", "Count", a.Hosts), v.text("erase.forgotten"), v.text("erase.rests"), v.text("erase.backups")},
	})
}

func (p *Pages) erase(v *visit) error {
	a, err := v.erasable()
	if err != nil {
		return v.again(err)
	}
	_, err = p.Files.Erase(v.r.Context(), v.actor(), a.Name)
	if errors.Is(err, admin.ErrConflict) { // somebody else is at it
		err = nil
	}
	if err != nil {
		return err
	}
	return v.redirect("/staff/customers")
}
