package store

import _ "embed"

// The queries stand in files of their own, in words that SQLite and PostgreSQL
// both understand: BIGINT, TEXT and BYTEA, and $n in order of first use.
var (
	//go:embed queries/append.sql
	appendSQL string
	//go:embed queries/cursor.sql
	cursorSQL string
	//go:embed queries/drop_chunks.sql
	dropChunksSQL string
	//go:embed queries/drop_cursors.sql
	dropCursorsSQL string
	//go:embed queries/drop_snapshots.sql
	dropSnapshotsSQL string
	//go:embed queries/end.sql
	endSQL string
	//go:embed queries/journal_after.sql
	journalAfterSQL string
	//go:embed queries/journal_last_at.sql
	journalLastAtSQL string
	//go:embed queries/journal_newest.sql
	journalNewestSQL string
	//go:embed queries/journal_size.sql
	journalSizeSQL string
	//go:embed queries/journal_start.sql
	journalStartSQL string
	//go:embed queries/lineage.sql
	lineageSQL string
	//go:embed queries/new_lineage.sql
	newLineageSQL string
	//go:embed queries/probe.sql
	probeSQL string
	//go:embed queries/put_chunk.sql
	putChunkSQL string
	//go:embed queries/put_snapshot.sql
	putSnapshotSQL string
	//go:embed queries/save_seen.sql
	saveSeenSQL string
	//go:embed queries/seen.sql
	seenSQL string
	//go:embed queries/set_cursor.sql
	setCursorSQL string
	//go:embed queries/set_lineage.sql
	setLineageSQL string
	//go:embed queries/slowest_cursor.sql
	slowestCursorSQL string
	//go:embed queries/snapshot.sql
	snapshotSQL string
	//go:embed queries/snapshot_chunks.sql
	snapshotChunksSQL string
	//go:embed queries/stale_chunks.sql
	staleChunksSQL string
	//go:embed queries/trim.sql
	trimSQL string
)
