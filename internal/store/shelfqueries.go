package store

import _ "embed"

// The queries of the shelf, in the words of those in queries.go.
var (
	//go:embed queries/shelf_accounts.sql
	shelfAccountsSQL string
	//go:embed queries/shelf_add.sql
	shelfAddSQL string
	//go:embed queries/shelf_drop.sql
	shelfDropSQL string
	//go:embed queries/shelf_drop_account.sql
	shelfDropAccountSQL string
	//go:embed queries/shelf_drop_passing.sql
	shelfDropPassingSQL string
	//go:embed queries/shelf_due.sql
	shelfDueSQL string
	//go:embed queries/shelf_get.sql
	shelfGetSQL string
	//go:embed queries/shelf_of.sql
	shelfOfSQL string
	//go:embed queries/shelf_page.sql
	shelfPageSQL string
	//go:embed queries/shelf_replace.sql
	shelfReplaceSQL string
	//go:embed queries/shelf_sweep.sql
	shelfSweepSQL string
	//go:embed queries/shelf_take.sql
	shelfTakeSQL string
)
