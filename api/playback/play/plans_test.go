package play

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/movie"
)

func TestTheLatestPlansAreKept(t *testing.T) {
	var k plans
	made := map[string]*movie.Movie{}
	for i := range maxPlans + 4 {
		key := fmt.Sprint(i)
		made[key] = &movie.Movie{}
		k.put(key, made[key])
		require.Same(t, made["0"], k.get("0"), "it is used again and again")
	}
	require.Len(t, k.list, maxPlans)
	require.Nil(t, k.get("1"))
	require.Same(t, made["19"], k.get("19"))
	k.drop("19")
	require.Nil(t, k.get("19"))
	require.Same(t, made["0"], k.get("0"))
}
