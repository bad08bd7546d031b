package signin_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/signin"
)

// TestPeopleAreFound: whatever happens to accounts, the index that follows it finds those
// that a walk through all of them finds, in any version that there was, and so does one
// that is new.
func TestPeopleAreFound(t *testing.T) {
	t.Parallel()
	addresses := []string{"", "a@example.org", "A@Example.org", "b@example.org", "c@example.org"}
	rapid.Check(t, func(t *rapid.T) {
		versions := []account.Directory{{}}
		var index signin.People
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			d := versions[len(versions)-1]
			edit := d.Edit()
			var c account.Changes
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 40), 1, 20, rapid.ID).Draw(t, "accounts") {
				name := fmt.Sprintf("Account-%d", n)
				before, is := d.Account(name)
				if is && rapid.Bool().Draw(t, "goes") {
					c.DeletedAccounts = append(c.DeletedAccounts, name)
					continue
				}
				a := account.Account{ID: before.ID, Name: name, Email: rapid.SampledFrom(addresses).Draw(t, "address"), Password: rapid.String().Draw(t, "password")}
				if !is {
					a.ID = d.NextAccountID() + uint32(len(c.Accounts))
				}
				c.Accounts = append(c.Accounts, a)
			}
			edit.Apply(&c)
			versions = append(versions, edit.Freeze())
			agree(t, &index, versions[len(versions)-1], addresses)
		}
		agree(t, &index, rapid.SampledFrom(versions).Draw(t, "version"), addresses)
	})
}

// agree fails the test unless the index finds what a new one and a walk find.
func agree(t *rapid.T, index *signin.People, d account.Directory, addresses []string) {
	for _, address := range addresses {
		var want []uint32
		if address != "" {
			for a := range d.AccountsByEmail(address) {
				want = append(want, a.ID)
			}
		}
		want = want[:min(len(want), 10)]
		for what, found := range map[string][]account.Account{"the index": index.Find(d, address), "a new one": new(signin.People).Find(d, address)} {
			var got []uint32
			for _, a := range found {
				got = append(got, a.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s finds %v by %q, want %v", what, got, address, want)
			}
		}
	}
}

// BenchmarkFindByMail changes one of 100,000 accounts and finds another, as a sign-in
// after somebody's new password does.
func BenchmarkFindByMail(b *testing.B) {
	var c account.Changes
	for n := range uint32(100_000) {
		c.Accounts = append(c.Accounts, account.Account{ID: n + 1, Name: fmt.Sprintf("account-%d", n), Email: fmt.Sprintf("somebody-%d@example.org", n)})
	}
	edit := account.Directory{}.Edit()
	edit.Apply(&c)
	d := edit.Freeze()
	var index signin.People
	index.Find(d, "somebody-1@example.org")
	for i := 0; b.Loop(); i++ {
		a := c.Accounts[i%len(c.Accounts)]
		a.Password = fmt.Sprint(i)
		edit := d.Edit()
		edit.Apply(&account.Changes{Accounts: []account.Account{a}})
		d = edit.Freeze()
		if len(index.Find(d, "somebody-4711@example.org")) != 1 {
			b.Fatal("it is not found")
		}
	}
}
