package config_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

// gate is a struct that may be written as the word open.
type gate struct {
	Open bool     `yaml:"-"`
	Keys []string `yaml:"keys,omitempty"`
}

func (g *gate) SetWord(w string) error {
	if w != "open" {
		return errors.New("it is neither open nor a map")
	}
	g.Open = true
	return nil
}

func (g gate) Word() string {
	if g.Open {
		return "open"
	}
	return ""
}

type house struct {
	Gate gate `yaml:"gate,omitempty"`
}

func TestAShorthandIsReadAndShownAsItsWord(t *testing.T) {
	for text, want := range map[string]gate{
		"gate: open\n":          {Open: true},
		"gate:\n  keys: [a]\n":  {Keys: []string{"a"}},
		"gate:\n  keys: [a, b]": {Keys: []string{"a", "b"}},
	} {
		n, err := config.Parse("f", []byte(text))
		require.NoError(t, err)
		var h house
		require.Empty(t, n.Decode(&h), text)
		require.Equal(t, want, h.Gate, text)
		again, err := config.Parse("g", config.Encode(h, config.Style{}))
		require.NoError(t, err)
		var back house
		require.Empty(t, again.Decode(&back))
		require.Equal(t, h, back)
	}
	n, err := config.Parse("f", []byte("gate: shut\n"))
	require.NoError(t, err)
	require.Equal(t, "f:1:7: gate: it is neither open nor a map", n.Decode(&house{}).Error())
}
