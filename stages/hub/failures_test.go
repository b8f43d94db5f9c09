package hub

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// In an hour a source that fails at each attempt causes a dozen lines for each kind of failure, whatever port or time
// the error contains.
func TestFailuresAreLoggedSeldom(t *testing.T) {
	f, now, said := failures{}, time.Unix(1e9, 0), 0
	for i := range 3600 {
		err := errors.New("the server plays, but no media arrives")
		if i%2 == 1 {
			err = fmt.Errorf("dial tcp 10.0.0.5:%d: refused at %s", i, now)
		}
		now = now.Add(time.Second)
		times, say := f.add(err, now, false)
		require.EqualValues(t, i/2+1, times)
		if say {
			said++
		}
	}
	require.Equal(t, 2*11, said)
	require.Equal(t, time.Unix(1e9+1, 0), f.since, "the first without media")

	_, say := f.add(errors.New("the server plays, but no media arrives"), now.Add(calm+time.Second), true)
	require.True(t, say, "it had gone on for long")
	require.Equal(t, now.Add(calm+time.Second), f.since)
}

func TestFailuresOfManyKindsAreBounded(t *testing.T) {
	f := failures{}
	for i := range 1000 {
		f.add(fmt.Errorf("%c%c", 'a'+i%26, 'a'+i/26), time.Unix(1e9, 0), false)
		require.LessOrEqual(t, len(f.kinds), maxKinds)
	}
}
