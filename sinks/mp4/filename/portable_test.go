package filename

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// TestNamesArePortable checks that names have nothing that Windows drops or reserves for devices,
// and that no directory collides with a file of SQLite.
func TestNamesArePortable(t *testing.T) {
	for in, want := range map[string]string{
		"live/cam./x.mp4": "live/cam_/x.mp4", "con/x.mp4": "con_/x.mp4", "a/NUL.mp4": "a/NUL_.mp4", "com1.x/a.mp4": "com1_.x/a.mp4",
		"console/x.mp4": "console/x.mp4", "a/b.c.mp4": "a/b.c.mp4", "com10/lpt.mp4": "com10/lpt.mp4",
		"spool.db-journal/x.mp4": "spool.db-journal_/x.mp4", "a/Catalogue-WAL/x.mp4": "a/Catalogue-WAL_/x.mp4", "spool.db-\u017fhm./x.mp4": "spool.db-\u017fhm_/x.mp4",
		"spool.db/x.mp4": "spool.db_/x.mp4", "spool.db.open/x.mp4": "spool.db.open_/x.mp4", "spool.db.migrate/x.mp4": "spool.db.migrate_/x.mp4", "spool.db.rebuilding/x.mp4": "spool.db.rebuilding_/x.mp4",
		"a-journal.mp4": "a-journal.mp4", "wal/shm/x.mp4": "wal/shm/x.mp4",
	} {
		require.Equal(t, want, portable(in))
	}
}

// TestNoPatternTakesThePlaceOfADatabase checks literal text and names of streams that collide with a
// database's files.
func TestNoPatternTakesThePlaceOfADatabase(t *testing.T) {
	for _, text := range []string{"spool.db-journal/{stream}_{date}.mp4", "a/SPOOL.DB/{seq}.mp4", "{stream}-wal/{seq}.mp4", "{date:%Y.open}/{seq}.mp4", "{date:spool.db-shm/%Y}.mp4"} {
		_, err := Parse(text)
		require.ErrorContains(t, err, "would take the place of a file of a SQLite database", text)
	}
	for text, stream := range map[string]string{
		"{stream}/{seq}.mp4": "spool.db-journal", "{stream_path}/{seq}.mp4": "spool.db-wal/a", "spool.{stream}/{seq}.mp4": "db", "spool.db-{stream}/{seq}.mp4": "shm",
	} {
		p, err := Parse(text)
		require.NoError(t, err, text)
		for part := range strings.SplitSeq(p.Name(&media.Segment{Stream: stream}, time.UTC, 0), "/") {
			require.False(t, filesystem.NamesSQLite(part), "%s %s", text, part)
		}
	}
}
