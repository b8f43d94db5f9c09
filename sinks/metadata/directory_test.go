package metadata

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// mount is a record directory: its identity, "" for none, and the one that ClaimDirectory
// would make.
type mount struct{ identity, next string }

func (m *mount) read(create bool) (string, error) {
	if create && m.identity == "" {
		m.identity = m.next
	}
	return m.identity, nil
}

const (
	disk1 = "01900000-0000-7000-8000-000000000001"
	disk2 = "01900000-0000-7000-8000-000000000002"
)

func TestAnotherDirectoryIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		claim := func(m *mount, accept bool) error { return c.ClaimDirectory(t.Context(), m.read, accept) }
		require.NoError(t, claim(&mount{disk2, ""}, false), "without rows any will do")
		first := &mount{"", disk1}
		require.NoError(t, claim(first, false))
		require.Equal(t, disk1, first.identity, "it is named at once")
		put(t, c, sample(1, "live/a"))

		require.NoError(t, claim(first, false))
		for _, other := range []*mount{{"", disk2}, {disk2, ""}} {
			before := *other
			err := claim(other, false)
			require.ErrorIs(t, err, ErrOtherDirectory)
			require.ErrorContains(t, err, disk1)
			require.ErrorContains(t, err, "spool reindex --accept-directory")
			require.Equal(t, before, *other, "and it is left as it was")
		}
		require.NoError(t, claim(first, false), "the disk is mounted again")

		empty := &mount{"", disk2}
		require.NoError(t, claim(empty, true))
		require.Equal(t, disk2, empty.identity)
		require.NoError(t, claim(empty, false), "for good")
		require.ErrorIs(t, claim(first, false), ErrOtherDirectory)

		c.close()
		c = open(t, driver, dsn)
		require.ErrorIs(t, claim(first, false), ErrOtherDirectory, "after a restart")
		other := openWith(t, OpenOptions{Driver: driver, DSN: dsn, Node: "node2"})
		ready(t, other.Catalogue)
		require.NoError(t, other.ClaimDirectory(t.Context(), (&mount{"", disk1}).read, false), "another recorder has rows and a directory of its own")
		require.ErrorIs(t, claim(first, false), ErrOtherDirectory, "which changes nothing here")
		require.NoError(t, claim(empty, false))
	})
}

// The catalogue is older than the table of directories: it has rows, and no directory.
func TestAnOlderCatalogueTakesADirectoryThatHasAnIdentity(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		put(t, c, sample(1, "live/a"))
		require.ErrorIs(t, c.ClaimDirectory(t.Context(), (&mount{"", disk2}).read, false), ErrOtherDirectory)
		require.NoError(t, c.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
		require.ErrorIs(t, c.ClaimDirectory(t.Context(), (&mount{disk2, ""}).read, false), ErrOtherDirectory)
	})
}

func TestADirectoryThatCannotBeReadIsNotClaimed(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	broken := errors.New("input/output error")
	err := c.ClaimDirectory(t.Context(), func(bool) (string, error) { return "", broken }, true)
	require.ErrorIs(t, err, broken)
}
