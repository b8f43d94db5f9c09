package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDistanceIsThatOfLevenshteinWithSwaps(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"limit", "limit", 0}, {"ordre", "order", 1}, {"strem", "stream", 1}} {
		require.Equal(t, c.want, distance(c.a, c.b), c.a+" "+c.b)
	}
}
