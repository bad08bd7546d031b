package account_test

import (
	"errors"
	"testing"

	"stayput.dev/internal/account"
)

// TestCheckSalted uses sums that `printf %s TEXT | md5sum` made: of the secret,
// then of that sum, ".", and the salt.
func TestCheckSalted(t *testing.T) {
	t.Parallel()
	const sum = "2bb34f840c80e10b71c3af73ed1f17fe"
	digests, err := account.KeepSecret("a-secret-of-a-lancom-router", false, true)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := account.KeepSecret("a-secret-of-a-lancom-router", false, false)
	if err != nil {
		t.Fatal(err)
	}
	draft := account.Directory{}.Edit()
	draft.Apply(&account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice", Role: account.Customer}, {ID: 2, Name: "mallory", Role: account.Customer, Suspended: true}},
		Keys: []account.Key{
			{ID: 1, Account: 1, Username: "lancom", Secret: digests},
			{ID: 2, Account: 1, Username: "plain", Secret: plain},
			{ID: 3, Account: 2, Username: "suspended", Secret: digests},
		},
	})
	directory := draft.Freeze()
	tests := []struct {
		user, salt, sum string
		want            uint32 // the key, 0 for none
	}{
		{"lancom", "sAlT012345", sum, 1},
		{"lancom", "sAlT012345", "2BB34F840C80E10B71C3AF73ED1F17FE", 1},
		{"lancom", "sAlT012346", sum, 0},
		{"lancom", "sAlT012345", "", 0},
		{"lancom", "sAlT012345", sum[:31], 0},
		{"lancom", "sAlT012345", "a-secret-of-a-lancom-router", 0},
		{"plain", "sAlT012345", sum, 0},
		{"suspended", "sAlT012346", sum, 0},
		{"nobody", "sAlT012345", "70386979459d020c01e005ff11dd4356", 0},
		{"plain", "sAlT012345", "70386979459d020c01e005ff11dd4356", 0},
		{"", "", "", 0},
	}
	for _, test := range tests {
		key, err := account.NewVerifier(1).CheckSalted(directory, test.user, account.Salted{Salt: test.salt, Sum: test.sum})
		if key.ID != test.want || errors.Is(err, account.ErrBadCredential) != (test.want == 0) {
			t.Errorf("CheckSalted(%q, %q, %q) = key %d, %v, want key %d", test.user, test.salt, test.sum, key.ID, err, test.want)
		}
	}
	_, err = account.NewVerifier(1).CheckSalted(directory, "suspended", account.Salted{Salt: "sAlT012345", Sum: sum})
	if !errors.Is(err, account.ErrSuspended) {
		t.Errorf("of a suspended account: %v, want %v", err, account.ErrSuspended)
	}
}
