package auth

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func number(n int) (s secret) {
	binary.BigEndian.PutUint64(s[:], uint64(n)+1)
	return s
}

func TestARepeatedGuessIsRead(t *testing.T) {
	var g guesses
	now := time.Unix(1e9, 0)
	wait, again := g.returns(number(0), now)
	require.False(t, again)
	require.Equal(t, secondChance, wait)
	wait, again = g.returns(number(0), now.Add(secondChance/4))
	require.False(t, again, "too early")
	require.Equal(t, secondChance*3/4, wait)
	_, again = g.returns(number(0), now.Add(secondChance))
	require.True(t, again)
	_, again = g.returns(number(1), now.Add(secondChance))
	require.False(t, again, "another one")
	_, again = g.returns(number(0), now.Add(-time.Hour))
	require.False(t, again, "a clock that runs backwards begins anew")
}

func TestGuessesAreBounded(t *testing.T) {
	var g guesses
	now := time.Unix(1e9, 0)
	for n := range 3 * maxRefused {
		g.returns(number(n), now)
		g.foundWrong(number(n), now)
		g.foundWrong(number(n), now)
	}
	require.Len(t, g.refused.at, maxRefused)
	require.Len(t, g.refused.ring, maxRefused)
	require.Len(t, g.wrong.at, maxWrong)
	require.True(t, g.isWrong(number(3*maxRefused-1)))
	require.False(t, g.isWrong(number(0)), "the oldest go")
	_, again := g.returns(number(3*maxRefused-1), now.Add(secondChance))
	require.True(t, again)
}
