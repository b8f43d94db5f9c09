package guard_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/guard"
)

func TestAPanicIsAnErrorThatKnowsWhere(t *testing.T) {
	own := errors.New("own")
	require.NoError(t, guard.Call(func() error { return nil }))
	require.Equal(t, own, guard.Call(func() error { return own }))

	err := guard.Call(overrun)
	var p *guard.PanicError
	require.ErrorAs(t, err, &p)
	require.ErrorContains(t, err, "panic: runtime error: index out of range [3]")
	require.Contains(t, string(p.Stack), "overrun")
}

//go:noinline
func overrun() error {
	var list []int
	i := 3
	list[i]++
	return nil
}
