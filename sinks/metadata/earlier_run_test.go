package metadata

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestARowThatAnotherProcessFinishedIsListedAsItIs checks that a recording which an earlier run
// began, and which another process has finished since, is not listed as it was in the journal.
func TestARowThatAnotherProcessFinishedIsListedAsItIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		journal := t.TempDir()
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: journal})
		grows := sample(1, "live/a")
		grows.State, grows.EndUTC = media.StateRecording, grows.StartUTC
		put(t, c, grows)
		ready(t, c.Catalogue)
		c.close()

		c = openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: journal})
		ready(t, c.Catalogue)
		require.Equal(t, media.StateRecording, records(t, c, media.Query{}).Records[0].State)
		other := openWith(t, OpenOptions{Driver: driver, DSN: dsn})
		finished := grows
		finished.State, finished.EndUTC = media.StateRecovered, grows.StartUTC+1
		put(t, other, finished)
		ready(t, other.Catalogue)
		all := records(t, c, media.Query{}).Records
		require.Len(t, all, 1)
		require.Equal(t, media.StateRecovered, all[0].State)
		require.Empty(t, records(t, c, media.Query{State: media.StateRecording}).Records)
		require.Len(t, records(t, c, media.Query{State: media.StateRecovered}).Records, 1)
	})
}
